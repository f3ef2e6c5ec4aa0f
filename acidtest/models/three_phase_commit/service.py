"""Three-phase commit as a service: what shows of transactions among sites, each of which tells what it knows of a key.

Messages, leaders and time-outs are internal. All that shows is that a site votes (it waits), learns that all have (it is
precommitted), and ends committed or aborted; its accounts change with a commit, and with nothing else. Before all have
voted nothing can be precommitted or committed; and no two sites end differently, unless an assumption is `lifted`.

The protocol that implements it is modelled in `phases` and `crashes`; running code is followed against this one.

Sources: Skeen, "Nonblocking Commit Protocols", SIGMOD 1981; Bernstein, Hadzilacos & Goodman, "Concurrency Control and
Recovery in Database Systems", 1987, chapter 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.checker.machine import Model, Transition
from acidtest.models.shared.ledger import EVENTS, Call, Ledger, LedgerState, Request
from acidtest.models.shared.tuples import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What a site knows of a key; `INITIAL` is nothing.
INITIAL, WAITING, PRECOMMITTED, COMMITTED, ABORTED = "initial", "waiting", "precommitted", "committed", "aborted"
IN_DOUBT = frozenset({WAITING, PRECOMMITTED})
#: How far a site has come; an abort is as far as a commit.
RANK = {INITIAL: 0, WAITING: 1, PRECOMMITTED: 2, COMMITTED: 3, ABORTED: 3}

#: Per key of a request that was begun, what each site of it knows: (site, state) pairs.
States = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
#: Per key, the sites that were in doubt, or committed, at some time.
Votes = tuple[tuple[str, tuple[str, ...]], ...]


class SitesView(NamedTuple):
    """What an outsider sees. Accounts are called site/account.

    Arguments:
        opening: the balances at the start.
        balances: the balances now.
        calls: what clients know of what they have begun.
        states: per key, what each site that takes part knows of it.
        voted: per key, the sites that have promised to commit, if all do, at some time.
        steady: the sites that have never died.
        quiet: nothing will happen any more unless a site starts again, or is asked for something.
        broken: the assumptions about the network that did not hold so far.
        happened: what befell the run so far.
        stuck: whether a lock was waited for in vain.
        wedged: whether coming to rest took restarting a process that had neither crashed nor lost a connection.
    """

    opening: tuple[tuple[str, int], ...]
    balances: tuple[tuple[str, int], ...]
    calls: tuple[Call, ...]
    states: States
    voted: Votes
    steady: tuple[str, ...] = ()
    quiet: bool = False
    broken: frozenset[str] = frozenset()
    happened: frozenset[str] = frozenset()
    stuck: bool = False
    wedged: bool = False


class SitesState(NamedTuple):
    """The requests; and per distinct one what its sites know, and which of them have ever voted yes."""

    ledger: LedgerState
    states: tuple[tuple[str, ...], ...]
    voted: tuple[frozenset[int], ...]


class SitesModel(Model[SitesState]):
    """Atomic commitment among sites, over a fixed workload.

    Arguments:
        opening: (site/account, balance) pairs.
        requests: what is begun; the payload of each begins with the site where it is.
        sites: all that there are; those that take no part in something never know of it.
        lifted: an assumption does not hold, so sites may end differently.
    """

    name = "three-phase commit as a service"
    events = EVENTS

    def __init__(
        self, opening: Iterable[tuple[str, int]], requests: Sequence[Request], sites: Sequence[str], *, lifted: bool = False
    ) -> None:
        """Number requests and sites."""
        self.sites = tuple(sites)
        self.ledger = Ledger(opening, requests)
        self.requests, self.lifted = self.ledger.requests, lifted
        keys = list(dict.fromkeys(request.key for request in self.requests))
        self._key = [keys.index(request.key) for request in self.requests]
        self._place = {i: place for place, i in enumerate(self.ledger.distinct)}
        self._taking_part = {i: [self.sites.index(site) for site in sites_of(self.requests[i]) if site in sites] for i in self.ledger.distinct}
        self._changes = {i: [self._at(i, site) for site in self.sites] for i in self.ledger.distinct}
        self._unknown = {(i, site_of(a)) for i in self.ledger.distinct for a, _ in self.requests[i].deltas if a not in self.ledger.accounts}
        firsts = zip(self._key, self.ledger.first, strict=True)
        self._rivals = [[j for j in self.ledger.distinct if self._key[j] == key and j != first] for key, first in firsts]

    def _at(self, i: int, site: str) -> list[tuple[int, int]]:
        """The changes that a request makes at a site: (number of the account, change) pairs."""
        accounts = self.ledger.accounts
        return [(accounts.index(a), n) for a, n in self.requests[i].deltas if site_of(a) == site and a in accounts]

    def initial_states(self) -> Iterable[SitesState]:
        """Nothing has been begun."""
        distinct = self.ledger.distinct
        yield SitesState(self.ledger.initial(), ((INITIAL,) * len(self.sites),) * len(distinct), (frozenset(),) * len(distinct))

    def transitions(self) -> Sequence[Transition]:
        """Clients first, then the sites."""
        replies = [(i, outcome) for i in range(len(self.requests)) for outcome in ("ok", "rejected")]
        pairs = [(i, n) for i, taking_part in self._taking_part.items() for n in taking_part]
        return [
            *[t for t in self.ledger.transitions() if t.name in EVENTS - {"reply"}],
            Transition("reply", self.reply, replies),
            Transition("vote", self.vote, pairs),
            Transition("precommit", self.precommit, pairs),
            Transition("commit", self.commit, pairs),
            Transition("abort", self.abort, pairs),
        ]

    def reply(self, s: SitesState, i: int, outcome: str) -> SitesState | None:
        """The client learns that it is begun, which is on record where it was; or that it never will be."""
        first = self.ledger.first[i]
        begun = self._state(s, first, self._taking_part[first][0]) != INITIAL
        if s.ledger.status[i] != "open" or begun != (outcome == "ok"):
            return None
        if outcome == "rejected" and self.requests[i].valid and not self._has_begun_rival(s, first):
            return None
        return s._replace(ledger=s.ledger._replace(status=put(s.ledger.status, i, outcome)))

    def vote(self, s: SitesState, i: int, n: int) -> SitesState | None:
        """A site promises, durably, to commit if all do."""
        if self._state(s, i, n) != INITIAL or not self._may_begin(s, i) or not self._funded(s, i, n):
            return None
        return self._put(s, i, n, WAITING, voted=True)

    def precommit(self, s: SitesState, i: int, n: int) -> SitesState | None:
        """A site learns, durably, that all have voted yes."""
        if self._state(s, i, n) != WAITING or not self._all_voted(s, i):
            return None
        return self._put(s, i, n, PRECOMMITTED)

    def commit(self, s: SitesState, i: int, n: int) -> SitesState | None:
        """A site commits: all have voted, and none has aborted."""
        states = s.states[self._place[i]]
        if states[n] not in IN_DOUBT or not self._all_voted(s, i) or (ABORTED in states and not self.lifted):
            return None
        balances = list(s.ledger.balances)
        for account, change in self._changes[i][n]:
            balances[account] += change
        after = s._replace(ledger=s.ledger._replace(balances=tuple(balances)))
        return self._put(after, i, n, COMMITTED)

    def abort(self, s: SitesState, i: int, n: int) -> SitesState | None:
        """A site aborts, or refuses: none has committed."""
        states = s.states[self._place[i]]
        if RANK[states[n]] == RANK[ABORTED] or not self._may_begin(s, i) or (COMMITTED in states and not self.lifted):
            return None
        return self._put(s, i, n, ABORTED)

    def _state(self, s: SitesState, i: int, n: int) -> str:
        return s.states[self._place[i]][n]

    def _put(self, s: SitesState, i: int, n: int, state: str, *, voted: bool = False) -> SitesState:
        place = self._place[i]
        votes = put(s.voted, place, s.voted[place] | {n}) if voted else s.voted
        return s._replace(states=put(s.states, place, put(s.states[place], n, state)), voted=votes)

    def _all_voted(self, s: SitesState, i: int) -> bool:
        return len(s.voted[self._place[i]]) == len(self._taking_part[i])

    def _may_begin(self, s: SitesState, i: int) -> bool:
        """Whether request `i` is valid and was asked for, and no other was begun under its key."""
        asked = any(s.ledger.status[j] != "new" for j, first in enumerate(self.ledger.first) if first == i)
        return self.requests[i].valid and asked and not self._has_begun_rival(s, i)

    def _has_begun_rival(self, s: SitesState, i: int) -> bool:
        return any(set(s.states[self._place[j]]) != {INITIAL} for j in self._rivals[i])

    def _funded(self, s: SitesState, i: int, n: int) -> bool:
        """Whether a site can promise request `i` beside all that it has promised."""
        if (i, self.sites[n]) in self._unknown:
            return False
        return all(change > 0 or s.ledger.balances[a] + change + self._held(s, a) >= 0 for a, change in self._changes[i][n])

    def _held(self, s: SitesState, account: int) -> int:
        """What is promised away of an account, as a negative number."""
        return sum(
            min(change, 0)
            for j, place in self._place.items() for n, state in enumerate(s.states[place]) if state in IN_DOUBT
            for a, change in self._changes[j][n] if a == account
        )  # fmt: skip

    def leads_to(self, state: SitesState, view: SitesView) -> bool:
        """No site goes back."""
        wanted = {key: dict(pairs) for key, pairs in view.states}
        for i, place in self._place.items():
            there = wanted.get(self.requests[i].key, {})
            for site, now in zip(self.sites, state.states[place], strict=True):
                then = there.get(site, INITIAL)
                if now not in (then, INITIAL) and (RANK[now] >= RANK[then] or now == ABORTED):
                    return False
        return True

    def at_rest(self, state: SitesState) -> bool:
        """No call is open and no site is in doubt."""
        return "open" not in state.ledger.status and not any(IN_DOUBT.intersection(states) for states in state.states)

    def view(self, state: SitesState) -> SitesView:
        """Balances, answers, and what every site knows."""
        begun = [(self.requests[i].key, place) for i, place in self._place.items() if set(state.states[place]) != {INITIAL}]
        return SitesView(
            self.ledger.opening, self.ledger.balances(state.ledger), self.ledger.calls(state.ledger),
            tuple(sorted([(key, tuple(zip(self.sites, state.states[place], strict=True))) for key, place in begun])),
            tuple(sorted([(key, tuple([self.sites[n] for n in sorted(state.voted[place])])) for key, place in begun])),
        )  # fmt: skip


def site_of(account: str) -> str:
    """The site of an account called site/account."""
    return account.partition("/")[0]


def sites_of(request: Request) -> tuple[str, ...]:
    """The sites that take part: where it is begun, and those of its accounts."""
    return tuple(dict.fromkeys([str(request.payload[0]), *(site_of(account) for account, _ in request.deltas)]))
