"""Predicates over views of three-phase commit.

What needs the assumptions about the network is demanded of a run as long as it has kept them.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from acidtest.models.three_phase_commit.service import (
    ABORTED,
    COMMITTED,
    IN_DOUBT,
    INITIAL,
    PRECOMMITTED,
    RANK,
    SitesView,
    site_of,
    sites_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from acidtest.models.shared.ledger import Request

#: What befalls a run, and delays nothing.
_HARMLESS = frozenset({"crash", "twice", "reordered"})


def begun(view: SitesView, key: str) -> list[Request]:
    """The requests of which one may have been begun under a key: valid ones that were asked for, each once."""
    asked = {call.request.ask: call.request for call in view.calls if call.request.key == key and call.status != "new" and call.request.valid}
    return list(asked.values())


def knowledge(view: SitesView) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Per key what the sites know of it."""
    for key, pairs in view.states:
        yield key, dict(pairs)


def keeps_assumptions(view: SitesView) -> bool:
    """Nothing was cut off, and nobody timed out on a site that was there."""
    return not view.broken


# Money.


def exact(view: SitesView) -> bool:
    """Money is whole numbers, and nothing invalid is begun."""
    return all(type(n) is int for _, n in view.balances) and all(begun(view, key) for key, _ in view.states)


def moved_by_commits(view: SitesView) -> bool:
    """At every site, balances are what the transactions that it has committed make of them."""
    done = [(key, {site for site, state in states.items() if state == COMMITTED}) for key, states in knowledge(view)]
    choices = [[(request, sites) for request in begun(view, key)] for key, sites in done if sites]
    return any(_folded(view, chosen) == dict(view.balances) for chosen in product(*choices))


def _folded(view: SitesView, chosen: tuple[tuple[Request, set[str]], ...]) -> dict[str, int]:
    balances = dict(view.opening)
    for request, sites in chosen:
        for account, change in request.deltas:
            if site_of(account) in sites:
                balances[account] = balances.get(account, 0) + change
    return balances


def not_promised_twice(view: SitesView) -> bool:
    """No balance is negative, nor what is left of it if everything in doubt is committed."""
    left = {name: n for name, n in view.balances if isinstance(n, (int, float))}
    for key, states in knowledge(view):
        requests = begun(view, key)
        for account, change in requests[0].deltas if len(requests) == 1 else ():
            if account in left and states.get(site_of(account)) in IN_DOUBT:
                left[account] += min(change, 0)
    return all(n >= 0 for _, n in view.balances if isinstance(n, (int, float))) and all(n >= 0 for n in left.values())


# AC1 to AC5, and what Skeen asks of states.


def agreed(view: SitesView) -> bool:
    """No site has committed what another has aborted."""
    return not any({COMMITTED, ABORTED} <= set(states.values()) for _, states in knowledge(view))


def some_end(view: SitesView) -> bool:
    """Some site has committed or aborted."""
    return any(state in (COMMITTED, ABORTED) for _, states in knowledge(view) for state in states.values())


def all_voted(view: SitesView) -> bool:
    """Of what is precommitted or committed anywhere, every site that takes part has voted yes."""
    ever = dict(view.voted)
    return all(
        any(set(sites_of(request)) <= set(ever[key]) for request in begun(view, key))
        for key, states in knowledge(view) if {PRECOMMITTED, COMMITTED} & set(states.values())
    )  # fmt: skip


def close_together(view: SitesView) -> bool:
    """A commit anywhere leaves only precommitted and committed among the steady sites; and there an abort excludes both."""
    for key, states in knowledge(view):
        taking_part = _taking_part(view, key)
        steady = {state for site, state in states.items() if site in view.steady and site in taking_part}
        if COMMITTED in states.values() and not steady <= {PRECOMMITTED, COMMITTED}:
            return False
        if ABORTED in steady and steady & {PRECOMMITTED, COMMITTED}:
            return False
    return True


def never_back(before: SitesView, after: SitesView) -> bool:
    """What a site knows of a key only grows, and how it ended stays."""
    now = {(key, site): state for key, pairs in after.states for site, state in pairs}
    for key, pairs in before.states:
        for site, was in pairs:
            then = now.get((key, site), INITIAL)
            if then != was and (RANK[then] <= RANK[was]):
                return False
    return True


