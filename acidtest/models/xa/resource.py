"""A resource manager as a service: calls of two sessions about a few branches, by the state table (`branch.TABLE`).

A call does its work in one step, some time between its beginning and its answer. What belongs to the session that has started a
branch follows the table to the letter; another session may be told that it knows no such branch, for as long as the first one has
it (MariaDB, PostgreSQL). A session that dies takes with it what it has not prepared.

Source: X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991), chapter 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.atomic_commitment import PREPARED
from acidtest.models.shared.tuples import put
from acidtest.models.xa.branch import (
    ACTIVE,
    DUPID,
    HEUR,
    IDLE,
    NON_EXISTENT,
    NOTA,
    PROTO,
    RDONLY,
    TABLE,
    XA_OK,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: Calls that the table knows by another name.
_WORDS = {"change": "work", "decide to commit": "decision", "decide to roll back": "decision"}
DECISIONS = {"decide to commit": "XA_HEURCOM", "decide to roll back": "XA_HEURRB"}


#: How many answers a call may have at most.
_MOST = 3


class Held(NamedTuple):
    """A branch: how it stands, whose it is, how often it changes its account, what was decided alone, and how often it took effect."""

    status: str = NON_EXISTENT
    owner: str = ""
    changes: int = 0
    alone: str = ""
    applied: int = 0


class Told(NamedTuple):
    """A call of the workload: its name, who makes it, what it is, and about which branch (the number)."""

    name: str
    session: str
    call: str
    branch: int


class RmView(NamedTuple):
    """What an outsider sees.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        in_doubt: the branches that a scan names.
        branches: how each branch stands, as the answers so far say.
        wrong: what the last answer should have been; empty where it is right.
        open: the calls that are in progress.
        last: the call that was answered last, with its answer.
        happened: what befell the run so far.
        ended: the calls that were answered, or never will be.
        changes: what one change of each branch is.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    in_doubt: tuple[str, ...]
    branches: tuple[Held, ...] = ()
    wrong: str = ""
    open: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    happened: frozenset[str] = frozenset()
    ended: tuple[str, ...] = ()
    changes: tuple[int, ...] = ()


def answers(held: Held, told: Told, *, busy: bool) -> tuple[tuple[str, Held], ...]:
    """The answers that a call may have, each with how the branch stands then.

    Arguments:
        held: the branch.
        told: the call.
        busy: the session works on a branch already.
    """
    exact = _by_table(held, told.call, told.session, busy=busy)
    own = held.owner in ("", told.session) or held.status == NON_EXISTENT
    return (exact,) if own else (exact, (NOTA, held), (PROTO, held))


def _by_table(held: Held, call: str, session: str, *, busy: bool) -> tuple[str, Held]:
    """The answer to a call, and how the branch stands then."""
    if call == "start" and (busy or held.status != NON_EXISTENT):
        return DUPID if held.status != NON_EXISTENT else PROTO, held
    row = TABLE.get((_WORDS.get(call, call), held.status))
    if row is None:
        return NOTA if held.status == NON_EXISTENT and call != "change" else PROTO, held
    if held.status == HEUR and call != "forget":
        return held.alone, held
    if call == "prepare" and not held.changes:
        return RDONLY, Held(applied=held.applied)
    return XA_OK, _after(held, call, session)


def _after(held: Held, call: str, session: str) -> Held:
    """How a branch stands after a call that was carried out."""
    commits = call in ("commit", "commit one phase", "decide to commit")
    applied = held.applied + held.changes * commits
    if call in DECISIONS:
        return held._replace(status=HEUR, alone=DECISIONS[call], applied=applied)
    kept = {
        "start": Held(ACTIVE, session, applied=applied), "change": held._replace(changes=held.changes + 1),
        "end": held._replace(status=IDLE), "prepare": held._replace(status=PREPARED),
    }  # fmt: skip
    return kept.get(call, Held(applied=applied))


