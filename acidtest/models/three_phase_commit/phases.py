"""The three phases of three-phase commit, where nobody fails.

`ThreePhase` is the central-site protocol of Skeen, "Nonblocking Commit Protocols" (SIGMOD 1981): after the votes and
before the decision there is a phase in which everybody learns that the outcome can only be commit. Site 0 is the
coordinator and takes part like the others. A message is in the set `msgs` until it is received, so messages overtake one
another; none is lost. What happens when a site fails is in `crashes`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from acidtest.checker.machine import Action, Kind, Model, Property, Transition, implied
from acidtest.checker.theory import Diagram, Refines, Size, Study, Switch, Theorem
from acidtest.models.shared.atomic_commitment import (
    ABORTED,
    COMMITTED,
    PREPARED,
    WORKING,
    Statuses,
    TransactionCommit,
)
from acidtest.models.shared.atomic_commitment import properties as commitment_properties

#: The durable states of a site: initial, waiting after its YES, prepared to commit, committed, aborted.
INITIAL, WAITING, PC, C, A = "I", "W", "PC", "C", "A"
STATUS = {INITIAL: WORKING, WAITING: PREPARED, PC: PREPARED, C: COMMITTED, A: ABORTED}
AFTER_YES = frozenset({WAITING, PC, C})
#: What a site does: obey, collect votes, collect acknowledgements, or be done with leading.
FOLLOWING, VOTING, MOVING, DONE = "following", "voting", "moving", "done"
YES, NO, PRECOMMIT, ACK, COMMIT, ABORT = "YES", "NO", "PRECOMMIT", "ACK", "COMMIT", "ABORT"
OUTCOME = {C: COMMIT, A: ABORT}


class Site(NamedTuple):
    """One site: `status` and `mourned`, the sites that it knows to have failed, are durable; the rest is memory."""

    status: str
    role: str
    heard: tuple[str, ...]  #: the answers to what it leads
    mourned: int = 0


class ThreePhaseState(NamedTuple):
    """The sites, the messages on their way as (kind, from, to), the crashes so far, and who is cut off with site 0."""

    sites: tuple[Site, ...]
    msgs: frozenset[tuple[str, int, int]] = frozenset()
    crashes: int = 0
    apart: int = 0


class SitesView(NamedTuple):
    """What an outsider sees: what `CommitView` shows of any commit protocol, and the sites in Skeen's terms."""

    participants: Statuses  #: what each site would still know after a crash
    voted: tuple[bool, ...]  #: whose YES is out and durable
    sites: tuple[str, ...]  #: I, W, PC, C or A
    operational: tuple[bool, ...]  #: in the protocol: neither down nor back and asking
    crashes: int
    answers: tuple[str, ...] = ()  #: what a reader of each site is given, where readers are looked at


