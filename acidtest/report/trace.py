"""A run of a model as text: one column per actor, and beside each step what it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.checker.breadth_first import Trace
    from acidtest.checker.machine import Model

#: Values that are longer than this are cut in the middle: a state may hold a whole log.
_WIDEST = 60


def trace_lines(model: Model[Any], trace: Trace, cycle: Trace | None = None) -> list[str]:
    """Draw a run.

    Arguments:
        model: whose run it is.
        trace: the run.
        cycle: what it goes on with for ever, from its last state; one without steps means that it stops there.

    Returns:
        a heading, and a line per step or more, if it changes much.
    """
    rounds = list(cycle.steps[1:]) if cycle is not None else []
    steps = [*trace.steps[1:], *rounds]
    actors = list(dict.fromkeys(model.actor(action) for action, _ in steps if action is not None))
    if not steps:
        return ["(the initial state)"] if cycle is None else ["(the initial state; nothing ever happens)"]
    cells = [(model.actor(action), str(action)) if action else ("", "(no step)") for action, _ in steps]
    width = {a: max(len(a), *(len(text) for actor, text in cells if actor == a)) for a in actors}
    lines = [
        "step  " + "  ".join([*(a.ljust(width[a]) for a in actors), "what it changes"]),
        "----  " + "  ".join([*("-" * width[a] for a in actors), "---------------"]),
    ]
    before = trace.steps[0][1]
    for number, ((_, state), (actor, text)) in enumerate(zip(steps, cells, strict=True), 1):
        if rounds and number == len(trace.steps):
            lines.append("      for ever:")
        columns = "  ".join((text if a == actor else "·").ljust(width[a]) for a in actors)
        changes = list(differences(model, before, state)) or ["(nothing)"]
        lines.append(f"{number:>4}  {columns}  {changes[0]}".rstrip())
        lines += [f"{'':>4}  {'':{len(columns)}}  {change}" for change in changes[1:]]
        before = state
    return lines if cycle is None or rounds else [*lines, "      and nothing happens any more"]


def differences(model: Model[Any], before: Any, after: Any) -> Iterator[str]:
    """What differs between two states of a model, by the names of its fields."""
    before, after = model.shown(before), model.shown(after)
    yield from _differences("", getattr(before, "_fields", model.fields), before, after)


def _differences(path: str, names: Sequence[str], before: Any, after: Any) -> Iterator[str]:
    """Go down while both are tuples of one length; below that, say what was and what is."""
    if before == after:
        return
    if isinstance(before, frozenset) and isinstance(after, frozenset):
        changes = [*(f"+{_text(v)}" for v in _sorted(after - before)), *(f"-{_text(v)}" for v in _sorted(before - after))]
        yield f"{path or 'state'}: {' '.join(changes)}"
        return
    if not (isinstance(before, tuple) and isinstance(after, tuple) and len(before) == len(after)):
        yield f"{path or 'state'}: {_text(before)} → {_text(after)}"
        return
    for number, (was, now) in enumerate(zip(before, after, strict=True)):
        inner = f"{path}.{names[number]}" if path and names else names[number] if names else f"{path}[{number}]"
        yield from _differences(inner, getattr(was, "_fields", ()), was, now)


def _sorted(values: frozenset[Any]) -> list[Any]:
    return sorted(values, key=_plain)


def _text(value: Any) -> str:
    text = _plain(value)
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST // 2]} … {text[-_WIDEST // 2 :]}"


def _plain(value: Any) -> str:
    """A value without Python's clutter: nothing for an empty one, sets in order."""
    if isinstance(value, frozenset):
        return "{" + ", ".join(map(_plain, _sorted(value))) + "}"
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return f"{type(value).__name__}(" + ", ".join(map(_plain, value)) + ")"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return str(value) if value != "" else "nothing"