def lost(held: Held, session: str) -> Held:
    """A branch when a session has died."""
    mine = held.owner == session and held.status in (ACTIVE, IDLE)
    return Held(applied=held.applied) if mine else held._replace(owner="") if held.owner == session else held


class RmState(NamedTuple):
    """The branches; and of every call: new, open, the answer that it is about to get, or done."""

    branches: tuple[Held, ...]
    calls: tuple[str, ...]
    deaths: int = 0


class ResourceService(Model[RmState]):
    """A resource manager over a fixed workload.

    Arguments:
        accounts: per branch, (account, opening balance, change): what its changes are.
        calls: the calls.
        deaths: how often a session may die.
    """

    name = "XA resource manager"
    events = frozenset({"invoke", "reply", "unknown"})

    def __init__(self, accounts: Sequence[tuple[str, int, int]], calls: Sequence[Told], deaths: int = 0) -> None:
        """Number branches and calls."""
        self.accounts, self.calls, self.max_deaths = tuple(accounts), tuple(calls), deaths
        self.sessions = tuple(dict.fromkeys(call.session for call in calls))

    def initial_states(self) -> Iterable[RmState]:
        """There is no branch."""
        yield RmState((Held(),) * len(self.accounts), ("new",) * len(self.calls))

    def transitions(self) -> Sequence[Transition]:
        """Calls begin, are carried out, and answered; and sessions die."""
        each = [(i,) for i in range(len(self.calls))]
        codes = sorted({code for row in TABLE.values() for code in row if code} | {NOTA, PROTO, DUPID})
        table = [
            Transition("invoke", self.invoke, each),
            Transition("carry_out", self.carry_out, [(i, n) for (i,) in each for n in range(_MOST)]),
            Transition("reply", self.reply, [(i, code) for (i,) in each for code in codes]),
            Transition("unknown", self.unknown, each),
        ]
        return [*table, Transition("die", self.die, [(name,) for name in self.sessions])] if self.max_deaths else table

    def invoke(self, s: RmState, i: int) -> RmState | None:
        """A call begins."""
        return s._replace(calls=put(s.calls, i, "open")) if s.calls[i] == "new" else None

    def carry_out(self, s: RmState, i: int, n: int) -> RmState | None:
        """A call is carried out, and will be answered with one of the answers that it may have."""
        told = self.calls[i]
        if s.calls[i] != "open":
            return None
        busy = any(held.status == ACTIVE and held.owner == told.session for held in s.branches)
        for code, held in answers(s.branches[told.branch], told, busy=busy)[n : n + 1]:
            return RmState(put(s.branches, told.branch, held), put(s.calls, i, f"will be {code}"), s.deaths)
        return None

    def reply(self, s: RmState, i: int, code: str) -> RmState | None:
        """A call is answered."""
        return s._replace(calls=put(s.calls, i, "done")) if s.calls[i] == f"will be {code}" else None

    def unknown(self, s: RmState, i: int) -> RmState | None:
        """A call is not answered; only a death can cause that."""
        ended = s.calls[i] == "open" or s.calls[i].startswith("will be ")
        return s._replace(calls=put(s.calls, i, "done")) if ended and s.deaths else None

    def die(self, s: RmState, session: str) -> RmState | None:
        """A session dies."""
        if s.deaths >= self.max_deaths:
            return None
        return s._replace(branches=tuple([lost(held, session) for held in s.branches]), deaths=s.deaths + 1)

    def view(self, state: RmState) -> RmView:
        """Balances, and what a scan names."""
        balances = tuple((name, n + change * b.applied) for (name, n, change), b in zip(self.accounts, state.branches, strict=True))
        opening = tuple((name, n) for name, n, _ in self.accounts)
        doubt = tuple(f"b{i + 1}" for i, held in enumerate(state.branches) if held.status in (PREPARED, HEUR))
        return RmView(opening, balances, doubt)

    def at_rest(self, state: RmState) -> bool:
        """No call is open."""
        return not any(call == "open" or call.startswith("will") for call in state.calls)
