"""The state table of a resource manager: what every XA call does to a branch, and to no other.

After X/Open, "Distributed Transaction Processing: The XA Specification" (C193, 1991), chapter 6, without suspension and
migration, and with the replies that matter here. The caller is arbitrary: it makes any call, about any branch, at any
time. One connection makes them all, so at most one branch is active. A crash rolls back what is not prepared, and the
resource manager is back at once. The branch of another database of the same cluster is prepared all the time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeAlias

from acidtest.checker.machine import Action, Kind, Model, Property, Transition, implied
from acidtest.checker.theory import Diagram, Size, Study, Switch, Theorem
from acidtest.models.shared.atomic_commitment import ABORTED, COMMITTED, PREPARED

#: The states S0 to S5, with prepared: without a branch, at work, ended, doomed, and decided by the resource manager alone.
NON_EXISTENT, ACTIVE, IDLE, ROLLBACK_ONLY, HEUR = "non-existent", "active", "idle", "rollback-only", "heuristic"
XA_OK, RDONLY, RBTIMEOUT, HEURCOM, HEURRB = "XA_OK", "XA_RDONLY", "XA_RBTIMEOUT", "XA_HEURCOM", "XA_HEURRB"
NOTA, PROTO, DUPID = "XAER_NOTA", "XAER_PROTO", "XAER_DUPID"
REFUSALS = frozenset({NOTA, PROTO, DUPID})
#: The branch of another database of the cluster, as `recover` names it.
ELSEWHERE = -1
#: (call, state before): the states after, by reply. Any other call is refused, and changes nothing.
TABLE = {
    ("start", NON_EXISTENT): {XA_OK: ACTIVE, PROTO: NON_EXISTENT},
    ("work", ACTIVE): {XA_OK: ACTIVE}, ("end", ACTIVE): {XA_OK: IDLE},
    ("end", ROLLBACK_ONLY): {RBTIMEOUT: ROLLBACK_ONLY},
    ("prepare", IDLE): {XA_OK: PREPARED, RDONLY: NON_EXISTENT}, ("prepare", ROLLBACK_ONLY): {RBTIMEOUT: NON_EXISTENT},
    ("commit", PREPARED): {XA_OK: NON_EXISTENT}, ("commit", HEUR): {HEURCOM: HEUR, HEURRB: HEUR},
    ("commit one phase", IDLE): {XA_OK: NON_EXISTENT}, ("commit one phase", ROLLBACK_ONLY): {RBTIMEOUT: NON_EXISTENT},
    ("rollback", IDLE): {XA_OK: NON_EXISTENT}, ("rollback", ROLLBACK_ONLY): {XA_OK: NON_EXISTENT},
    ("rollback", PREPARED): {XA_OK: NON_EXISTENT}, ("rollback", HEUR): {HEURCOM: HEUR, HEURRB: HEUR},
    ("forget", HEUR): {XA_OK: NON_EXISTENT},
    ("timeout", ACTIVE): {"": ROLLBACK_ONLY}, ("timeout", IDLE): {"": ROLLBACK_ONLY},
    ("decision", PREPARED): {"": HEUR},
}  # fmt: skip
CALLS = ("start", "work", "end", "prepare", "commit", "commit one phase", "rollback", "forget")


class Branch(NamedTuple):
    """One branch: its state, whether it wrote, and what became of its writes."""

    status: str = NON_EXISTENT
    wrote: bool = False
    outcome: str = ""


#: The call or event, the number of the branch, and the reply.
Last: TypeAlias = tuple[str, int, str | tuple[int, ...]]


class RmState(NamedTuple):
    """The branches, and what happened last; all of it shows."""

    branches: tuple[Branch, ...]
    last: Last = ("", 0, "")

    @property
    def statuses(self) -> tuple[str, ...]:
        """What the branches are."""
        return tuple(branch.status for branch in self.branches)


class ResourceManager(Model[RmState]):
    """A resource manager with `n` branches that is called in any order. The switches are explained at `STUDY`."""

    name = "XA branch"

    def __init__(
        self, n: int, *,
        reuse_xid: bool = False, nota_kills_active: bool = False, dupid_unchecked: bool = False,
        timeout_after_prepare: bool = False, prepared_not_durable: bool = False, recover_whole_cluster: bool = False,
        recover_skips_heuristics: bool = False, forgets_by_itself: bool = False,
    ) -> None:  # fmt: skip
        """Set the size, and which rules are left out."""
        self.n, self.reuse_xid, self.nota_kills_active, self.dupid_unchecked = n, reuse_xid, nota_kills_active, dupid_unchecked
        self.timed = {ACTIVE, IDLE, PREPARED} if timeout_after_prepare else {ACTIVE, IDLE}
        self.volatile = {ACTIVE, IDLE, ROLLBACK_ONLY} | ({PREPARED} if prepared_not_durable else set())
        self.elsewhere = (ELSEWHERE,) if recover_whole_cluster else ()
        self.in_doubt = {PREPARED} if recover_skips_heuristics else {PREPARED, HEUR}
        self.forgets_by_itself = forgets_by_itself
        self.faults = frozenset({*CALLS, "recover", "timeout", "crash", "decision"})

    def initial_states(self) -> Iterable[RmState]:
        """There is no branch."""
        yield RmState((Branch(),) * self.n)

    def transitions(self) -> Sequence[Transition]:
        """List the calls, and what the resource manager does unasked."""
        each = [(x,) for x in range(self.n)]
        effects = (self.start, self.work, self.end, self.prepare, self.commit, self.commit_one_phase, self.rollback, self.forget)
        return [
            *(Transition(call, effect, each) for call, effect in zip(CALLS, effects, strict=True)),
            Transition("recover", self.recover),
            Transition("timeout", self.timeout, each),
            Transition("decision", self.decision, [(x, to) for x in range(self.n) for to in (COMMITTED, ABORTED)]),
            Transition("crash", self.crash),
        ]

    def start(self, s: RmState, x: int) -> RmState | None:
        """Begin a branch, under a name that was never used."""
        if s.branches[x].status != NON_EXISTENT and not self.dupid_unchecked:
            return s._replace(last=("start", x, DUPID))
        if s.branches[x].outcome and not self.reuse_xid:
            return None
        if ACTIVE in s.statuses:
            return s._replace(last=("start", x, PROTO))
        return _replied(s, "start", x, XA_OK, Branch(ACTIVE))

    def work(self, s: RmState, x: int) -> RmState:
        """Write."""
        if s.branches[x].status != ACTIVE:
            return self._refused(s, "work", x)
        return _replied(s, "work", x, XA_OK, Branch(ACTIVE, wrote=True))

    def end(self, s: RmState, x: int) -> RmState:
        """End the work; whoever has run out of time learns it here."""
        b = s.branches[x]
        if b.status not in {ACTIVE, ROLLBACK_ONLY}:
            return self._refused(s, "end", x)
        timely = b.status == ACTIVE
        return _replied(s, "end", x, XA_OK if timely else RBTIMEOUT, b._replace(status=IDLE) if timely else b)

    def prepare(self, s: RmState, x: int) -> RmState:
        """Vote: yes, or that there is nothing to decide, or no."""
        b = s.branches[x]
        if b.status not in {IDLE, ROLLBACK_ONLY}:
            return self._refused(s, "prepare", x)
        if b.status == ROLLBACK_ONLY:
            return _replied(s, "prepare", x, RBTIMEOUT, Branch(outcome=ABORTED))
        if not b.wrote:
            return _replied(s, "prepare", x, RDONLY, Branch(outcome=COMMITTED))
        return _replied(s, "prepare", x, XA_OK, b._replace(status=PREPARED))

    def commit(self, s: RmState, x: int) -> RmState:
        """Commit what is prepared."""
        known = s.branches[x].status in {PREPARED, HEUR}
        return self._finish(s, "commit", x, COMMITTED) if known else self._refused(s, "commit", x)

    def commit_one_phase(self, s: RmState, x: int) -> RmState:
        """Commit what was never prepared."""
        status, call = s.branches[x].status, "commit one phase"
        if status == ROLLBACK_ONLY:
            return _replied(s, call, x, RBTIMEOUT, Branch(outcome=ABORTED))
        return self._finish(s, call, x, COMMITTED) if status == IDLE else self._refused(s, call, x)

    def rollback(self, s: RmState, x: int) -> RmState:
        """Roll back, prepared or not."""
        known = s.branches[x].status in {IDLE, PREPARED, ROLLBACK_ONLY, HEUR}
        return self._finish(s, "rollback", x, ABORTED) if known else self._refused(s, "rollback", x)

    def forget(self, s: RmState, x: int) -> RmState:
        """Drop the record of a heuristic decision."""
        if s.branches[x].status != HEUR:
            return self._refused(s, "forget", x)
        return _replied(s, "forget", x, XA_OK, Branch(outcome=s.branches[x].outcome))

    def recover(self, s: RmState) -> RmState:
        """Name the branches that are prepared or were decided heuristically."""
        named = tuple(x for x, status in enumerate(s.statuses) if status in self.in_doubt)
        return s._replace(last=("recover", 0, self.elsewhere + named))

    def timeout(self, s: RmState, x: int) -> RmState | None:
        """Give up a branch that nobody asks about."""
        b = s.branches[x]
        return _replied(s, "timeout", x, "", b._replace(status=ROLLBACK_ONLY)) if b.status in self.timed else None

    def decision(self, s: RmState, x: int, outcome: str) -> RmState | None:
        """Decide a prepared branch alone."""
        return _replied(s, "decision", x, "", Branch(HEUR, outcome=outcome)) if s.branches[x].status == PREPARED else None

    def crash(self, s: RmState) -> RmState:
        """Roll back what is not prepared."""
        kept = tuple(Branch(outcome=ABORTED) if b.status in self.volatile else b for b in s.branches)
        return RmState(kept, ("crash", 0, ""))

    def _finish(self, s: RmState, call: str, x: int, outcome: str) -> RmState:
        b = s.branches[x]
        if b.status != HEUR:
            return _replied(s, call, x, XA_OK, Branch(outcome=outcome))
        reply = HEURCOM if b.outcome == COMMITTED else HEURRB
        return _replied(s, call, x, reply, b._replace(status=NON_EXISTENT) if self.forgets_by_itself else b)

    def _refused(self, s: RmState, call: str, x: int) -> RmState:
        reply = NOTA if s.branches[x].status == NON_EXISTENT else PROTO
        if self.nota_kills_active and reply == NOTA and call == "rollback":
            kept = tuple(Branch(outcome=ABORTED) if b.status == ACTIVE else b for b in s.branches)
            return RmState(kept, (call, x, reply))
        return s._replace(last=(call, x, reply))

    def view(self, s: RmState) -> RmState:
        """Show everything."""
        return s

    def actor(self, action: Action) -> str:
        """The resource manager, or its caller."""
        return "RM" if action.name in {"timeout", "decision", "crash"} else "caller"


def _replied(s: RmState, call: str, x: int, reply: str, branch: Branch) -> RmState:
    return RmState((*s.branches[:x], branch, *s.branches[x + 1 :]), (call, x, reply))


def concerns_a_branch(_: RmState, after: RmState) -> bool:
    """A call about one branch, or a step of one."""
    return after.last[0] not in {"", "recover", "crash"}


def follows_the_table(before: RmState, after: RmState) -> bool:
    """The branch goes where the table says, by the reply; all others stay, and so does all where a call is refused."""
    call, x, reply = after.last
    row = TABLE.get((call, before.statuses[x]), {})
    if reply in REFUSALS:
        return before.branches == after.branches and (not row or reply in row)
    others = before.branches[:x] + before.branches[x + 1 :] == after.branches[:x] + after.branches[x + 1 :]
    return others and row.get(str(reply)) == after.statuses[x]


def names_what_is_in_doubt(_: RmState, after: RmState) -> bool:
    """The answer to recover is the prepared branches and the heuristic decisions of this database."""
    return after.last[2] == tuple(x for x, status in enumerate(after.statuses) if status in {PREPARED, HEUR})


def keeps_decisions(before: RmState, after: RmState) -> bool:
    """What was decided alone stays known, unless it is forgotten on request."""
    pairs = enumerate(zip(before.branches, after.branches, strict=True))
    return all(was == now or after.last == ("forget", x, XA_OK) for x, (was, now) in pairs if was.status == HEUR)


def survives(before: RmState, after: RmState) -> bool:
    """What was prepared, or decided alone, still is."""
    pairs = zip(before.branches, after.branches, strict=True)
    return all(was == now for was, now in pairs if was.status in {PREPARED, HEUR})


def keeps_outcomes(before: RmState, after: RmState) -> bool:
    """What was committed or rolled back still is."""
    pairs = zip(before.branches, after.branches, strict=True)
    return all(was.outcome == now.outcome for was, now in pairs if was.outcome)


def happened(call: str, *statuses: str) -> Callable[[RmState, RmState], bool]:
    """Tell whether the last step was a call, of a branch in one of the states, or with a branch in one of them."""

    def so(before: RmState, after: RmState) -> bool:
        concerned = before.statuses if call == "crash" else before.statuses[after.last[1] :][:1]
        return after.last[0] == call and (not statuses or any(status in statuses for status in concerned))

    return so


_XA = "X/Open C193, 1991, chapter 6"
_EXISTING = (ACTIVE, IDLE, ROLLBACK_ONLY, PREPARED, HEUR)
XA1 = implied("XA1", "a call does what the state table says, to its branch only", Kind.STEP, concerns_a_branch, follows_the_table, _XA)
XA5 = implied("XA5.recover", "recovery names what is in doubt here", Kind.STEP, happened("recover"), names_what_is_in_doubt, _XA)
XA7 = implied(
    "XA7.record", "a heuristic decision is remembered until it is forgotten on request", Kind.STEP,
    lambda before, _: HEUR in before.statuses, keeps_decisions, _XA,
)  # fmt: skip
XA8 = implied("XA8", "what is prepared survives a crash", Kind.STEP, happened("crash", PREPARED, HEUR), survives, _XA)
XA9 = implied(
    "XA9", "no branch is started under the name of another", Kind.STEP, happened("start", *_EXISTING),
    lambda before, after: after == before._replace(last=("start", after.last[1], DUPID)), _XA,
)  # fmt: skip
XA10 = implied(
    "XA10.timer", "the timer rolls back only what is not prepared", Kind.STEP, happened("timeout"),
    lambda before, after: before.statuses[after.last[1]] in {ACTIVE, IDLE}, _XA,
)  # fmt: skip
G5 = Property("G5", "what became of a branch never changes", Kind.STEP, keeps_outcomes, "PATTERNS, section 0")
G11 = Property("G11", "a prepared branch commits", Kind.SOMETIMES, lambda rm: rm.last[::2] == ("commit", XA_OK), _XA)

STUDY = Study(
    name="XA branch",
    make=ResourceManager,
    switches=(
        Switch("reuse_xid", "the caller starts a branch under a name that had one before"),
        Switch("nota_kills_active", "to roll back an unknown branch rolls back the active one"),
        Switch("dupid_unchecked", "a branch may be started though there is one of that name"),
        Switch("timeout_after_prepare", "the timer rolls back prepared branches as well"),
        Switch("prepared_not_durable", "a crash rolls back prepared branches"),
        Switch("recover_whole_cluster", "recovery names the branches of other databases"),
        Switch("recover_skips_heuristics", "recovery names prepared branches only"),
        Switch("forgets_by_itself", "a heuristic decision is reported once, and then forgotten"),
    ),
    sizes=(Size("1 branch", {"n": 1}, 109, 7), Size("2 branches", {"n": 2}, 2_277, 12)),
    properties=(XA1, XA5, XA7, XA8, XA9, XA10, G5, G11),
    theorems=(
        Theorem(XA1, {"nota_kills_active": True}, {}, size=1),
        Theorem(XA5, {"recover_whole_cluster": True}, {}),
        Theorem(XA5, {"recover_skips_heuristics": True}, {}),
        Theorem(XA7, {"forgets_by_itself": True}, {}),
        Theorem(XA8, {"prepared_not_durable": True}, {}),
        Theorem(XA9, {"dupid_unchecked": True}, {}),
        Theorem(XA10, {"timeout_after_prepare": True}, {}),
        Theorem(G5, {"reuse_xid": True}, {}),
    ),
    diagram=Diagram({"n": 1}, lambda s: s.branches[0].status, frozenset({"work", "recover"})),
)
