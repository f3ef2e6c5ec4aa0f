"""The same schedule must give the same effects; where it does not, it is told what differs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from acidtest.errors import NondeterminismError

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.search.run import Run
    from acidtest.world.core.effects import Decision

_CAUSES = (
    "The code under test depends on something that is not controlled. Usual causes: the order of a set or of addresses, state that "
    "outlives a process in a module or class, threads, how long something took; and a clock or chance that is held by what is in C "
    "(use env.clock.now(), env.new_id(), env.random)."
)


def fingerprint(run: Run, decision: Decision) -> Hashable:
    """What a decision is about to do, to be compared on replay; None for what is no effect."""
    if decision.kind not in ("advance", "victim"):
        return None
    effect = run.world.pending(decision.target)
    return None if effect is None else effect.fingerprint


def complain(run: Run, decision: Decision, before: Hashable) -> NoReturn:
    """Say how a replay differs from the first run, in which the effect was `before`.

    Raises:
        NondeterminismError: always.
    """
    now = fingerprint(run, decision)
    message = (
        f"The same schedule gave different effects: {decision.target} had come to\n    {_told(before, now) or decision.effect}\n"
        f"and on replay to\n    {_told(now, before) or 'something else'}\n{_CAUSES}"
    )
    raise NondeterminismError(message)


def _told(effect: Any, other: Any) -> str:
    """An effect, with its parameters where these may be what differs."""
    if effect is None:
        return ""
    _, where, what, detail = effect
    label = f"{where}: {what}"
    if other is None or other[:3] != effect[:3]:
        return label
    return f"{label}\n    {_differing(detail, other[3])}"


def _differing(detail: Any, other: Any) -> str:
    """The parameters that differ, by their places; all of it where that cannot be told."""
    values, others = (_values(given) for given in (detail, other))
    if values is None or others is None or len(values) != len(others):
        return f"{detail}"
    told = [f"parameter {place} = {value!r}" for place, (value, than) in enumerate(zip(values, others, strict=True), 1) if value != than]
    return f"{detail[0]}\n    {', '.join(told)}" if told else f"{detail}"


def _values(detail: Any) -> list[Any] | None:
    """The parameters of a statement, if it is one and has some."""
    if isinstance(detail, tuple) and len(detail) == 2 and isinstance(detail[1], (tuple, list)):  # noqa: PLR2004 - SQL and parameters
        return list(detail[1])
    return None
