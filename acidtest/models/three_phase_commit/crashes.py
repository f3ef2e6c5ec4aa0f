"""Three-phase commit where sites fail: the termination protocol and recovery, and what breaks them.

`ThreePhaseCrash` adds to `ThreePhase` the termination protocol in the form of Bernstein, Hadzilacos & Goodman,
"Concurrency Control and Recovery in Database Systems" (1987), section 7.5, and recovery from a total failure after
Skeen, "Determining the Last Process to Fail" (ACM TOCS 3(1), 1985).

The assumptions are fail-stop sites, no partition, and bounded delay: nobody times out on a site that is up, nor on one
that crashed while something that it sent is still on its way. What a crash cuts short was never sent to some. A restarted
site is known as such; it asks, in one step, as what it asks for does not change. After a total failure the sites wait
until all are back, or until one is back that had found itself alone, and so was the last to fail. It is not enough that the last
to fail must be among those that are back: another of them may have failed in PC before the rest aborted.
"""

from __future__ import annotations

from collections.abc import Sequence

from acidtest.checker.machine import Action, Transition
from acidtest.models.shared.atomic_commitment import answers
from acidtest.models.three_phase_commit.phases import (
    FOLLOWING,
    INITIAL,
    MOVING,
    OUTCOME,
    PC,
    VOTING,
    WAITING,
    A,
    C,
    Site,
    SitesView,
    ThreePhase,
    ThreePhaseState,
    put,
    received,
)

#: A leader that collects states; a site that has crashed, or that is back and asks.
INQUIRING, DOWN, RECOVERING = "inquiring", "down", "recovering"
STATE_REQ = "STATE-REQ"
#: What the environment does, and a refusal. Nobody may count on it to happen.
FAULTS = frozenset({"VoteNo", "Crash", "Lose", "Restart", "Partition"})


class Side(int):
    """The sites on one side of a partition, as a bit mask that reads as what it holds."""

    def __str__(self) -> str:
        """The numbers of the sites."""
        return "{" + ", ".join(str(i) for i in range(self.bit_length()) if self >> i & 1) + "}"