def first_abort(before: SitesView, after: SitesView) -> bool:
    """A site aborts what no other has, although nobody who takes part has ever died, and nothing else excuses it."""
    return _is_harmless(after) and keeps_assumptions(after) and bool(_aborted_among_the_living(before, after))


def refuses(before: SitesView, after: SitesView) -> bool:
    """It had not voted, and could not pay."""
    was = {(key, site): state for key, pairs in before.states for site, state in pairs}
    aborted = _aborted_among_the_living(before, after)
    return all(was.get((key, site), INITIAL) == INITIAL and not _can_pay(after, key, site) for key, site in aborted)


def _is_harmless(view: SitesView) -> bool:
    """Whether nothing has befallen the run but deaths, of which each excuses its own transactions, and messages that are no later for it."""
    return {what.partition(" ")[0] for what in view.happened} <= _HARMLESS


def _aborted_among_the_living(before: SitesView, after: SitesView) -> list[tuple[str, str]]:
    """What is newly aborted, and where, of which no site that takes part has ever died: deaths of others concern nobody there."""
    return [(key, site) for key, site in _newly_aborted(before, after) if _taking_part(after, key) <= set(after.steady)]


def _taking_part(view: SitesView, key: str) -> set[str]:
    return {site for request in begun(view, key) for site in sites_of(request)}


def _newly_aborted(before: SitesView, after: SitesView) -> list[tuple[str, str]]:
    known = {key for key, states in knowledge(before) if ABORTED in states.values()}
    return [(key, site) for key, states in knowledge(after) if key not in known for site, state in states.items() if state == ABORTED]


def _can_pay(view: SitesView, key: str, site: str) -> bool:
    """Whether a site can pay what is asked of it under a key, whatever becomes of all else that was asked."""
    left = dict(view.opening)
    asked = {call.request.ask: call.request for call in view.calls if call.status != "new" and call.request.valid}
    for request in asked.values():
        for account, change in request.deltas:
            if site_of(account) == site:
                left[account] = left.get(account, -1) + min(change, 0)  # an account that does not exist pays nothing
    mine = {account for request in begun(view, key) for account, _ in request.deltas if site_of(account) == site}
    return all(left[account] >= 0 for account in mine)


def all_have_come_to_rest(view: SitesView) -> bool:
    """Nothing will happen any more, and the network was as it is assumed to be."""
    return view.quiet and keeps_assumptions(view) and bool(view.states)


def survivors_have_decided(view: SitesView) -> bool:
    """No site is in doubt that has never died."""
    return not any(state in IN_DOUBT and site in view.steady for _, states in knowledge(view) for site, state in states.items())


def nobody_in_doubt(view: SitesView) -> bool:
    """Every site knows how everything ended of which it knows."""
    return not any(IN_DOUBT & set(states.values()) for _, states in knowledge(view))


def committed_everywhere(view: SitesView) -> bool:
    """What one site has committed, all that take part in it have."""
    return all(
        any(all(states.get(site) == COMMITTED for site in sites_of(request)) for request in begun(view, key))
        for key, states in knowledge(view) if COMMITTED in states.values()
    )  # fmt: skip


# What clients are told.


def on_record(view: SitesView) -> bool:
    """Of what was told ok, the site where it was begun has a record; of what was rejected nobody has, unless its key is another's."""
    known = dict(knowledge(view))
    for call in view.calls:
        states = known.get(call.request.key, {})
        if call.status == "ok" and states.get(str(call.request.payload[0]), INITIAL) == INITIAL:
            return False
        if call.status == "rejected" and states and [request.ask for request in begun(view, call.request.key)] == [call.request.ask]:
            return False
    return True


def has_reason(view: SitesView) -> bool:
    """Nobody was told rejected of something valid, under a key of its own."""
    return not any(
        call.status == "rejected" and call.request.valid and len(begun(view, call.request.key)) == 1 for call in view.calls
    )


def answered(view: SitesView) -> bool:
    """Who began something alone was told so."""
    return not any(call.status == "unknown" and call.alone for call in view.calls)


def committed_without_faults(view: SitesView) -> bool:
    """All sites have committed something, and nothing befell anybody."""
    return not view.happened and any(COMMITTED in states.values() for _, states in knowledge(view)) and committed_everywhere(view)
