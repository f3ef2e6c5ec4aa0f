"""What a world asks of a kind of database: a server or a library, its databases, and its connections.

Those that there are stand in `acidtest.world.databases`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    import sqlalchemy as sa

Rows = tuple[tuple[Any, ...], ...]
#: What is committed in a database: (table, rows) pairs.
Contents = tuple[tuple[str, Rows], ...]


class Pin(NamedTuple):
    """Past contents that an open transaction sees.

    Arguments:
        database: of which.
        content: the number of the contents.
        latest: nothing has been committed since; None where that makes no difference.
    """

    database: str
    content: int
    latest: bool | None = None


class Hold(NamedTuple):
    """A lock that a connection holds on a database; or may hold, where a statement that takes it has failed."""

    database: str


class Connection(Protocol):
    """A driven connection. `spares` is where a clean one of a pool waits to be used again."""

    spares: list[Any] | None
    leaves_trace: bool
    lost: bool

    @property
    def database(self) -> Database:
        """What it is connected to."""

    def pins(self) -> tuple[Hashable, ...]:
        """What its open transaction has done and seen: part of the key of a state."""

    def holds(self) -> Hold | None:
        """The lock that others may have to wait for, as far as it is known without asking a server."""

    def is_reading(self) -> bool:
        """Whether a statement may have rows that nobody has seen yet."""

    def is_altered(self) -> bool:
        """Whether code has set it otherwise than it was."""

    def settings(self) -> Hashable:
        """How code has set it, and whether it is lost."""

    def give_back(self) -> bool:
        """Roll back, as when the process dies; False where the connection had to be closed for good."""

    def hang_up(self) -> None:
        """Close for good: whatever is open rolls back."""


class Answer(NamedTuple):
    """What a statement answers, and what it leaves.

    Arguments:
        seen: all that its caller can see; equal for equal answers, in type as well, and for no others.
        content: the number of the contents after it, where it is committed with it; None where it is not.
        rows: whether it has rows, or has failed: its caller has to go on before it is over.
    """

    seen: bytes
    content: int | None
    rows: bool = False


class Landing(Protocol):
    """A transaction whose end was left to the server."""

    @property
    def database(self) -> Database:
        """Where it is."""

    def land(self) -> None:
        """Let the end come."""

    def hang_up(self) -> None:
        """Roll it back, if its end has not come."""


class Database(Protocol):
    """One database of the world. `version` changes whenever a lock may have become free."""

    name: str
    version: int

    def connect(self, **options: Any) -> Any:
        """A driven connection."""

    def content(self) -> int:
        """The number of the committed contents: equal contents have the same."""

    def commits(self) -> int:
        """Changes with every commit of a transaction that wrote something; 0 where nobody asks."""

    def is_fresh(self) -> bool:
        """Whether the contents are the captured ones."""

    def value(self, number: int) -> Contents:
        """The contents with that number: (table, rows) pairs."""

    def columns(self, table: str) -> list[str]:
        """The names of a table's columns."""

    def answer(self, query: Any, content: int) -> Answer | None:
        """What a statement answers whose transaction sees the contents of that number; None where nobody can say."""

    def free_dropped(self) -> bool:
        """Close the connections that the code under test has dropped; whether one of them kept a lock."""

    def capture(self) -> None:
        """Make the present contents the ones that `reset` goes back to."""

    def reset(self) -> None:
        """Go back to the captured contents."""

    def keep(self) -> None:
        """Let the present contents be there for `go_back`."""

    def go_back(self, number: int | None) -> None:
        """Hold contents of that number again, which were kept, or the captured ones for None. Nobody is connected.

        Raises:
            UsageError: the schema was another then, and this kind of database cannot go back to it.
        """

    def fill(self, other: Any) -> None:
        """Take over what is committed in another database."""

    def close(self) -> None:
        """Remove it."""


class Backend(Protocol):
    """A kind of database.

    `scriptable` says that what a statement does depends on nothing but the contents that it sees, on who holds a lock on the
    database, and on what its own process has done, and that who reads waits for nobody: then it need not be run to know it again.
    `pooled` are the options with which engines connect, where they differ from those of whoever connects without one.
    """

    name: str
    scriptable: bool
    pooled: Mapping[str, Any]

    def make(self, name: str, late: Callable[[Any, Hashable], None]) -> Database:
        """Make the database `name`; `late` is called with what must take effect later."""

    def address(self, database: Any) -> str:
        """The SQLAlchemy URL of a database."""

    def name_of(self, address: str, known: list[Any]) -> str:
        """The name of the database that code means by an address that it opens itself."""

    def engine(self, creator: Callable[[], Any], *, asynchronous: bool = False) -> sa.Engine:
        """An engine whose pool gets its connections from `creator`; or what an asynchronous engine is made of."""

    def history(self, database: Any) -> Hashable:
        """What the future depends on beside contents and connections: part of the key of a state."""

    def restart(self, databases: list[Any], connections: list[Any]) -> None:
        """Die and start again: `databases` keep what was committed or prepared, `connections` are lost."""

    def die_with(self, other: Any, databases: list[Any], connections: list[Any]) -> None:
        """Another backend has died and started again: where both are on one server, that was the death of this one as well."""

    def versions(self) -> dict[str, str]:
        """What was involved, for reports."""

    def forget(self) -> None:
        """All databases are gone: the next installation starts from nothing."""

    def close(self) -> None:
        """Give everything back."""
