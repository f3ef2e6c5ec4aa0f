"""Compensation: business transactions change a row that others write too, and are undone by an undo log beside it.

A business transaction has one key per change; each change credits the row by the price of the moment, and leaves an undo
record with what it changed, in the same database transaction. When its coordinator gives up, every key is to be undone.
Commands stay on the wire, so they may come late, out of order and again; one that never comes is a lost one. In between
third parties deposit and withdraw, and never know of any of this.

`alone` is what the row would be had there been third parties only: no process knows it; it is what soundness is about
(Korth, Levy & Silberschatz, "A formal approach to recovery by compensating transactions", VLDB 1990: after T and then C, with
X anywhere between, the state is as after X; as declared here, the row is equal). Third parties commute with changes by default: what
is not kept yet cannot be spent.

The database keeps a mark per key, as for the steps of a saga, and a crash takes only what is not in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Action, Model, Transition
from acidtest.models.shared.steps import CANCELLED, MARKS, SETTLED, cancelled, in_words, marked, performed
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Sequence

OPEN, ABORTING, KEPT, UNDONE, PARKED = "open", "aborting", "kept", "undone", "parked"
#: What the row holds at the start.
OPENING = 0


class Rules(NamedTuple):
    """The rules of the protocol, and what third parties may do."""

    tombstones: bool = True
    idempotent: bool = True
    parking: bool = True
    last_first: bool = True
    before_image: bool = False
    global_lock: bool = False
    bypass: bool = False
    current_price: bool = False
    record_apart: bool = False
    erase: bool = False
    blind: bool = False
    overdraw: bool = False
    spendable: bool = False
    interest: bool = False
    irreversible: bool = False


class UndoState(NamedTuple):
    """The database, the coordinators, and what befell them."""

    row: int
    marks: str  #: of each key
    amounts: tuple[int, ...]  #: of each key, what its change added
    images: tuple[int, ...]  #: of each key, what the row held before; recorded only where it is restored
    outcomes: tuple[str, ...]  #: of each business transaction, as its coordinator has it
    log: tuple[int, ...] = ()  #: the undo records, as keys, in the order in which they were written
    memory: frozenset[int] = frozenset()  #: undo records still to be written, where that is apart
    alone: int = OPENING
    price: int = 1
    writes: int = 0  #: of third parties
    lock: int | None = None  #: the business transaction that has the row, where there are global locks
    down: bool = False
    crashes: int = 0
    waited: bool = False  #: whether a third party has found the row locked


class UndoView(NamedTuple):
    """What an outsider sees."""

    row: int
    alone: int
    owners: tuple[int, ...]  #: of each key, its business transaction
    did: tuple[int, ...]
    undid: tuple[int, ...]
    cancelled: tuple[bool, ...]  #: whether the compensation came first
    amounts: tuple[int, ...]
    log: tuple[int, ...]  #: the keys that have an undo record, in its order
    outcomes: tuple[str, ...]
    writes: int
    crashes: int
    waited: bool  #: whether a third party has found the row locked


class UndoLog(Model[UndoState]):
    """Business transactions on one row, undone beside the writes of others.

    Arguments:
        transactions: how many business transactions.
        changes: of each; all change the same row.
        writes: how many third parties write.
        crashes: of the database's application, at most.
        rules: those of `Rules` that are not at their default.
    """

    name = "UndoLog"
    faults = frozenset({"T", "Reprice", "Deposit", "Withdraw", "Interest", "Wait", "Crash"})

    def __init__(self, transactions: int, changes: int, writes: int, crashes: int = 0, **rules: bool) -> None:
        """Set the size, and which rules are off."""
        self.transactions, self.writes, self.crashes = transactions, writes, crashes
        self.owners = tuple(owner for owner in range(transactions) for _ in range(changes))
        self.keys = range(len(self.owners))
        self.rules = Rules(**rules)

    def initial_states(self) -> list[UndoState]:
        """Start with every change commanded and none done."""
        n = len(self.owners)
        return [UndoState(OPENING, "-" * n, (0,) * n, (0,) * n, (OPEN,) * self.transactions)]

    def transitions(self) -> Sequence[Transition]:
        """The database, the coordinators, and everybody else."""
        rules, keys, transactions = self.rules, [(key,) for key in self.keys], [(t,) for t in range(self.transactions)]
        table = (
            (True, Transition("T", self.do, keys)),
            (True, Transition("C", self.undo, keys)),
            (rules.record_apart, Transition("Record", self.record, keys)),
            (True, Transition("Keep", self.keep, transactions)),
            (True, Transition("GiveUp", self.give_up, transactions)),
            (True, Transition("End", self.end, transactions)),
            (rules.parking and (rules.spendable or rules.irreversible), Transition("Park", self.park, transactions)),
            (True, Transition("Reprice", self.reprice)),
            (True, Transition("Deposit", self.deposit)),
            (True, Transition("Withdraw", self.withdraw)),
            (rules.interest, Transition("Interest", self.interest)),
            (rules.global_lock, Transition("Wait", self.wait)),
            (self.crashes, Transition("Crash", self.crash)),
            (self.crashes, Transition("Restart", self.restart)),
        )
        return [transition for exists, transition in table if exists]

    # The database: it knows its rows, its marks and its undo log.

    def do(self, s: UndoState, key: int) -> UndoState | None:
        """Change the row and write down how to undo it, unless the key is known or barred."""
        mark = performed(s.marks[key], idempotent=self.rules.idempotent)
        owner = self.owners[key]
        if s.down or mark is None or s.lock not in {None, owner}:
            return None
        return s._replace(
            row=s.row + s.price,
            marks=marked(s.marks, key, mark),
            amounts=put(s.amounts, key, s.price),
            images=put(s.images, key, s.row if self.rules.before_image else 0),
            log=s.log if self.rules.record_apart else (*s.log, key),
            memory=s.memory | {key} if self.rules.record_apart else s.memory,
            lock=owner if self.rules.global_lock and s.outcomes[owner] in {OPEN, ABORTING} else s.lock,
        )

    def undo(self, s: UndoState, key: int) -> UndoState | None:
        """Undo the change, or bar it; what was changed last is undone first."""
        # Also after the end: commands stay on the wire, so one may come when all is undone or parked.
        if s.down or s.outcomes[self.owners[key]] not in {ABORTING, PARKED, UNDONE} or self._waits(s, key):
            return None
        if s.marks[key] == "T" and key not in s.log:
            return s._replace(marks=marked(s.marks, key, "H"))  # it finds nothing to undo
        mark = cancelled(s.marks[key], idempotent=self.rules.idempotent, tombstones=self.rules.tombstones)
        if mark is None or self._cannot_undo(s, key):
            return None
        if mark in CANCELLED:
            return self._undo_nothing(s, key, mark)
        undone = s._replace(row=self._undone_row(s, key), marks=marked(s.marks, key, mark))
        if not self.rules.erase:
            return undone
        return undone._replace(marks=marked(s.marks, key, "-"), log=tuple(other for other in s.log if other != key))

    def _undo_nothing(self, s: UndoState, key: int, mark: str) -> UndoState:
        """A compensation of what was never done changes nothing."""
        if self.rules.blind:
            return s._replace(row=s.row - s.price, marks=marked(s.marks, key, "B"))
        return s._replace(marks=marked(s.marks, key, mark))

    def _waits(self, s: UndoState, key: int) -> bool:
        """Whether the undo log has a later change of the same business transaction that is still to be undone."""
        later = s.log[s.log.index(key) + 1 :] if key in s.log else ()
        own = [other for other in later if self.owners[other] == self.owners[key] and other != key]
        return self.rules.last_first and any(s.marks[other] in "T2" for other in own)

    def _undone_row(self, s: UndoState, key: int) -> int:
        """What the row will hold."""
        if self.rules.before_image:
            return s.images[key]
        return s.row - (s.price if self.rules.current_price else s.amounts[key])

    def _cannot_undo(self, s: UndoState, key: int) -> bool:
        """Whether a change that is in effect cannot be undone: it has left the house, or somebody has spent it."""
        if s.marks[key] != "T":
            return False
        spent = self._undone_row(s, key) < 0 and self.rules.spendable and not self.rules.overdraw
        return spent or (self.rules.irreversible and key == 0)

    def record(self, s: UndoState, key: int) -> UndoState | None:
        """Write the undo record in a transaction of its own."""
        return s._replace(log=(*s.log, key), memory=s.memory - {key}) if key in s.memory else None

    # Coordinators: each knows the answers of the database to its own keys.

    def keep(self, s: UndoState, transaction: int) -> UndoState | None:
        """All changes are done: keep them."""
        if s.outcomes[transaction] != OPEN or any(mark not in "T2" for mark in self._own(s, transaction)):
            return None
        return self._ended(s, transaction, KEPT)

    def give_up(self, s: UndoState, transaction: int) -> UndoState | None:
        """Something failed, or did not answer in time: command that everything be undone."""
        if s.outcomes[transaction] != OPEN:
            return None
        return s._replace(outcomes=put(s.outcomes, transaction, ABORTING))

    def end(self, s: UndoState, transaction: int) -> UndoState | None:
        """All are undone or barred."""
        settled = all(mark in SETTLED or (self.rules.erase and mark == "-") for mark in self._own(s, transaction))
        if s.outcomes[transaction] != ABORTING or not settled:
            return None
        return self._ended(s, transaction, UNDONE)

    def park(self, s: UndoState, transaction: int) -> UndoState | None:
        """The database answers that it cannot undo: leave the business transaction to people."""
        own = [key for key in self.keys if self.owners[key] == transaction and not self._waits(s, key)]
        if s.down or s.outcomes[transaction] != ABORTING or not any(self._cannot_undo(s, key) for key in own):
            return None
        return s._replace(outcomes=put(s.outcomes, transaction, PARKED))

    def _own(self, s: UndoState, transaction: int) -> list[str]:
        return [mark for mark, owner in zip(s.marks, self.owners, strict=True) if owner == transaction]

    def _ended(self, s: UndoState, transaction: int, outcome: str) -> UndoState:
        lock = None if s.lock == transaction else s.lock
        return s._replace(outcomes=put(s.outcomes, transaction, outcome), lock=lock)

    # Everybody else.

    def reprice(self, s: UndoState) -> UndoState | None:
        """The price rises."""
        return s._replace(price=2) if s.price == 1 else None

    def deposit(self, s: UndoState) -> UndoState | None:
        """A third party adds to the row."""
        return self._written(s, s.row + 1, s.alone + 1)

    def withdraw(self, s: UndoState) -> UndoState | None:
        """A third party takes from the row, if what is kept suffices."""
        pending = 0 if self.rules.spendable else sum(self._pending(s))
        return self._written(s, s.row - 1, s.alone - 1) if s.row - pending >= 1 else None

    def interest(self, s: UndoState) -> UndoState | None:
        """A third party doubles the row, which does not commute with adding to it."""
        return self._written(s, s.row * 2, s.alone * 2)

    def wait(self, s: UndoState) -> UndoState | None:
        """A third party finds the row locked, and waits."""
        return s._replace(waited=True) if self._must_wait(s) and s.writes < self.writes and not s.waited else None

    def _must_wait(self, s: UndoState) -> bool:
        return s.lock is not None and not self.rules.bypass

    def _written(self, s: UndoState, row: int, alone: int) -> UndoState | None:
        return None if s.writes == self.writes or self._must_wait(s) else s._replace(row=row, alone=alone, writes=s.writes + 1)

    def _pending(self, s: UndoState) -> list[int]:
        """The changes in effect that are not kept: the database holds them back until it is told."""
        return [s.amounts[key] for key in self.keys if s.marks[key] in "TH2" and s.outcomes[self.owners[key]] != KEPT]

    def crash(self, s: UndoState) -> UndoState | None:
        """The application stops; what it has not written is lost."""
        if s.down or s.crashes == self.crashes:
            return None
        return s._replace(memory=frozenset(), down=True, crashes=s.crashes + 1)

    def restart(self, s: UndoState) -> UndoState | None:
        """It comes back."""
        return s._replace(down=False) if s.down else None

    def view(self, s: UndoState) -> UndoView:
        """Show the row, what was done and undone, and how it ended."""
        did, undid, _ = zip(*(MARKS[mark] for mark in s.marks), strict=True)
        barred = tuple(mark in CANCELLED for mark in s.marks)
        return UndoView(
            s.row, s.alone, self.owners, did, undid, barred, s.amounts, s.log, s.outcomes, s.writes, s.crashes, s.waited
        )

    def shown(self, s: UndoState) -> UndoState:
        """The marks in words."""
        return s._replace(marks=in_words(s.marks))  # type: ignore[arg-type]

    def actor(self, action: Action) -> str:
        """The database, a coordinator, or a third party."""
        if action.name in {"Keep", "GiveUp", "End", "Park"}:
            return f"coordinator {action.args[0]}"
        return "database" if action.name in {"T", "C", "Record", "Crash", "Restart"} else "third party"
