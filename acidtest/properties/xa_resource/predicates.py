"""Predicates over views of a resource manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.models.shared.atomic_commitment import PREPARED
from acidtest.models.xa.branch import HEUR

if TYPE_CHECKING:
    from acidtest.models.xa.resource import RmView

#: Of a session, or of the server of its database.
_DEATHS = frozenset({"crash", "restart database"})


def answers_right(view: RmView) -> bool:
    """The last answer is one that the state table allows."""
    return not view.wrong


def balances_as_told(view: RmView) -> bool:
    """Balances are what the branches made of them that were answered to be committed, and nothing else; while no call is open."""
    due = dict(view.opening)
    for (account, _), held, change in zip(view.opening, view.branches, view.changes, strict=True):
        due[account] += held.applied * change
    return bool(view.open) or dict(view.balances) == due


def names_all(view: RmView) -> bool:
    """What was answered to be prepared, or was decided alone, is named by a scan; while no call is open."""
    due = {f"b{number + 1}" for number, held in enumerate(view.branches) if held.status in (PREPARED, HEUR)}
    return bool(view.open) or due <= set(view.in_doubt)


def names_no_other(view: RmView) -> bool:
    """A scan names nothing but what is prepared or was decided alone; while no call is open."""
    due = {f"b{number + 1}" for number, held in enumerate(view.branches) if held.status in (PREPARED, HEUR)}
    return bool(view.open) or set(view.in_doubt) <= due


def survives(before: RmView, after: RmView) -> bool:
    """What is prepared, or was decided alone, is there still after a crash and without a call about it."""
    return after.happened.isdisjoint(_DEATHS) or _keeps(before, after)


def outlasts(before: RmView, after: RmView) -> bool:
    """The same where nobody died: however much time has passed, a resource manager does not give up what it has promised."""
    return not after.happened.isdisjoint(_DEATHS) or _keeps(before, after)


def _keeps(before: RmView, after: RmView) -> bool:
    if after.open or before.open or after.last != before.last:
        return True
    return set(before.in_doubt) <= set(after.in_doubt)


def refuses_used_names(view: RmView) -> bool:
    """No branch was begun under the name of another."""
    return not (view.wrong and view.last[0] == "start" and "XAER_DUPID" in view.wrong)


def remembers_decisions(view: RmView) -> bool:
    """A decision that was made alone is told whoever asks for another, until it is forgotten."""
    return not (view.wrong.startswith("XA_HEUR") or (view.wrong and view.last[0] == "forget"))


def prepared_commits(view: RmView) -> bool:
    """A prepared branch was committed."""
    return view.last[:1] == ("commit",) and view.last[-1] == "XA_OK"


def some_refused(view: RmView) -> bool:
    """A call was refused."""
    return view.last[-1:] in (("XAER_PROTO",), ("XAER_NOTA",), ("XAER_DUPID",))


def applied_is_over(view: RmView) -> bool:
    """A branch that took effect is not in doubt at the same time, unless it was decided alone."""
    now, then = dict(view.balances), dict(view.opening)
    for number, ((account, _), held, change) in enumerate(zip(view.opening, view.branches, view.changes, strict=True)):
        more = now[account] - then[account] != held.applied * change
        if more and f"b{number + 1}" in view.in_doubt and not any(call.startswith("decide") for call in view.open):
            return False
    return True
