"""A failure as text: one column per process, faults marked, and what became durable beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.report.regression import regression_test

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.search.failure import Failure, Row

_NARROWEST = 14
_WIDEST = 44
#: Of a longer schedule the first and the last steps are printed.
_HEAD = 20
_TAIL = 60


def render(failure: Failure, *, replay_file: str = "") -> str:
    """The failure as text.

    Arguments:
        failure: the value.
        replay_file: the file that it was saved in, for the replay command; empty where it was not.
    """
    return "\n".join(_lines(failure, replay_file))


def _lines(failure: Failure, replay_file: str) -> Iterator[str]:
    yield f"FAIL  {failure.pattern}  {failure.property_id}: {failure.name}"
    yield f"      {failure.implementation}, scope “{failure.scope['name']}” ({failure.search} search)"
    if failure.capabilities:
        yield f"      declared: {', '.join(failure.capabilities)}"
    yield ""
    yield failure.cause
    yield ""
    yield from _schedule(failure)
    yield from _raised(failure)
    yield from _rest(failure)
    yield from _difference(failure)
    if failure.too_late is not None:
        yield f"Point of no return: step {failure.too_late}. Before it some continuation keeps {failure.property_id}; after it none was found."
    also = [name for name in failure.broken if name != failure.property_id]
    if also:
        yield f"Violated as well: {', '.join(also)}"
    yield f"Still hold: {', '.join(failure.holds) or 'none'}"
    yield f"Bound: {failure.bound}"
    yield ""
    if replay_file:
        yield f"Replay:  acidtest replay {replay_file}"
    yield "Regression test:"
    yield ""
    yield from (f"    {line}" for line in regression_test(failure).splitlines())


def _schedule(failure: Failure) -> Iterator[str]:
    """The table: number, one column per process, and what became durable."""
    columns = list(failure.processes)
    width = {name: len(name) for name in columns}
    rows = (*failure.rows, *failure.resting)
    for row in rows:
        width[row.process] = max(width[row.process], *map(len, cell(row)))
    width = {name: min(max(w, _NARROWEST), _WIDEST) for name, w in width.items()}
    yield "  " + "  ".join(["step", *(name.ljust(width[name]) for name in columns), "committed"]).rstrip()
    yield "  " + "  ".join(["----", *("-" * width[name] for name in columns), "---------"])
    for number, row in enumerate(rows, 1):
        if number == len(failure.rows) + 1:
            yield "        coming to rest: faults stop, everything recovers and drains"
        if _HEAD < number <= len(rows) - _TAIL:
            if number == _HEAD + 1:
                yield f"       … {len(rows) - _HEAD - _TAIL} steps left out; the failure file has them all …"
            continue
        mark = "✗" if row.fault else " "
        left = cell(row)
        right = list(row.changes)
        for i in range(max(len(left), len(right), 1)):
            text = left[i] if i < len(left) else ""
            cells = [(text if name == row.process else "·" if i == 0 else "").ljust(width[name]) for name in columns]
            cells = [c if len(c) <= _WIDEST else f"{c[: _WIDEST - 1]}…" for c in cells]
            head = f"{number:>3}{mark}" if i == 0 else "    "
            yield f"  {head}  {'  '.join(cells)}  {right[i] if i < len(right) else ''}".rstrip()
    yield ""


def cell(row: Row) -> list[str]:
    """What stands in the column of the row's process."""
    lines = [f"{row.client}: {row.action}" if row.client != row.process else row.action]
    if row.fault:
        lines.append(f"  ✗ {FAULTS.get(row.fault, row.fault)}")
    return [*lines, *(f"  {event}" for event in row.events)]


#: What a fault kind means, for the reader of a schedule.
FAULTS = {
    "crash": "took effect, then the process died",
    "refused": "refused: error, no effect",
    "lost": "reply lost: error, no effect",
    "unacknowledged": "reply lost: error, but it took effect",
    "late": "reply lost: takes effect later",
    "twice": "delivered twice",
}


def _raised(failure: Failure) -> Iterator[str]:
    """What the code under test has raised, and where in the user's own files."""
    if not failure.raised:
        return
    yield "  raised by the code under test:"
    for error in failure.raised:
        first, *more = f"{error.kind}: {error.text}".removesuffix(": ").splitlines()
        yield f"  {error.by}: {first}"
        yield from (f"      {line}" for line in more)
        yield from (f"      {file}:{line} in {function}" for file, line, function in error.frames)
    yield ""


def _rest(failure: Failure) -> Iterator[str]:
    if failure.at_rest:
        nothing = "" if failure.rest else " (nothing becomes durable any more)"
        yield f"  then faults stop, everything recovers and drains{nothing}:"
        yield from (f"        {line}" for line in failure.rest)
        yield ""


def _difference(failure: Failure) -> Iterator[str]:
    if not failure.difference:
        return
    wide = max(len("the model allows"), *(len(allowed) for _, allowed, _ in failure.difference))
    if not any(allowed for _, allowed, _ in failure.difference):
        yield "  observed in the end:"
        yield from (f"  {name:<12}  {observed}" for name, _, observed in failure.difference)
    else:
        yield f"  {'view':<12}  {'the model allows':<{wide}}  observed"
        yield from (f"  {name:<12}  {allowed:<{wide}}  {observed}" for name, allowed, observed in failure.difference)
    yield ""
