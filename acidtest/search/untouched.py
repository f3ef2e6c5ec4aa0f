"""What must hold only looks: asking for it changes nothing of the world.

It is asked more often in one run than in another, for what it says of a view is remembered; so a change by it belongs to no schedule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Kind
from acidtest.errors import ContractError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.checker.machine import Property
    from acidtest.search.harness import Harness
    from acidtest.world.core.world import World


def refuse_change(world: World, before: Hashable, harness: Harness, *views: Any) -> None:  # noqa: ANN401 - the pattern's views
    """Refuse properties that have changed something.

    Arguments:
        world: where they were asked.
        before: its durable key before that.
        harness: has those that were asked.
        views: what they were asked of: the view before, None at the start, and the view.

    Raises:
        ContractError: something is another than before.
    """
    if world.durable_key() == before:
        return
    asked = [*harness.properties, *harness.somewhere]
    found = next((p.id for p in asked if _changes(world, p, *views)), "")
    who = found or f"one of {', '.join(dict.fromkeys(p.id for p in harness.properties))}"
    message = (
        f"What must hold has changed something: after it was asked whether {who} holds, what is committed, or outside, is another than before. "
        "An invariant only looks, and only at what it is given: let it read what it needs through a declared read, and change nothing."
    )
    raise ContractError(message)


def _changes(world: World, p: Property, before: Any, view: Any) -> bool:  # noqa: ANN401 - likewise
    """Whether asking once more changes something once more."""
    key = world.durable_key()
    if p.kind == Kind.STEP:
        if before is not None:
            p.predicate(before, view)
    else:
        p.predicate(view)
    return bool(world.durable_key() != key)