class ThreePhaseCrash(ThreePhase):
    """Three-phase commit among `n` sites with at most `crashes` crashes, of anybody, in termination and recovery too.

    All other arguments are switches; `crashes_study` says what they mean, and what is proved.
    """

    name = "ThreePhaseCrash"

    def __init__(
        self, n: int, crashes: int = 1, *,
        partition: bool = False, unbounded_delay: bool = False, termination: bool = True, textbook_timeouts: bool = False,
        pc_means_abort: bool = False, abort_if_unreachable: bool = False, skip_precommit_acks: bool = False,
        commit_without_moving: bool = False, precommit_on_majority: bool = False, late_precommit_accepted: bool = False,
        recovered_site_decides: bool = False, recovery_asks: bool = True, repair: bool = False,
        last_stays_down: bool = False, state_not_forced: bool = False, first_back_decides: bool = False,
        mourning_is_enough: bool = False, readers_lock: bool = False,
    ) -> None:  # fmt: skip
        """Set the size, which assumptions are off, and which rules are left out."""
        super().__init__(n, precommit_on_majority=precommit_on_majority, skip_precommit_acks=skip_precommit_acks)
        self.max_crashes, self.faults = crashes, FAULTS - {"Restart"} if repair else FAULTS
        self.partition, self.unbounded_delay = partition, unbounded_delay
        self.termination, self.textbook_timeouts = termination and not textbook_timeouts, textbook_timeouts
        self.pc_means_abort, self.abort_if_unreachable = pc_means_abort, abort_if_unreachable
        self.commit_without_moving = commit_without_moving
        self.heeding = (WAITING, PC, A) if late_precommit_accepted else (WAITING, PC)
        self.recovered_site_decides, self.recovery_asks = recovered_site_decides, recovery_asks
        self.returning = self.each[: n - last_stays_down]
        self.state_not_forced, self.readers_lock = state_not_forced, readers_lock
        self.first_back_decides, self.mourning_is_enough = first_back_decides, mourning_is_enough

    def transitions(self) -> Sequence[Transition]:
        """List the three phases, then termination, failure and recovery, and what switches add."""
        pairs = [*self.led, *self.obedient]
        table = [
            *super().transitions(),
            Transition("TimeOut", self.time_out, pairs),
            Transition("AbortVoting", self.abort_voting),
            Transition("Elect", self.elect, self.each),
            Transition("RcvStateReq", self.rcv_state_req, self.obedient),
            Transition("RcvState", self.rcv_state, self.led),
            Transition("Terminate", self.terminate, self.each),
            Transition("DecideAlone", self.decide_alone, self.each),
            Transition("Crash", self.crash, self.each),
            Transition("Lose", self.lose, pairs),
            Transition("Restart", self.restart, self.returning),
            Transition("Ask", self.ask, pairs),
            Transition("Regroup", self.regroup),
            Transition("Partition", self.split, [(Side(mask),) for mask in range(1, (1 << self.n) - 1, 2)]),
        ]
        present = {
            "Elect": self.termination, "RcvStateReq": self.termination, "RcvState": self.termination,
            "Terminate": self.termination, "DecideAlone": self.textbook_timeouts, "Ask": self.recovery_asks,
            "Partition": self.partition,
        }  # fmt: skip
        return [transition for transition in table if present.get(transition.name, True)]

    def time_out(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Note, durably, that `j` has failed: it should lead, or answer, and has been silent for too long."""
        own, bit = s.sites[i], 1 << j
        awaited = own.role in {VOTING, INQUIRING, MOVING} and not own.heard[j]
        if not self.takes_part(own) or own.mourned & bit or not (awaited or j < i):
            return None
        # Delay is bounded: what `j` had sent before it failed arrives, or is lost, before anybody gives it up.
        failed = not self.takes_part(s.sites[j]) and all(sender != j for _, sender, _ in s.msgs)
        if not (failed or self.unbounded_delay or _separated(s, i, j)):
            return None
        return put(s, i, mourned=own.mourned | bit)

    def abort_voting(self, s: ThreePhaseState) -> ThreePhaseState | None:
        """Abort as a site failed before its vote came."""
        own = s.sites[0]
        if own.role != VOTING or self.complete(own, 0, without_mourned=False) or not self.complete(own, 0):
            return None
        return self.announce(s, 0, A)

    def decide_alone(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """The textbook timeout rule: without the coordinator abort when in W, commit when in PC."""
        own = s.sites[i]
        if not self.takes_part(own) or not own.mourned & 1 or own.status in OUTCOME:
            return None
        return put(s, i, status=C if own.status == PC else A)

    def elect(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """Lead, all before `i` having failed: repeat a decision, or ask for states."""
        own, before = s.sites[i], (1 << i) - 1
        if own.role != FOLLOWING or own.mourned & before != before:
            return None
        # Who has not voted may abort at once: without its vote nobody can have committed.
        if own.status in OUTCOME or own.status == INITIAL:
            return self.announce(s, i, C if own.status == C else A)
        return self.send(put(s, i, role=INQUIRING), i, STATE_REQ)

    def rcv_state_req(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Answer; who has not voted aborts first."""
        if not self.arrives(s, STATE_REQ, j, i):
            return None
        status = A if s.sites[i].status == INITIAL else s.sites[i].status
        return self.send(put(received(s, STATE_REQ, j, i), i, status=status), i, status, [j])

    def rcv_state(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Note the state of `j`."""
        return self.hear(s, i, j, (WAITING, PC, C, A), INQUIRING)

    def terminate(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """The termination rule, once all sites that have not failed have told their states."""
        own = s.sites[i]
        if own.role != INQUIRING or not self.complete(own, i):
            return None
        states = {own.status, *filter(None, own.heard)}
        if A in states or not states & {PC, C}:
            return self.announce(s, i, A)
        if C in states or self.commit_without_moving:
            return self.announce(s, i, C)
        unreachable = not self.complete(own, i, without_mourned=False)
        if (self.pc_means_abort and states == {PC}) or (self.abort_if_unreachable and unreachable):
            return self.announce(s, i, A)
        return self.move(s, i)

    def crash(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """Fail and stop; what is on its way to `i` is lost."""
        own = s.sites[i]
        if own.role == DOWN or s.crashes == self.max_crashes:
            return None
        status = WAITING if own.status == PC and self.state_not_forced else own.status
        left = frozenset(message for message in s.msgs if message[2] != i)
        down = put(s, i, status=status, role=DOWN, heard=self.nothing)
        return down._replace(msgs=left, crashes=s.crashes + 1)

    def lose(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """What `i` had to tell `j` when it crashed was never sent."""
        if s.sites[i].role != DOWN:
            return None
        lost = {message for message in s.msgs if message[1:] == (i, j)}
        return s._replace(msgs=s.msgs - lost) if lost else None

    def restart(self, s: ThreePhaseState, i: int) -> ThreePhaseState | None:
        """Come back, as logged; who had not voted aborts, and the coordinator that had not gone on; who is in doubt must ask."""
        own = s.sites[i]
        if own.role != DOWN or any(sender == i for _, sender, _ in s.msgs):
            return None
        # A coordinator that failed in W has sent no PRECOMMIT: nobody can have moved up, and whoever is left aborts.
        alone = {INITIAL: A, WAITING: A} if i == 0 else {INITIAL: A}
        alone |= {WAITING: A, PC: C} if self.recovered_site_decides else {}
        return put(s, i, role=RECOVERING, status=alone.get(own.status, own.status))

    def ask(self, s: ThreePhaseState, i: int, j: int) -> ThreePhaseState | None:
        """Learn the decision, after a restart, from a site that knows it."""
        own, other = s.sites[i], s.sites[j]
        if own.role != RECOVERING or own.status in OUTCOME or other.status not in OUTCOME:
            return None
        return None if other.role == DOWN or _separated(s, i, j) else put(s, i, status=other.status)

    def regroup(self, s: ThreePhaseState) -> ThreePhaseState | None:
        """After a total failure go on: all together, or whoever had mourned all others and so failed last."""
        back = [i for i, site in enumerate(s.sites) if site.role == RECOVERING and site.status not in OUTCOME]
        everyone = (1 << self.n) - 1
        if len(back) < self.n and not self._may_go_on(s, back):
            back = [i for i in back if s.sites[i].mourned | 1 << i == everyone]
        gone = everyone - sum(1 << i for i in back)
        for i in back:
            s = put(s, i, role=FOLLOWING, mourned=gone)
        return s if back else None

    def _may_go_on(self, s: ThreePhaseState, back: Sequence[int]) -> bool:
        """Two rules that are wrong: whoever is back goes on; or does once all that are not have been mourned."""
        away = [i for i in range(self.n) if i not in back]
        mourned = all(s.sites[i].role == DOWN and any(s.sites[j].mourned >> i & 1 for j in back) for i in away)
        return self.first_back_decides or (self.mourning_is_enough and mourned)

    def split(self, s: ThreePhaseState, mask: int) -> ThreePhaseState | None:
        """Cut the sites in two; nothing passes any more."""
        return None if s.apart else s._replace(apart=mask)

    def at_rest(self, s: ThreePhaseState) -> bool:
        """Everybody is back, and nothing is left to do."""
        return all(site.role != DOWN for site in s.sites) and super().at_rest(s)

    def view(self, s: ThreePhaseState) -> SitesView:
        """Show what readers are given as well."""
        seen = super().view(s)
        return seen._replace(answers=answers(seen.participants, readers_lock=self.readers_lock))

    def actor(self, action: Action) -> str:
        """A site, or the network."""
        return "network" if action.name == "Partition" else super().actor(action)

    def shown(self, s: ThreePhaseState) -> tuple[object, ...]:
        """Show whom each site has mourned, and the sides of a partition, by the numbers of sites."""
        sites = tuple(site._replace(mourned=_members(site.mourned)) for site in s.sites)  # type: ignore[arg-type]
        return s._replace(sites=sites, apart=_members(s.apart))  # type: ignore[arg-type]

    def takes_part(self, site: Site) -> bool:
        """Whether a site is in the protocol: not down, nor back without its memory."""
        return site.role not in {DOWN, RECOVERING}

    def arrives(self, s: ThreePhaseState, kind: str, sender: int, receiver: int) -> bool:
        """Whether a message can be received now."""
        return (kind, sender, receiver) in s.msgs and not _separated(s, sender, receiver)


def _members(mask: int) -> frozenset[int]:
    return frozenset(i for i in range(mask.bit_length()) if mask >> i & 1)


def _separated(s: ThreePhaseState, i: int, j: int) -> bool:
    return s.apart != 0 and (s.apart >> i ^ s.apart >> j) & 1 == 1
