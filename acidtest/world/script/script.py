"""What code under test was seen to do next, by what its process had seen.

Whatever a task does from one stop to the next depends on what its process has seen (`Process.digest`), on the past contents
that its transactions still see, and, where a statement is performed between, on the contents of the database, on who
else holds its lock, and on the fault that befalls it. That is the key. What it leaves is the outcome: what the process has
seen then, contents, pins and locks, and what it comes to.

Nothing is taken for granted: what is learned twice must be the same twice, and every run that goes on for real where the script
ends must be in the state that the script had led to. Where either is not so, the script is given up and all is run for real.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.world.core.effects import Aside

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.world.core.backend import Hold
    from acidtest.world.core.effects import Effect
    from acidtest.world.core.process import Process

#: The kind of a statement that only reads.
READ = "read"
#: Outcomes that are no action: a statement would have to wait for a lock; the process has died at it.
BLOCKED, DIED = "blocked", "died"
#: What the implementation does not have.
ABSENT = object()
#: What the implementation has that can be called.
METHOD = object()


class Missing(Aside):
    """The script does not go on here. No `Exception`: nobody takes it for a failure of a run."""


class Misled(Aside):
    """What was played is not what the code does: whoever has gone by the script has to begin anew."""


class Statement(NamedTuple):
    """The task comes to a statement on a database; `query` is what it asks, None where its answer may depend on more than contents."""

    effect: Effect
    database: str
    query: Hashable


class Ask(NamedTuple):
    """The task asks a device for something: attributes and calls, one after the other, from what its environment offers."""

    path: tuple[Any, ...]


class Returned(NamedTuple):
    """The call has returned."""

    value: Any


class Raised(NamedTuple):
    """The call has raised an error of the type's name and text, which `ends` the process, or only the call."""

    name: str
    text: str
    ends: bool = False


class Change(NamedTuple):
    """What has become of a database: the number of its contents, and whether something was committed."""

    database: str
    content: int
    committed: bool


class Outcome(NamedTuple):
    """What a task has left when it came to a stop.

    Arguments:
        action: what it comes to: a statement, an ask, an end, or BLOCKED or DIED.
        digest: what its process has seen.
        pins: what its transactions see, for each connection.
        holds: the locks of its connections.
        changes: what became of databases.
        effects: how many effects it has performed.
        disturbances: how many errors a database has raised on its own account.
        disconnected: whether a reply was lost, and with it the connection.
        late: the database and the fact of a COMMIT that comes later.
        touched: whether a lock may have become free.
        read_clock: whether it has asked for the time.
    """

    action: Any
    digest: int
    pins: tuple[Any, ...]
    holds: tuple[Hold, ...]
    changes: tuple[Change, ...] = ()
    effects: int = 0
    disturbances: int = 0
    disconnected: bool = False
    late: tuple[str, Hashable] | None = None
    touched: bool = False
    read_clock: bool = False


class Landed(NamedTuple):
    """What a COMMIT has left that came late."""

    change: Change
    pins: tuple[Any, ...]
    holds: tuple[Hold, ...]


