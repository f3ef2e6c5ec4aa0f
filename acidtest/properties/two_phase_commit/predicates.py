"""Predicates over views of two-phase commit.

A request takes effect in one database after the other, so what took effect is said per database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.models.two_phase_commit.service import AtomicCommitView, database_of
from acidtest.properties.shared.balances import label
from acidtest.properties.shared.predicates import no_overdraft, once, serves

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.models.shared.ledger import Request


def _available(view: AtomicCommitView, pick: Callable[[list[int]], int]) -> AtomicCommitView:
    """The view with balances less what is promised in doubt; `pick` decides where a key stands for several."""
    balances = dict(view.balances)
    took = dict(view.took)
    for database, keys in view.in_doubt:
        for key in keys:
            asked = [c.request for c in view.calls if c.request.key == key]
            if any(request.name in took[database] for request in asked):
                continue
            for account in [a for a in balances if database_of(a) == database]:
                balances[account] += min(0, pick([dict(request.deltas).get(account, 0) for request in asked]))
    return view._replace(balances=tuple(balances.items()))


def not_promised_twice(view: AtomicCommitView) -> bool:
    """No balance is negative, nor what is left of it if everything in doubt is committed."""
    return no_overdraft(view) and no_overdraft(_available(view, max))


def served(before: AtomicCommitView, after: AtomicCommitView) -> bool:
    """A run that nothing disturbed and that every database could still pay is accepted."""
    return serves(_available(before, min), after)


def _databases(request: Request) -> list[str]:
    """The databases in which a request has a branch."""
    return list(dict.fromkeys(database_of(account) for account, _ in request.deltas))


def _named(view: AtomicCommitView, names: Sequence[str]) -> list[Request]:
    """The requests with these names, each once."""
    return [call.request for call in view.calls if call.request.name in names]


def _done_or_in_doubt(view: AtomicCommitView, request: Request) -> bool:
    """In every database of it, the request took effect or its key is in doubt."""
    took, doubt = dict(view.took), dict(view.in_doubt)
    return all(request.name in took.get(d, ()) or request.key in doubt.get(d, ()) for d in _databases(request))


def agreed(view: AtomicCommitView) -> bool:
    """What took effect in one database did in every other, or is in doubt there."""
    return all(_done_or_in_doubt(view, request) for request in _named(view, view.accepted))


def voted(view: AtomicCommitView) -> bool:
    """What took effect was promised by all of its databases before."""
    ever = dict(view.voted)
    return all(
        request.key in ever.get(database, ())
        for request in _named(view, view.accepted)
        for database in _databases(request)
    )


def truthful(view: AtomicCommitView) -> bool:
    """Ok was told of what takes effect, rejected of what did not."""
    for call in view.calls:
        first = next(c.request for c in view.calls if c.request.ask == call.request.ask)
        if call.status == "ok" and not _done_or_in_doubt(view, first):
            return False
        if call.status == "rejected" and first.name in view.accepted:
            return False
    return True


def kept(before: AtomicCommitView, after: AtomicCommitView) -> bool:
    """What took effect in a database stays, in its order."""
    now = dict(after.took)
    return all(now[database][: len(taken)] == taken for database, taken in before.took)


def promised(before: AtomicCommitView, after: AtomicCommitView) -> bool:
    """A branch that leaves doubt without effect has neither been committed elsewhere, nor been told ok."""
    took, doubt = dict(after.took), dict(after.in_doubt)
    told = {label(after.calls, call.request) for call in after.calls if call.status == "ok"}
    for database, keys in before.in_doubt:
        for key in set(keys) - set(doubt[database]):
            asked = [c.request for c in after.calls if c.request.key == key and database in _databases(c.request)]
            names = {label(after.calls, request) for request in asked}
            if not names & set(took[database]) and names <= told | set(after.accepted):
                return False
    return True


def not_overtaken(before: AtomicCommitView, after: AtomicCommitView) -> bool:
    """A first effect appears only where no other branch had been aborted before."""
    ever, doubt = dict(before.voted), dict(before.in_doubt)
    new = [request for request in _named(after, after.accepted) if request.name not in before.accepted]
    took = dict(after.took)
    return not any(
        request.key in ever.get(d, ()) and request.key not in doubt[d] and request.name not in took[d]
        for request in new
        for d in _databases(request)
    )


def all_or_none(view: AtomicCommitView) -> bool:
    """What took effect did so in all of its databases."""
    took = dict(view.took)
    return all(
        request.name in taken
        for request in _named(view, view.accepted)
        for taken in (took.get(database, ()) for database in _databases(request))
    )


def nothing_in_doubt(view: AtomicCommitView) -> bool:
    """No branch is in doubt."""
    return not any(keys for _, keys in view.in_doubt)


def unanimous_committed(view: AtomicCommitView) -> bool:
    """If nothing ever disturbed any run, what all of its databases voted for took effect."""
    ever = dict(view.voted)
    asked = [call for call in view.calls if call.status != "new"]
    if not all(call.alone for call in asked):
        return True
    for request in [call.request for call in asked]:
        rivals = any(call.request.key == request.key and call.request.ask != request.ask for call in asked)
        unanimous = all(request.key in ever.get(database, ()) for database in _databases(request))
        if request.valid and unanimous and not rivals and label(view.calls, request) not in view.accepted:
            return False
    return True


def as_if_uninterrupted(view: AtomicCommitView) -> bool:
    """Everything is decided in all of its databases, and took effect at most once."""
    return all_or_none(view) and nothing_in_doubt(view) and once(view)
