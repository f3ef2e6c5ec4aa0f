"""One resource manager that the harness plays: accounts, and branches that change them, by X/Open's state table.

After X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991), chapter 6, without suspension and
migration. It never lets anybody wait: what a branch takes from an account is held back from all others until it has ended, and
whoever asks for more is refused.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acidtest.environment import Xa, Xid

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

ACTIVE, IDLE, ROLLBACK_ONLY, PREPARED = "active", "idle", "rollback-only", "prepared"
COMMITTED, ABORTED, READ_ONLY = "committed", "aborted", "read-only"
#: What it may have decided alone, with what it answers then; kept until it is told to forget.
HEURISTICS = {"heurcom": Xa.HEURCOM, "heurrb": Xa.HEURRB, "heurmix": Xa.HEURMIX, "heurhaz": Xa.HEURHAZ}
UNPREPARED = (ACTIVE, IDLE, ROLLBACK_ONLY)
GONE = (COMMITTED, ABORTED, READ_ONLY)
#: What is noted of branches, for whoever judges their transaction manager.
TOLD_AGAIN, NAMED_AGAIN, NOT_ALONE = "told after it had only read", "named like an earlier branch", "one phase, beside another branch"


@dataclass
class Branch:
    """A branch: its name, the session that works on it, how it stands, what it changes, what was decided alone, and notes."""

    xid: Xid
    owner: Hashable
    status: str = ACTIVE
    changes: list[tuple[str, int]] = field(default_factory=list)
    alone: str = ""
    notes: set[str] = field(default_factory=set)
    coming: int = 0  #: calls about it that are on their way
    applied: int = 0  #: how many of its changes took effect
    worked: bool = False  #: its work was ended once
    known: bool = False  #: its transaction manager knows how it voted, and that it only read
    listed: bool = False  #: it was named by a scan, or told to commit: others may have finished it since

    def key(self) -> Hashable:
        """What distinguishes two states of it."""
        marks = self.coming, self.applied, self.worked, self.known, self.listed
        return self.xid, self.owner, self.status, tuple(self.changes), self.alone, frozenset(self.notes), marks


class Manager:
    """A resource manager.

    Arguments:
        name: identifies it.
        accounts: (account, balance) pairs.
    """

    def __init__(self, name: str, accounts: Iterable[tuple[str, int]] = ()) -> None:
        """Open the accounts; there is no branch."""
        self.name = name
        self.accounts = dict(accounts)
        self.branches: dict[Xid, Branch] = {}
        self.past: list[Branch] = []
        self._working: dict[Hashable, Xid] = {}

    def key(self) -> Hashable:
        """What distinguishes two states of it."""
        known = tuple([branch.key() for branch in self.all()])
        return tuple(self.accounts.items()), known, tuple(self._working.items())

    def all(self) -> list[Branch]:
        """Every branch that there ever was, those first whose names were used again."""
        return [*self.past, *self.branches.values()]

    def hold(self, xid: Xid, changes: Iterable[tuple[str, int]]) -> None:
        """Have a branch that is prepared, of another transaction manager."""
        self.branches[xid] = Branch(xid, None, PREPARED, list(changes))

    # The calls:

    def start(self, session: Hashable, xid: Xid) -> Xa:
        """Begin a branch, in a session."""
        known = self.branches.get(xid)
        if known is not None and known.status not in GONE:
            return Xa.DUPID
        if session in self._working:
            return Xa.PROTO
        branch = Branch(xid, session)
        if known is not None:
            self.past.append(known)
            branch.notes |= {NAMED_AGAIN} if known.worked else set()
        self.branches[xid] = branch
        self._working[session] = xid
        return Xa.OK

    def change(self, session: Hashable, account: str, amount: int) -> Xa:
        """Change an account in the branch at work."""
        branch = self._at_work(session)
        if branch is None or branch.status != ACTIVE:
            return Xa.PROTO if branch is None else Xa.RBROLLBACK
        if account not in self.accounts or (amount < 0 and self._available(account) + amount < 0):
            return Xa.INVAL
        if amount:
            branch.changes.append((account, amount))
        return Xa.OK

    def read(self, session: Hashable, account: str) -> Xa | int:
        """The balance of an account, as the branch at work sees it."""
        branch = self._at_work(session)
        if branch is None or branch.status != ACTIVE:
            return Xa.PROTO if branch is None else Xa.RBROLLBACK
        if account not in self.accounts:
            return Xa.INVAL
        return self.accounts[account] + sum(amount for name, amount in branch.changes if name == account)

    def end(self, session: Hashable, xid: Xid) -> Xa:
        """End the work of a branch."""
        if self._working.get(session) != xid:
            return self._wrong(xid)
        del self._working[session]
        branch = self.branches[xid]
        branch.worked = True
        if branch.status == ROLLBACK_ONLY:
            return Xa.RBTIMEOUT
        branch.status = IDLE
        return Xa.OK

    def prepare(self, xid: Xid) -> Xa:
        """Vote."""
        branch = self._known(xid)
        if branch is None or branch.status not in (IDLE, ROLLBACK_ONLY) or xid in self._working.values():
            return self._wrong(xid)
        if branch.status == ROLLBACK_ONLY:
            branch.status = ABORTED
            return Xa.RBTIMEOUT
        branch.status = PREPARED if branch.changes else READ_ONLY
        return Xa.OK if branch.changes else Xa.RDONLY

    def commit(self, xid: Xid, *, one_phase: bool) -> Xa:
        """Commit what is prepared; or, in one phase, what is not."""
        branch = self._known(xid)
        if branch is None or branch.status in HEURISTICS:
            return self._wrong(xid) if branch is None else HEURISTICS[branch.status]
        if one_phase and branch.status == ROLLBACK_ONLY and xid not in self._working.values():
            branch.status = ABORTED
            return Xa.RBTIMEOUT
        if branch.status != (IDLE if one_phase else PREPARED):
            return Xa.PROTO
        self._apply(branch, len(branch.changes))
        branch.status = COMMITTED
        return Xa.OK

    def rollback(self, xid: Xid) -> Xa:
        """Roll back, prepared or not."""
        branch = self._known(xid)
        if branch is None or branch.status in HEURISTICS:
            return self._wrong(xid) if branch is None else HEURISTICS[branch.status]
        if xid in self._working.values():
            return Xa.PROTO
        branch.status = ABORTED
        return Xa.OK

    def recover(self) -> tuple[Xid, ...]:
        """The branches that are prepared or were decided alone."""
        found = [branch for branch in self.branches.values() if branch.status in (PREPARED, *HEURISTICS)]
        for branch in found:
            branch.listed = True
        return tuple([branch.xid for branch in found])

    def forget(self, xid: Xid) -> Xa:
        """Drop what is kept of a decision."""
        branch = self._known(xid)
        if branch is None or branch.status not in HEURISTICS:
            return self._wrong(xid)
        branch.status = COMMITTED if branch.status == "heurcom" else ABORTED
        return Xa.OK

    # What it does by itself, and what befalls it:

    def decide(self, xid: Xid, how: str, *, commits: bool) -> None:
        """Decide a prepared branch alone; `commits` says how, where nobody is to know that."""
        branch = self.branches[xid]
        branch.status, branch.alone = how, how
        if how == "heurcom" or (how == "heurhaz" and commits):
            self._apply(branch, len(branch.changes))
        elif how == "heurmix":
            self._apply(branch, len(branch.changes) // 2)

    def lose(self, xid: Xid, how: str) -> None:
        """Roll back a branch alone, and keep nothing of it."""
        branch = self.branches[xid]
        branch.status, branch.alone = ABORTED, how

    def give_up(self, xid: Xid) -> None:
        """It has taken too long: it can only be rolled back."""
        self.branches[xid].status = ROLLBACK_ONLY

    def disconnect(self, *sessions: Hashable) -> None:
        """Roll back what these sessions, or where none is given all of them, have not prepared."""
        for branch in self.branches.values():
            mine = branch.owner in sessions or not sessions
            if mine and branch.status in UNPREPARED and not branch.coming:
                branch.status = ABORTED
        self._working = {session: xid for session, xid in self._working.items() if sessions and session not in sessions}

    def owners(self) -> set[Hashable]:
        """The sessions that have something to lose."""
        return {*self._working, *(branch.owner for branch in self.branches.values() if branch.status in UNPREPARED)}

    def _at_work(self, session: Hashable) -> Branch | None:
        xid = self._working.get(session)
        return None if xid is None else self.branches[xid]

    def _known(self, xid: Xid) -> Branch | None:
        branch = self.branches.get(xid)
        if branch is not None and branch.status == READ_ONLY and branch.known:
            branch.notes.add(TOLD_AGAIN)
        return None if branch is None or branch.status in GONE else branch

    def _wrong(self, xid: Xid) -> Xa:
        branch = self.branches.get(xid)
        return Xa.NOTA if branch is None or branch.status in GONE else Xa.PROTO

    def _available(self, account: str) -> int:
        held = Counter[str]()
        for branch in self.branches.values():
            if branch.status in (ACTIVE, IDLE, PREPARED):
                for name, amount in branch.changes:
                    held[name] += min(amount, 0)
        return self.accounts[account] + held[account]

    def _apply(self, branch: Branch, count: int) -> None:
        branch.applied = count
        for account, amount in branch.changes[:count]:
            self.accounts[account] += amount
