"""Local ACID: transfers between accounts of one database, and reads that run beside them.

A transfer takes effect at one instant, whole, at most once under its key. A read is given what was committed at one
instant between its invocation and its answer: transfers and reads together are strictly serializable (PL-SS). SQLite
gives that to every transaction, unless connections share a cache and read uncommitted rows; PostgreSQL gives it, at any
level, to a read that is a plain SELECT, without FOR UPDATE and without volatile functions.

Two weaker levels exist for reads. At "snapshot" the instant may lie before the invocation (a replica, a cache of whole
states); at "read_committed" each account may have an instant of its own, so that the sum need not be right (read skew).

Sources: Berenson et al., "A critique of ANSI SQL isolation levels", 1995; Adya, "Weak consistency", 1999.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

#: The levels that reads may have, the strongest first.
LEVELS = ("serializable", "snapshot", "read_committed")

Balances = tuple[tuple[str, int], ...]


class AcidView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        calls: what clients know.
        accepted: the requests that took effect, in the order in which they did; equal ones go by the name of the first.
        read: what a read was told just now; None if none was.
        window: what was committed at some instant while that read ran.
        stuck: whether somebody was made to give up waiting for a lock although no COMMIT was late.
    """

    opening: Balances
    balances: Balances
    calls: tuple[Call, ...]
    accepted: tuple[str, ...]
    read: Balances | None = None
    window: frozenset[Balances] = frozenset()
    stuck: bool = False


class Reading(NamedTuple):
    """A read: new, open, answered or over; what it has of each account so far, and what was committed meanwhile."""

    status: str
    value: tuple[int | None, ...]
    window: frozenset[tuple[int, ...]] = frozenset()


class AcidState(NamedTuple):
    """The requests, and the reads beside them."""

    ledger: LedgerState
    readings: tuple[Reading, ...] = ()


class AcidModel(Model[AcidState]):
    """Transfers and reads over a fixed workload.

    Arguments:
        opening: (account, balance) pairs.
        requests: the transfers.
        reads: how many reads run beside them.
        level: the level of the reads, one of LEVELS.
        policies: as for `Ledger`.
    """

    name = "acid"
    events = EVENTS

    def __init__(
        self,
        opening: Iterable[tuple[str, int]],
        requests: Sequence[Request],
        *,
        reads: int = 0,
        level: str = LEVELS[0],
        policies: Collection[str] = (),
    ) -> None:
        """Number accounts and requests."""
        self.ledger = Ledger(opening, requests, policies)
        self.reads = reads
        self.level = level

    def initial_states(self) -> Iterable[AcidState]:
        """Nothing has been asked for."""
        yield AcidState(self.ledger.initial(), (self._fresh("new"),) * self.reads)

    def transitions(self) -> Sequence[Transition]:
        """Clients and the database first, then the reads."""
        reads = [(r,) for r in range(self.reads)]
        accounts = tuple(range(len(self.ledger.accounts)))
        at_once = [accounts] if self.level != "read_committed" else [(a,) for a in accounts]
        return [
            *self.ledger.transitions(accept=self.accept),
            Transition("begin_read", self.begin_read, reads),
            Transition("capture", self.capture, [(r, which) for (r,) in reads for which in at_once]),
            Transition("answer_read", self.answer_read, reads),
            Transition("end_read", self.end_read, reads),
        ]

    def accept(self, s: AcidState, i: int) -> AcidState | None:
        """A transfer is committed; open reads may see it."""
        ledger = self.ledger.accept(s.ledger, i)
        if ledger is None:
            return None
        return AcidState(ledger, tuple([_meanwhile(reading, ledger.balances) for reading in s.readings]))

    def begin_read(self, s: AcidState, r: int) -> AcidState | None:
        """A client asks for the balances."""
        if s.readings[r].status != "new":
            return None
        reading = s.readings[r]._replace(status="open", window=frozenset({s.ledger.balances}))
        return s._replace(readings=put(s.readings, r, reading))

    def capture(self, s: AcidState, r: int, which: tuple[int, ...]) -> AcidState | None:
        """The read is given what is committed now for the accounts `which`; at the weaker levels also in advance."""
        reading = s.readings[r]
        allowed = ("open",) if self.level == "serializable" else ("new", "open")
        if reading.status not in allowed or reading.value[which[0]] is not None:
            return None
        value = tuple([s.ledger.balances[a] if a in which else kept for a, kept in enumerate(reading.value)])
        return s._replace(readings=put(s.readings, r, reading._replace(value=value)))

    def answer_read(self, s: AcidState, r: int) -> AcidState | None:
        """The client is told; one read at a time, so that a view shows at most one."""
        reading = s.readings[r]
        if reading.status != "open" or None in reading.value or any(o.status == "answered" for o in s.readings):
            return None
        return s._replace(readings=put(s.readings, r, reading._replace(status="answered")))

    def end_read(self, s: AcidState, r: int) -> AcidState | None:
        """The answer is a thing of the past."""
        if s.readings[r].status != "answered":
            return None
        return s._replace(readings=put(s.readings, r, self._fresh("over")))

    def at_rest(self, state: AcidState) -> bool:
        """No call is open."""
        return "open" not in state.ledger.status and all(r.status in ("new", "over") for r in state.readings)

    def view(self, state: AcidState) -> AcidView:
        """Balances and answers."""
        told = next((reading for reading in state.readings if reading.status == "answered"), None)
        return AcidView(
            self.ledger.opening,
            self.ledger.balances(state.ledger),
            self.ledger.calls(state.ledger),
            self.ledger.accepted(state.ledger),
            self._named(told.value) if told else None,
            frozenset([self._named(balances) for balances in told.window]) if told else frozenset(),
        )

    def _fresh(self, status: str) -> Reading:
        return Reading(status, (None,) * len(self.ledger.accounts))

    def _named(self, balances: tuple[int | None, ...]) -> Balances:
        return tuple([(name, balance or 0) for name, balance in zip(self.ledger.accounts, balances, strict=True)])


def _meanwhile(reading: Reading, balances: tuple[int, ...]) -> Reading:
    """Something was committed while a read may have been open."""
    return reading._replace(window=reading.window | {balances}) if reading.status == "open" else reading
