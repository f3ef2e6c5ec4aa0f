"""The programs of the page on levels of isolation: two or three transactions each, and what tells that a phenomenon has occurred.

Each transaction is a fixed list of statements on one table of two rows, and answers with what its SELECTs gave; or that it was
refused. So a phenomenon is a fact about answers and what is left, and needs no interpretation: every schedule of a program is run,
and the phenomenon occurs at a level if it shows in one of them. The programs are in the manner of Hermitage's, which ran one
schedule of each by hand.

Sources: Adya, "Weak consistency", 1999 (G0 to G2); Bailis et al., "Highly available transactions", 2013 (OTV, PMP); Fekete et al., "A
read-only transaction anomaly under snapshot isolation", 2004; Kleppmann, Hermitage.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from acidtest.checker.machine import Action, Kind, Model, Property, Transition
from acidtest.port import installation, operation, read
from acidtest.properties.shared.contract import Contract
from acidtest.workload import Client, Operation, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence

    from acidtest.properties.shared.seen import Seen

REFUSED = "refused"
READ_UNCOMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE = LEVELS = (
    "READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE",
)  # fmt: skip
Answers = dict[str, Any]


class View(NamedTuple):
    """What each transaction answered, and what is in the table."""

    answers: tuple[tuple[str, Hashable], ...]
    rows: tuple[tuple[int, int], ...]


class Program(NamedTuple):
    """A phenomenon, and the transactions in which it may occur.

    Arguments:
        name: of the phenomenon.
        transactions: the statements of each, by its name; one that does not end with ROLLBACK is committed.
        shows: whether it has occurred, by what was answered and what is left.
        occurs: at which levels Hermitage finds it, by server.
    """

    name: str
    transactions: Mapping[str, Sequence[str]]
    shows: Callable[[Answers, dict[int, int]], bool]
    occurs: Mapping[str, Sequence[str]]


def _set(row: int, value: int) -> str:
    return f"UPDATE test SET value = {value} WHERE id = {row}"  # noqa: S608 - numbers of ours


def _get(row: int) -> str:
    return f"SELECT value FROM test WHERE id = {row}"  # noqa: S608 - numbers of ours


_BOTH = "SELECT value FROM test WHERE id IN (1, 2) ORDER BY id"
_ODD = "SELECT id FROM test WHERE value % 3 = 0 ORDER BY id"
_TWENTY = "SELECT id FROM test WHERE value = 20 ORDER BY id"
_DELETE_TWENTY = "DELETE FROM test WHERE value = 20"
_DIRTY = {"mariadb": LEVELS[:1]}
_UP_TO_COMMITTED = {"postgresql": LEVELS[:2], "mariadb": LEVELS[:2]}
_WRITES_OF_NOW = {"postgresql": LEVELS[:2], "mariadb": LEVELS[:3]}
_BELOW_SERIALIZABLE = {"postgresql": LEVELS[:3], "mariadb": LEVELS[:3]}

PROGRAMS = (
    Program(
        "dirty write (G0)", {"T1": (_set(1, 11), _set(2, 21)), "T2": (_set(1, 12), _set(2, 22))},
        lambda told, rows: REFUSED not in told.values() and rows not in ({1: 11, 2: 21}, {1: 12, 2: 22}), {},
    ),
    Program(
        "aborted read (G1a)", {"T1": (_set(1, 101), _set(2, 202), "ROLLBACK"), "T2": (_get(1),)},
        lambda told, _: told["T2"] == ((101,),), _DIRTY,
    ),
    Program(
        "intermediate read (G1b)", {"T1": (_set(1, 101), _set(1, 11)), "T2": (_get(1),)}, lambda told, _: told["T2"] == ((101,),), _DIRTY,
    ),
    Program(
        "circular information flow (G1c)", {"T1": (_set(1, 11), _get(2)), "T2": (_set(2, 22), _get(1))},
        lambda told, _: (told["T1"], told["T2"]) == (((22,),), ((11,),)), _DIRTY,
    ),
    Program(
        "observed transaction vanishes (OTV)",
        {"T1": (_set(1, 11), _set(2, 19)), "T2": (_set(1, 12), _set(2, 18)), "T3": (_get(1), _get(2))},
        lambda told, rows: told["T3"] == ((12,), (19,)) and rows == {1: 12, 2: 18}, _DIRTY,  # T2 came last
    ),
    Program(
        "predicate-many-preceders (PMP)", {"T1": (_ODD, _ODD), "T2": ("INSERT INTO test VALUES (3, 30)",)},
        lambda told, _: told["T1"] in (((), (3,)), ((3,), ())), _UP_TO_COMMITTED,
    ),
    Program(
        "predicate-many-preceders of a write (PMP)", {"T1": ("UPDATE test SET value = value + 10",), "T2": (_TWENTY, _DELETE_TWENTY)},
        lambda told, rows: told["T2"] == ((2,),) and 2 in rows, _WRITES_OF_NOW,  # noqa: PLR2004 - the second row
    ),
    Program(
        "lost update (P4)", {"T1": (_get(1), _set(1, 11)), "T2": (_get(1), _set(1, 12))},
        lambda told, _: told["T1"] == told["T2"] == ((10,),), _WRITES_OF_NOW,
    ),
    Program(
        "read skew (A5A; G-single)", {"T1": (_get(1), _get(2)), "T2": (_set(1, 12), _set(2, 18))},
        lambda told, _: told["T1"] in (((10,), (18,)), ((12,), (20,))), _UP_TO_COMMITTED,
    ),
    Program(
        "read skew of a write (G-single)", {"T1": (_get(1), _DELETE_TWENTY), "T2": (_set(1, 12), _set(2, 18))},
        lambda told, rows: told["T1"] == ((10,),) and told["T2"] != REFUSED and 2 in rows, _WRITES_OF_NOW,  # noqa: PLR2004 - the second row
    ),
    Program(
        "write skew (A5B; G2-item)", {"T1": (_BOTH, _set(1, 11)), "T2": (_BOTH, _set(2, 21))},
        lambda told, _: told["T1"] == told["T2"] == ((10, 20),), _BELOW_SERIALIZABLE,
    ),
    Program(
        "write skew of predicates (P3; G2)", {"T1": (_ODD, "INSERT INTO test VALUES (3, 30)"), "T2": (_ODD, "INSERT INTO test VALUES (4, 42)")},
        lambda told, _: told["T1"] == told["T2"] == ((),), _BELOW_SERIALIZABLE,
    ),
    Program(
        "read-only anomaly", {"T1": (_BOTH, _set(1, 0)), "T2": ("UPDATE test SET value = value + 5 WHERE id = 2",), "T3": (_BOTH,)},
        lambda told, _: (told["T1"], told["T3"]) == (((10, 20),), ((10, 25),)) and told["T2"] != REFUSED, _BELOW_SERIALIZABLE,
    ),
)  # fmt: skip


class _Port(Protocol):
    @installation
    def install(self, accounts: dict[str, int]) -> None: ...

    @operation
    def run(self, name: str) -> Hashable: ...

    @read
    def rows(self) -> dict[int, int]: ...


class _Anything(Model[int]):
    """A model that allows everything: the one property alone judges."""

    def initial_states(self) -> Iterable[int]:
        yield 0

    def transitions(self) -> Sequence[Transition]:
        return ()

    def view(self, state: int) -> Hashable:  # noqa: ARG002 - as in every model
        return ()


class IsolationContract(Contract):
    """That a phenomenon does not show."""

    pattern: ClassVar[str] = "isolation"
    port = _Port

    def __init__(self, program: Program) -> None:
        """Take the program in which it may."""
        self.program = program

        def unseen(view: View) -> bool:
            return not program.shows(dict(view.answers), dict(view.rows))

        self.properties = (Property("P", f"no {program.name}", Kind.AT_REST, unseen),)  # type: ignore[misc]

    def model(self, scope: Scope) -> Model[Any]:  # noqa: ARG002 - as every contract
        """The one that allows everything."""
        return _Anything()

    def observe(self, implementation: Any) -> Hashable:
        """What is in the table."""
        return tuple(implementation.rows().items())

    def view(self, scope: Scope, seen: Seen, before: Any) -> View:  # noqa: ARG002 - likewise
        """What was answered, and what is in the table."""
        answers = tuple((one.name, told) for one, told in zip(scope.operations(), seen.status, strict=True))
        return View(answers, seen.durable)  # type: ignore[arg-type]

    def abstract(self, view: Any) -> Hashable:  # noqa: ARG002 - likewise
        """Nothing."""
        return ()

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:  # noqa: ARG002 - likewise
        """None."""
        return ()

    def answer(self, operation: Operation, value: object) -> Hashable:  # noqa: ARG002 - likewise
        """As it is."""
        return value

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """None."""
        return ()


class Transactions:
    """Runs the transactions of a program, at a level."""

    program: ClassVar[Program]
    level: ClassVar[str] = ""

    def __init__(self, env: Any) -> None:
        """Keep an engine."""
        engine = env.engine("bank")
        self.engine = engine.execution_options(isolation_level=self.level) if self.level else engine

    def install(self, accounts: dict[str, int]) -> None:
        """Make the table."""
        with self.engine.begin() as connection:
            connection.execute(sa.text("CREATE TABLE test (id INTEGER PRIMARY KEY, value INTEGER)"))
            connection.execute(sa.text("INSERT INTO test VALUES (:id, :value)"), [{"id": int(n), "value": v} for n, v in accounts.items()])

    def run(self, name: str) -> Hashable:
        """Run a transaction: what each SELECT gave, or that the server refused it."""
        try:
            with self.engine.begin() as connection:
                given = [self._rows(connection, sql) for sql in self.program.transactions[name]]
        except DBAPIError:
            return REFUSED
        return tuple([rows for rows in given if rows is not None])

    def _rows(self, connection: sa.Connection, sql: str) -> tuple[Any, ...] | None:
        if sql == "ROLLBACK":
            connection.rollback()
            return None
        result = connection.execute(sa.text(sql))
        return tuple([value for (value,) in result]) if result.returns_rows else None

    def rows(self) -> dict[int, int]:
        """What is in the table."""
        with self.engine.connect() as connection:
            return {row.id: row.value for row in connection.execute(sa.text("SELECT id, value FROM test ORDER BY id"))}


def scope_of(program: Program) -> Scope:
    """The transactions of a program, each in a process of its own."""
    clients = tuple(Client(name, name, (Operation(name, "run", (name,)),)) for name in program.transactions)
    return Scope(program.name, "", (("1", 10), ("2", 20)), clients)
