"""The same schedule must give the same effects; where it does not, it is told what differs.

Code that goes by addresses, as a unit of work that flushes a set of objects, comes to the same effects in another order now and then.
That is told apart: another run may come to the order of the first.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NoReturn

from acidtest.errors import NondeterminismError
from acidtest.search.hashing import DRAWN, USUAL, VARIABLE, hash_seed
from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.search.run import Run

_CAUSES = (
    "The code under test depends on something that is not controlled. Usual causes: the order of addresses, or of a set of objects that "
    "hash by them (order by something else: sorted(…)), state that outlives a process in a module or class, threads, how long something "
    "took; and a clock or chance that is held by what is in C (use env.clock.now(), env.new_id(), env.random)."
)
_SEED = f" Strings hash by a seed of this process alone: set {VARIABLE}={USUAL} to see the same again in another one."
_ORDER = " What comes is the same, in another order."
#: How many effects of a task may lie between two that have changed places.
_FAR = 100
#: What a statement is made of, with its parameters.
_PART = re.compile(r"'(?:[^']|'')*'|[\w.]+|\S")
#: A string or a number in the text of a statement.
_LITERAL = re.compile(r"'(?:[^']|'')*'|(?<![\w$])-?\d+(?:\.\d+)?\b")


class ReorderedError(NondeterminismError):
    """Effects have come in another order than before; where the code is run again, they may come as they did."""


def fingerprint(run: Run, decision: Decision) -> Hashable:
    """What a decision is about to do, to be compared on replay; None for what is no effect."""
    if decision.kind not in ("advance", "victim"):
        return None
    effect = run.world.pending(decision.target)
    return None if effect is None else effect.fingerprint


def complain(run: Run, decision: Decision, before: Hashable) -> NoReturn:
    """Say how a replay differs from the first run, in which the effect was `before`. The run is of no use any more.

    Raises:
        ReorderedError: the same comes in another order.
        NondeterminismError: something else comes.
    """
    now = fingerprint(run, decision)
    message = (
        f"The same schedule gave different effects: {decision.target} had come to\n    {_told(before, now) or decision.effect}\n"
        f"and on replay to\n    {_told(now, before) or 'something else'}\n"
    )
    causes = _CAUSES + (_SEED if hash_seed() == DRAWN else "")
    if now != before and (_is_permuted(before, now) or _comes_later(run, decision.target, before)):
        raise ReorderedError(message + causes + _ORDER)
    raise NondeterminismError(message + causes)


def _is_permuted(one: Any, other: Any) -> bool:
    """Whether two effects are the same but for the order of what they are made of."""
    if one is None or other is None or one[:3] != other[:3]:
        return False
    first, second = (sorted(_PART.findall(repr(effect[3]))) for effect in (one, other))
    return first == second


def _comes_later(run: Run, target: str, wanted: Hashable) -> bool:
    """Whether a task that goes on alone comes to an effect that was expected of it now."""
    if wanted is None:
        return False
    for _ in range(_FAR):
        effect = run.world.pending(target) if target in run.world.runnable() else None
        if effect is None:
            return False
        if effect.fingerprint == wanted:
            return True
        if not run.world.perform(Decision("advance", target, effect=effect.label)):
            return False
    return False


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
        return _text(detail)
    told = [f"parameter {place} = {value!r}" for place, (value, than) in enumerate(zip(values, others, strict=True), 1) if value != than]
    return f"{_statement(detail)}\n    {', '.join(told)}" if told else _text(detail)


def _statement(detail: Any) -> str:
    """The text of a statement, which may have its parameters in it."""
    return _text(detail[0] if isinstance(detail, tuple) else detail)


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else f"{value}"


def _values(detail: Any) -> list[Any] | None:
    """The parameters of a statement, if it is one and has some: given beside it, or written into it by the driver."""
    if isinstance(detail, tuple) and len(detail) == 2 and isinstance(detail[1], (tuple, list)):  # noqa: PLR2004 - SQL and parameters
        return list(detail[1])
    if isinstance(detail, (str, bytes)):
        return _LITERAL.findall(_text(detail))
    return None
