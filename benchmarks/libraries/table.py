"""Published libraries that are run through acidtest: which, by which adapter, and what was found of them.

Adapters are written here, through the public interface of each library alone; the libraries are installed as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

ADAPTERS = Path(__file__).with_name("adapters")


class Library(NamedTuple):
    """A published library under a contract.

    Arguments:
        name: on the package index.
        requirements: what pip installs, pinned, the library first.
        pattern: the contract.
        adapter: the adapter's class, as module:class; the module is in `adapters`.
        backends: the kinds of databases that the library stores into, of those that acidtest has.
        what: what it is and how it is used here, in a sentence or two.
        found: what the schedules show, by the kind of databases: a sentence or two for whoever knows the library.
    """

    name: str
    requirements: tuple[str, ...]
    pattern: str
    adapter: str
    backends: tuple[str, ...]
    what: str
    found: dict[str, str]

    @property
    def version(self) -> str:
        """The version that is run."""
        return self.requirements[0].partition("==")[2]

    @property
    def file(self) -> Path:
        """The adapter's file."""
        return ADAPTERS / f"{self.adapter.partition(':')[0]}.py"


LIBRARIES = (
    Library(
        "eventsourcing", ("eventsourcing[postgres]==9.5.6",), "event_store", "with_eventsourcing:Store", ("sqlite", "postgresql"),
        "Recorders of the library's own, as its `InfrastructureFactory` makes them. Versions are those of aggregates, which the "
        "primary key guards; notifications are read from the last id on.",
        {
            "sqlite": "One writer at a time numbers the rows, so no notification is passed over; two that expect one version meet at the "
            "primary key.",
            "postgresql": "The threads of its pool are driven. But the recorder reads by a pipeline on a connection on which each statement is a "
            "transaction, and acidtest does not drive that. Nothing is said of the library by it.",
        },
    ),
    Library(
        "aett", ("aett[postgresql]==3.4.1",), "event_store", "with_aett:Store", ("sqlite", "postgresql"),
        "`CommitStore` and `PersistenceManagement`. An append is a commit; the revisions of streams are guarded by unique indexes, and "
        "positions are checkpoint numbers.",
        {
            "sqlite": "Each commit is one INSERT, and of two that want one revision the unique index refuses one.",
            "postgresql": "Nothing is violated. The INSERT commits by itself, and acidtest takes such a statement for one step, which can "
            "be lost but not late: so the verdict stays open. Nor is it tried that a checkpoint number is drawn a moment before its row is "
            "visible, and another commit comes in between.",
        },
    ),
    Library(
        "SQLAlchemy", ("SQLAlchemy==2.1.9", "psycopg[binary]==3.3.9", "PyMySQL==1.2.4"), "two_phase_commit", "with_sqlalchemy:Desk",
        ("postgresql", "mariadb"),
        "`Connection.begin_twophase`, `prepare` and `commit` on three databases, by which `Session(twophase=True)` commits. A session itself goes "
        "through its databases in the order of a set of objects, that is, of addresses: no schedule can name that, so the adapter makes the "
        "same calls in the order of the names. It recovers by `recover_twophase` and `rollback_prepared`: nobody has written down what was decided.",
        {
            "postgresql": "Without faults it is right, also where two runs meet. With any single fault between the first COMMIT PREPARED and the last it "
            "is not: a crash, a statement that is refused, lost, unanswered or late, the death of the server. Where the first is not answered, "
            "closing the transactions rolls back the others, which are prepared; what a crash leaves can only be guessed.",
            "mariadb": "The same, with any single fault between the first XA COMMIT and the last.",
        },
    ),
    Library(
        "apso-domain-events", ("apso-domain-events==0.1.0", "SQLAlchemy==2.1.9", "psycopg[binary]==3.3.9"), "outbox",
        "with_apso_domain_events:Withdrawals", ("sqlite", "postgresql"),
        "A listener of SQLAlchemy's sessions adds an event for each change of chosen entities, in the same transaction, and `DomainEventRelay` sends "
        "what is pending to destinations; here to the broker. Keys are the adapter's.",
        {
            "sqlite": "The event is there if and only if the change is. Two relays read the same events as pending, for nobody claims them, and both "
            "send them. The library says that it delivers at least once and that consumers must drop what comes twice; the contract asks that "
            "several relays publish once as long as nothing fails.",
            "postgresql": "The same.",
        },
    ),
    Library(
        "asgi-idempotency-header",
        ("asgi-idempotency-header==0.2.0", "fastapi==0.165.0", "httpx==0.28.1", "redis==8.1.0", "fakeredis[lua]==2.41.0", "psycopg[binary]==3.3.9"), "acid",
        "with_asgi_idempotency_header:Transfers", ("sqlite", "postgresql"),
        "The middleware `IdempotencyHeaderMiddleware` with its `RedisBackend`, before an endpoint of Starlette's that moves money in one transaction and knows "
        "no keys; called in process by httpx.",
        {
            "sqlite": "A key that comes again with another payload is answered as the first request was: the middleware does not look at payloads, "
            "and does not say that it does. With `--keep-going` it also shows that a key is kept as pending when its answer has expired or its process "
            "died: who asks again is told 409 from then on.",
            "postgresql": "The same.",
        },
    ),
)  # fmt: skip