class ThreePhase(Model[ThreePhaseState]):
    """Three-phase commit without failures.

    Arguments:
        n: how many sites.
        precommit_on_majority: a bug: most votes are enough.
        skip_precommit_acks: a bug: the decision is taken before everybody is known to have moved up.
    """

    name = "ThreePhase"
    faults = frozenset({"VoteNo"})

    def __init__(self, n: int, *, precommit_on_majority: bool = False, skip_precommit_acks: bool = False) -> None:
        """Set the size, and which rules are left out."""
        self.n = n
        self.votes_needed = n // 2 + 1 if precommit_on_majority else n
        self.skip_precommit_acks = skip_precommit_acks
        #: In which states a site heeds PRECOMMIT.
        self.heeding: Collection[str] = (WAITING, PC)
        self.nothing = ("",) * n
        self.each = [(i,) for i in range(n)]
        #: A leader, and one that it leads: one that comes after it, as those before have failed.
        self.led = [(i, j) for j in range(n) for i in range(j)]
        self.obedient = [(j, i) for i, j in self.led]

    def initial_states(self) -> Iterable[ThreePhaseState]:
        """The coordinator waits for votes; nobody has voted."""
        yield ThreePhaseState(tuple(Site(INITIAL, FOLLOWING if i else VOTING, self.nothing) for i in range(self.n)))

    def transitions(self) -> Sequence[Transition]:
        """List the three phases. Anybody may lead here; where nobody fails only site 0 does."""
        votes = [pair for pair in self.led if not pair[0]]
        return [
            Transition("VoteYes", self.vote_yes, self.each),
            Transition("VoteNo", self.vote_no, self.each),
            Transition("RcvYes", self.rcv_yes, votes),
            Transition("RcvNo", self.rcv_no, votes),
            Transition("PreCommit", self.pre_commit),
            Transition("RcvPreCommit", self.rcv_pre_commit, self.obedient),
            Transition("RcvAck", self.rcv_ack, self.led),
            Transition("Commit", self.commit, self.each),
            Transition("RcvCommit", self.rcv_commit, self.obedient),
            Transition("RcvAbort", self.rcv_abort, self.obedient),
        ]

    def vote_yes(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """Promise, durably, to commit or abort as decided."""
        if s.sites[i].status != INITIAL or not self.takes_part(s.sites[i]):
            return None
        return self.send(put(s, i, status=WAITING), i, YES, [0])

    def vote_no(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """Refuse, which is allowed before voting only."""
        if s.sites[i].status != INITIAL or not self.takes_part(s.sites[i]):
            return None
        return self.send(put(s, i, status=A), i, NO, [0]) if i else self.announce(s, i, A)

    def rcv_yes(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Count the vote of `j`."""
        return self.hear(s, i, j, (YES,), VOTING)

    def rcv_no(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Abort on the first refusal."""
        if not self.arrives(s, NO, j, i):
            return None
        after = received(s, NO, j, i)
        return self.announce(after, i, A) if s.sites[i].role == VOTING else after

    def pre_commit(self, s: ThreePhaseState) -> ThreePhaseState | None:
        """With every vote, tell all that the outcome can only be commit, before anybody commits."""
        own = s.sites[0]
        if own.role != VOTING or own.status != WAITING or own.heard.count(YES) + 1 < self.votes_needed:
            return None
        return self.move(s, 0)

    def rcv_pre_commit(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Move up, durably, and say so; a site that has decided takes no notice."""
        if not self.arrives(s, PRECOMMIT, j, i):
            return None
        after = received(s, PRECOMMIT, j, i)
        if s.sites[i].status not in self.heeding:
            return after
        return self.send(put(after, i, status=PC), i, ACK, [j])

    def rcv_ack(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Note that `j` has moved up."""
        return self.hear(s, i, j, (ACK,), MOVING)

    def commit(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """Commit once all sites that have not failed have moved up."""
        if s.sites[i].role != MOVING or not (self.complete(s.sites[i], i) or self.skip_precommit_acks):
            return None
        return self.announce(s, i, C)

    def rcv_commit(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Commit as told."""
        return self._obey(s, i, j, C)

    def rcv_abort(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Abort as told."""
        return self._obey(s, i, j, A)


    def view(self, s: ThreePhaseState) -> SitesView:
        """Show what is durable, and who is in the protocol."""
        participants, sites = three_phase_to_commit(s), tuple([site.status for site in s.sites])
        voted = tuple([status in AFTER_YES for status in sites])
        return SitesView(participants, voted, sites, tuple(map(self.takes_part, s.sites)), s.crashes)

    def actor(self, action: Action) -> str:
        """The site that acts, which comes first."""
        return f"site {action.args[0] if action.args else 0}"

    def takes_part(self, site: Site) -> bool:  # noqa: ARG002 - here everybody does
        """Whether a site is in the protocol."""
        return True

    def arrives(self, s: ThreePhaseState, kind: str, sender: int, receiver: int) -> bool:
        """Whether a message can be received now."""
        return (kind, sender, receiver) in s.msgs

    def complete(self, own: Site, i: int, *, without_mourned: bool = True) -> bool:
        """Whether leader `i` has heard of all others, or knows that they failed."""
        known = own.mourned | 1 << i if without_mourned else 1 << i
        return all(said or known >> j & 1 for j, said in enumerate(own.heard))

    def send(self, s: ThreePhaseState, i: int, kind: str, to: Iterable[int] = ()) -> ThreePhaseState:
        """Send, by default to all that `i` leads; what goes to a site that is not in the protocol is lost."""
        sent = {(kind, i, j) for j in to or range(i + 1, self.n) if j != i and self.takes_part(s.sites[j])}
        return s._replace(msgs=s.msgs | sent) if sent else s

    def hear(self, s: ThreePhaseState, i: int, j: int, kinds: Iterable[str], role: str) -> ThreePhaseState | None:
        """Let `i` receive an answer of `j`, and note it if that is what `i` waits for."""
        for kind in kinds:
            if self.arrives(s, kind, j, i):
                own, after = s.sites[i], received(s, kind, j, i)
                return put(after, i, heard=(*own.heard[:j], kind, *own.heard[j + 1 :])) if own.role == role else after
        return None

    def move(self, s: ThreePhaseState, i: int) -> ThreePhaseState:
        """Let leader `i` move up, durably, and tell all to do so."""
        return self.send(put(s, i, status=PC, role=MOVING, heard=self.nothing), i, PRECOMMIT)

    def announce(self, s: ThreePhaseState, i: int, decision: str) -> ThreePhaseState:
        """Let leader `i` decide, durably, and tell all."""
        return self.send(put(s, i, status=decision, role=DONE, heard=self.nothing), i, OUTCOME[decision])

    def _obey(self, s: ThreePhaseState, i: int, j: int, decision: str) -> ThreePhaseState | None:
        if not self.arrives(s, OUTCOME[decision], j, i):
            return None
        after = received(s, OUTCOME[decision], j, i)
        if s.sites[i].status in OUTCOME:
            return after
        return put(after, i, status=decision, role=FOLLOWING, heard=self.nothing)


def put(s: ThreePhaseState, i: int, **changes: str | int | tuple[str, ...]) -> ThreePhaseState:
    """Change site `i`."""
    sites = [*s.sites]
    sites[i] = sites[i]._replace(**changes)  # type: ignore[arg-type]
    return ThreePhaseState(tuple(sites), s.msgs, s.crashes, s.apart)


def received(s: ThreePhaseState, kind: str, sender: int, receiver: int) -> ThreePhaseState:
    """Take a message off the wire."""
    return ThreePhaseState(s.sites, s.msgs - {(kind, sender, receiver)}, s.crashes, s.apart)


def three_phase_to_commit(s: ThreePhaseState) -> Statuses:
    """Map to TCommit: W and PC are prepared."""
    return tuple([STATUS[site.status] for site in s.sites])


def pairs_agree(view: SitesView) -> bool:
    """A commit anywhere leaves only PC and C among the operational sites, and there A excludes PC and C."""
    operational = {status for status, up in zip(view.sites, view.operational, strict=True) if up}
    return (C not in view.sites or operational <= {PC, C}) and not (A in operational and operational & {PC, C})


def first_abort(before: SitesView, after: SitesView) -> bool:
    """A site aborts where nobody had, and nobody has failed."""
    return not after.crashes and A not in before.sites and A in after.sites


def refuses(before: SitesView, after: SitesView) -> bool:
    """It had not voted, and so refuses."""
    return any(was == INITIAL and now == A for was, now in zip(before.sites, after.sites, strict=True))


_SKEEN = "Skeen, Nonblocking commit protocols, SIGMOD 1981"
ONLY_REFUSED = implied(
    "AC4.abort", "without failures nothing is aborted but by who votes no", Kind.STEP, first_abort, refuses,
    "Bernstein, Hadzilacos & Goodman 1987, section 7.3, AC4",
)  # fmt: skip
PAIRS = Property("PAIRS", "no two operational sites are too far apart", Kind.ALWAYS, pairs_agree, _SKEEN)

STUDY = Study(
    name="ThreePhase",
    make=ThreePhase,
    switches=(
        Switch("precommit_on_majority", "PRECOMMIT is sent when most votes are in"),
        Switch("skip_precommit_acks", "the decision is taken before everybody is known to have moved up"),
    ),
    sizes=(Size("3 sites", {"n": 3}, 109, 14), Size("4 sites", {"n": 4}, 675, 19)),
    properties=(*commitment_properties(), ONLY_REFUSED, PAIRS),
    theorems=(
        Theorem(PAIRS, {"precommit_on_majority": True}, {}),
        Theorem(PAIRS, {"skip_precommit_acks": True}, {}),
    ),
    refines=Refines("TCommit", TransactionCommit, three_phase_to_commit),
    diagram=Diagram({"n": 2}, lambda s: " | ".join(site.status for site in s.sites)),
)