class Script:
    """All that was learned of an implementation in a scope.

    `start` are the numbers of the contents with which runs start, by database. `boot` are the asks of each process when it is
    made at the start of a run. `attributes` is what implementations have, by service and name. `reason` says why it was given
    up; empty while it is good.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.start: tuple[tuple[str, int], ...] = ()
        self.boot: dict[str, list[Ask]] = {}
        self.attributes: dict[tuple[str, str], Any] = {}
        self.reason = ""
        self.wrong = False
        self._outcomes: dict[Performed | Hashable, Outcome] = {}
        self._alike: dict[Hashable, list[Performed]] = {}
        self._blocking: set[tuple[str, Hashable]] = set()
        self._landings: dict[Hashable, Landed] = {}
        self._rests: dict[Hashable, int] = {}

    def give_up(self, reason: str, *, wrong: bool = False) -> None:
        """Learn no more, and let nobody play it; `wrong` says that what was played so far cannot be trusted either."""
        self.reason = self.reason or reason
        self.wrong |= wrong

    def learn(
        self, key: Hashable, outcome: Outcome, kept: Callable[[Any], Any] = lambda action: action,
        asked: tuple[str, Hashable] | None = None,
    ) -> None:  # fmt: skip
        """Take down what was left; what a lock may have become free by is no contradiction.

        Arguments:
            key: by what it is to be found.
            outcome: what was left.
            kept: makes what is done last.
            asked: the database and the query of the statement; None where nothing like it is to be told by that.
        """
        known = self._outcomes.get(key)
        if known is None:
            self._outcomes[key] = outcome._replace(action=kept(outcome.action))
            if asked is not None and isinstance(key, Performed):
                self._alike.setdefault((*asked, key.shape()), []).append(key)
                if outcome.action is BLOCKED:
                    self._blocking.add((asked[0], key.holders))
        elif known != outcome:
            if known._replace(touched=outcome.touched) != outcome:
                self.give_up(f"the same came to {known} and to {outcome}", wrong=True)
            elif outcome.touched:
                self._outcomes[key] = known._replace(touched=True)

    def after(self, key: Hashable) -> Outcome:
        """What was left.

        Raises:
            Missing: nobody knows.
        """
        try:
            return self._outcomes[key]
        except KeyError:
            raise Missing from None

    def outcome(self, key: Hashable) -> Outcome | None:
        """What was left; None where nobody knows."""
        return self._outcomes.get(key)

    def blocks(self, database: str, holders: Hashable) -> bool:
        """Whether somebody was seen to wait for those who hold the lock of a database."""
        return (database, holders) in self._blocking

    def alike(self, key: Performed, statement: Statement) -> list[Performed]:
        """Where the same was asked in the same way, of the same or of other contents."""
        return self._alike.get((statement.database, statement.query, key.shape()), [])

    def learn_landing(self, key: Hashable, landed: Landed) -> None:
        """Take down what a late COMMIT has left."""
        if self._landings.setdefault(key, landed) != landed:
            self.give_up("the same late COMMIT came to something else", wrong=True)

    def landing(self, key: Hashable) -> Landed:
        """What a late COMMIT leaves.

        Raises:
            Missing: nobody knows.
        """
        try:
            return self._landings[key]
        except KeyError:
            raise Missing from None

    def learn_rest(self, key: Hashable, digest: int) -> None:
        """Take down what an idle process is known by."""
        self._rests[key] = digest

    def rest(self, key: Hashable) -> int:
        """What an idle process is known by.

        Raises:
            Missing: nobody knows.
        """
        try:
            return self._rests[key]
        except KeyError:
            raise Missing from None

    def learn_attribute(self, service: str, name: str, value: Any) -> None:  # noqa: ANN401 - an attribute of anything
        """Take down what implementations of a service have."""
        known = self.attributes.setdefault((service, name), value)
        if known is not value and known != value:
            self.give_up(f"{name} is {known!r} and {value!r}", wrong=True)


def begins(process: Process, task: str, what: str) -> Hashable:
    """By what is found what a call does first."""
    return "begins", process.digest, task, what, pins_of(process)


def answered(process: Process, task: str, number: int, answer: Hashable) -> Hashable:
    """By what is found what a call does after its so-manieth ask in a row was answered."""
    return "answered", process.digest, task, number, answer, pins_of(process)


class Performed(NamedTuple):
    """By what is found what a statement leaves.

    Arguments:
        digest: what the process has seen.
        task: whose statement it is.
        fault: what befalls it.
        pins: what the transactions of the process see, for each connection.
        holds: the locks of its connections.
        content: what is committed in the database; None where that makes no difference.
        holders: who else holds the lock.
        time: what it may depend on; None where it does not.
    """

    digest: int
    task: str
    fault: str
    pins: tuple[Any, ...]
    holds: tuple[Hold, ...]
    content: int | None
    holders: Hashable
    time: float | None

    def shape(self) -> Hashable:
        """All of it but the numbers of contents."""
        pins = tuple([tuple([(pin.database, pin.latest) for pin in pins]) for pins in self.pins])
        return self.digest, self.task, self.fault, pins, self.holds, self.content is None, self.holders, self.time


def performed(world: Any, process: Process, task: str, effect: Effect, database: str, fault: str) -> Performed:  # noqa: ANN401 - a world
    """By what is found what a statement leaves."""
    host = world.cluster.host(process.name)
    content = None if effect.local else world.cluster.content_of(database)
    holders = None if effect.kind == READ else _holders(world, process, database)  # readers wait for nobody
    time = world.time.time if effect.timed else None
    return Performed(process.digest, task, fault, pins_of(process), host.holds(), content, holders, time)


def landing(world: Any, process: str, database: str, fact: Hashable) -> Hashable:  # noqa: ANN401 - a world
    """By what is found what a late COMMIT leaves."""
    return database, fact, world.cluster.content_of(database), tuple(world.cluster.host(process).pins())


def resting(process: Process) -> Hashable:
    """By what is found what an idle process is known by."""
    return process.digest, pins_of(process), process.host.holds()


def pins_of(process: Process) -> tuple[Any, ...]:
    """What the transactions of a process see."""
    return tuple(process.host.pins())


def _holders(world: Any, process: Process, database: str) -> Hashable:  # noqa: ANN401 - a world
    """Who else holds, or may hold, the lock of a database, each by what he has seen: a lock that was dropped is free when it is needed."""
    others = [other.digest for other in world.processes.values() if other is not process and _holds(other, database)]
    late = [name for name, late in world.late.items() if late.connection is not None and late.connection.database.name == database]
    return *others, *late


def _holds(process: Process, database: str) -> bool:
    return any(hold.database == database for hold in process.host.holds())
