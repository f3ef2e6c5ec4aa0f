"""A failure as text: one column per process, faults marked, and what became durable beside it."""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from acidtest.report.folding import Line, decisive, fold
from acidtest.report.inert import inert_value
from acidtest.report.regression import regression_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.search.failure import Failure, Row

#: How wide a text is where there is no terminal, and how narrow it gets at most.
WIDTH, NARROW = 100, 60
_NARROWEST, _WIDEST = 14, 44
#: What the column of what became durable gets at least, where it needs that.
_COMMITTED = 30
#: How wide the number of equal rows may be.
_TIMES = 4
#: So few columns are made narrower; more of them are put into one.
_FEW = 2
#: Number and mark of a row.
_HEAD_OF_ROW = 8
#: Of a longer schedule the last lines are printed, and half as many of the first: so many, or fewer where all must be short.
_TAILS = (40, 20, 12, 8, 4, 3, 2)
#: Of more values than that those in the middle are left out, unless they differ; so many stay at either end.
_MANY_VALUES, _AT_ENDS = 24, 6
#: What is left out says so in a line.
_WORTH = 2


def terminal_width() -> int:
    """How wide the terminal is; 100 without one."""
    try:
        return max(os.get_terminal_size(1).columns, NARROW)
    except OSError:  # no terminal; what the environment says of its width was said of another
        return WIDTH


def render(failure: Failure, *, replay_file: str = "", width: int | None = None, most: int | None = None, regression: bool = True) -> str:
    """The failure as text, of which no line is wider than `width`; but for the regression test, which must run.

    Arguments:
        failure: the value.
        replay_file: the file that it was saved in, for the replay command; empty where it was not.
        width: how wide it may be; None for the terminal's width.
        most: how many lines it may take before the regression test is left out; None for any number.
        regression: whether it ends with a regression test at all.
    """
    shown, wide = inert_value(failure), width or terminal_width()
    for tail in _TAILS:
        told = [*_lines(shown, wide, tail), *explanation_lines(shown, wide)]
        if most is None or len(told) < most:
            break
    return "\n".join([*told, *_ends(failure, replay_file, wide, regression=regression, most=most and most - len(told))])


def render_story(failure: Failure, width: int | None = None) -> str:
    """The first part of the text, which is known at once: the verdict, the property and the schedule."""
    return "\n".join(_lines(inert_value(failure), width or terminal_width(), _TAILS[0]))


def render_explanation(failure: Failure, *, replay_file: str = "", width: int | None = None) -> str:
    """The second part of the text: what is found out after that, and how to see it again."""
    wide = width or terminal_width()
    return "\n".join([*explanation_lines(inert_value(failure), wide), *_ends(failure, replay_file, wide)])


def _ends(failure: Failure, replay_file: str, wide: int, *, regression: bool = True, most: int | None = None) -> list[str]:
    """How to see the failure again."""
    lines = ["", *([f"Replay:  acidtest replay {replay_file}", ""] if replay_file else [])]
    test = [f"    {line}".rstrip() for line in regression_test(failure, wide - 4).splitlines()]
    if not regression or (most is not None and len(lines) + len(test) + 2 > most):
        return lines[:-1] if replay_file else []
    return [*lines, "Regression test:", "", *test]


def _lines(failure: Failure, width: int, tail: int) -> Iterator[str]:
    yield from wrapped(f"FAIL  {failure.pattern}  {failure.property_id}: {failure.name}", width, 6)
    yield from wrapped(f"      {failure.implementation}, scope “{failure.scope['name']}” ({failure.search} search)", width, 6)
    if failure.capabilities:
        yield from wrapped(f"      declared: {', '.join(failure.capabilities)}", width, 6)
    if failure.excepted:
        yield from wrapped(f"      left out: {', '.join(failure.excepted)}", width, 6)
    yield ""
    yield from wrapped(failure.cause, width)
    yield ""
    yield from _schedule(failure, width, tail)
    yield from _raised(failure, width)
    yield from _rest(failure, width)
    yield from _difference(failure, width)


def explanation_lines(failure: Failure, width: int) -> Iterator[str]:
    """What is found out after the verdict: since when it was too late, and what else is violated or not."""
    if failure.too_late is not None and failure.too_late > 1:  # all is too late where it is so from the first step
        text = f"Point of no return: step {failure.too_late}. Before it some continuation keeps {failure.property_id}; after it none was found."
        yield from wrapped(text, width, 2)
    elif failure.unexplained:
        yield from wrapped(f"Point of no return: {failure.unexplained}.", width, 2)
    also = [name for name in failure.broken if name != failure.property_id]
    if also:
        yield from wrapped(f"Violated as well: {', '.join(also)}", width, 2)
    yield from wrapped(f"Still hold: {', '.join(failure.holds) or 'none'}", width, 2)
    yield from wrapped(f"Bound: {failure.bound}", width, 2)


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """A line as lines that are no wider; those after the first are indented."""
    return textwrap.wrap(text, width, subsequent_indent=" " * indent, break_on_hyphens=False) or [""]


class _Table(NamedTuple):
    """How wide the columns are: one per process, or one for all of them where there is no room for so many."""

    processes: dict[str, int]
    committed: int
    together: bool

    def heads(self) -> list[str]:
        """What stands over the columns."""
        return ["process: what it does"] if self.together else list(self.processes)

    def place(self, process: str) -> int:
        """Which column a process has."""
        return 0 if self.together else list(self.processes).index(process)

    def widths(self) -> list[int]:
        """The widths of the columns of processes."""
        return [max(self.processes.values())] if self.together else list(self.processes.values())


def _table(failure: Failure, lines: Sequence[Line], width: int) -> _Table:
    natural = {name: max(_NARROWEST, len(name)) for name in failure.processes}
    rows = [line.row for line in lines if line.row is not None]
    for row in rows:
        text = max(map(len, cell(row)[: 1 + bool(row.fault)])) + (_TIMES if any(line.times > 1 for line in lines) else 0)
        natural[row.process] = min(max(natural[row.process], text), _WIDEST)
    most = max([len("committed"), *(len(change) for row in rows for change in row.changes)])
    room = width - _HEAD_OF_ROW - 2 * len(natural)
    committed = min(most, max(_COMMITTED, room - sum(natural.values())))
    if sum(natural.values()) + committed > room and (len(natural) > _FEW or len(natural) * _NARROWEST + committed > room):
        wide = min(max(natural.values()) + 2 + max(map(len, natural)), width - _HEAD_OF_ROW - 2 - committed)
        return _Table(dict.fromkeys(natural, wide), min(most, width - _HEAD_OF_ROW - 2 - wide), together=True)
    while sum(natural.values()) + committed > room:
        natural[max(natural, key=lambda name: natural[name])] -= 1
    return _Table(natural, committed, together=False)


def _schedule(failure: Failure, width: int, tail: int) -> Iterator[str]:
    """The table: number, one column per process, and what became durable; none where there was no step."""
    if not failure.rows and not failure.resting:
        return
    lines = list(fold(failure.rows, 1, failure.scope.get("opening", ())))
    resting = list(fold(failure.resting, len(failure.rows) + 1))
    table = _table(failure, [*lines, *resting], width)
    heads = [head.ljust(wide)[:wide] for head, wide in zip(table.heads(), table.widths(), strict=True)]
    yield "  " + "  ".join(["step", *heads, "committed"]).rstrip()
    yield "  " + "  ".join(["----", *("-" * wide for wide in table.widths()), "-" * min(9, table.committed)])
    yield from _shortened(lines, table, width, tail)
    if failure.resting:
        yield from wrapped("        coming to rest: faults stop, everything recovers and drains", width, 10)
        yield from _shortened(resting, table, width, tail)
    yield ""


def _shortened(lines: Sequence[Line], table: _Table, width: int, tail: int) -> Iterator[str]:
    """All lines; where all must be short those that decide, and where even they are many, the first and the last of them."""
    if tail < _TAILS[0]:
        lines = list(decisive(lines))
    head = tail // 2
    cut = len(lines) > head + tail + _WORTH
    for line in lines[:head] if cut else lines:
        yield from _line(line, table, width)
    if cut:
        left_out = lines[-tail].number - lines[head].number
        yield from wrapped(f"        … {left_out} steps left out; the failure file has them all …", width, 10)
        for line in lines[-tail:]:
            yield from _line(line, table, width)


def _line(line: Line, table: _Table, width: int) -> Iterator[str]:
    row = line.row
    if row is None:
        yield from wrapped(f"        {line.remark}", width, 10)
        return
    place, widths = table.place(row.process), table.widths()
    left = _cells(row, line.times, widths[place], together=table.together)
    right = [part for change in row.changes for part in wrapped(change, table.committed, 2)]
    for i in range(max(len(left), len(right))):
        text = left[i] if i < len(left) else ""
        cells = [(text if j == place else "·" if i == 0 else "").ljust(wide) for j, wide in enumerate(widths)]
        head = f"{line.number:>3}{'✗' if row.fault else ' '}" if i == 0 else "    "
        yield f"  {head}  {'  '.join(cells)}  {right[i] if i < len(right) else ''}".rstrip()


def _cells(row: Row, times: int, width: int, *, together: bool) -> list[str]:
    """What stands in the column of the row's process: whole, but for what clients learned, which stands below the table."""
    what, *more = cell(row)
    what = f"{row.process}: {what}" if together and not what.startswith(row.process) else what
    what = f"{what} ×{times}" if times > 1 else what
    told = more[1:] if row.fault else more
    lines = [*wrapped(what, width, 2), *(wrapped(more[0], width, 4) if row.fault else [])]
    return [*lines, *(event if len(event) <= width else f"{event[: width - 1]}…" for event in told)]


def cell(row: Row) -> list[str]:
    """What stands in the column of the row's process."""
    lines = [f"{row.client}: {row.action}" if row.client != row.process else row.action]
    if row.fault:
        lines.append(f"  ✗ {meaning(row)}")
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
#: What is refused a vote, or to end in one phase, is rolled back.
_VOTES = re.compile(r"^\S.*: (?:prepare |commit one phase |PREPARE TRANSACTION\b|XA PREPARE\b|XA COMMIT ONE PHASE\b)")


def meaning(row: Row) -> str:
    """What befell a step; empty for nothing."""
    if row.fault == "refused" and _VOTES.match(row.action):
        return "refused: it votes no, and has rolled back"
    return FAULTS.get(row.fault, row.fault)


def _raised(failure: Failure, width: int) -> Iterator[str]:
    """What the code under test has raised, and where in the user's own files."""
    if not failure.raised:
        return
    yield "  raised by the code under test:"
    for error in failure.raised:
        first, *more = f"{error.kind}: {error.text}".removesuffix(": ").splitlines()
        yield from wrapped(f"  {error.by}: {first}", width, 6)
        for line in more:
            yield from wrapped(f"      {line}", width, 6)
        for file, number, function in error.frames:
            yield from wrapped(f"      {file}:{number} in {function}", width, 8)
    yield ""


def _rest(failure: Failure, width: int) -> Iterator[str]:
    if failure.at_rest:
        nothing = "" if failure.rest else " (nothing becomes durable any more)"
        yield from wrapped(f"  then faults stop, everything recovers and drains{nothing}:", width, 4)
        for line in failure.rest:
            yield from wrapped(f"        {line}", width, 10)
        yield ""


def _difference(failure: Failure, width: int) -> Iterator[str]:
    if not failure.difference:
        return
    name = max(12, *(len(field) for field, _, _ in failure.difference))
    if not any(allowed for _, allowed, _ in failure.difference):
        yield "  observed in the end:" if failure.at_rest else "  observed:"
        for field, _, observed in failure.difference:
            yield from wrapped(f"  {field:<{name}}  {_short(observed.split(', '))}", width, name + 4)
        yield ""
        return
    room = (width - name - 6) // 2
    marked = [(field, *_marked(allowed, observed)) for field, allowed, observed in failure.difference]
    wide = min(max(len("the model allows"), *(len(allowed) for _, allowed, _ in marked)), room)
    yield f"  {'view':<{name}}  {'the model allows'[:wide]:<{wide}}  observed"
    for field, allowed, observed in marked:
        left, right = wrapped(allowed, wide, 2), wrapped(observed, width - name - wide - 6, 2)
        for i in range(max(len(left), len(right))):
            texts = field if i == 0 else "", left[i] if i < len(left) else "", right[i] if i < len(right) else ""
            yield f"  {texts[0]:<{name}}  {texts[1]:<{wide}}  {texts[2]}".rstrip()
    yield ""


def _marked(allowed: str, observed: str) -> tuple[str, str]:
    """Two lists of values, with those marked that only one of them has; single values need no mark."""
    left, right = allowed.split(", "), observed.split(", ")
    if len(left) == len(right) == 1:
        return allowed, observed
    return _mark(left, right), _mark(right, left)


def _mark(values: Sequence[str], others: Sequence[str]) -> str:
    rest, told = list(others), []
    for value in values:
        told.append(value if value in rest else f"≠ {value}")
        if value in rest:
            rest.remove(value)
    return _short(told)


def _short(values: Sequence[str]) -> str:
    """A list of values; of many those that are marked, and some at both ends."""
    if len(values) <= _MANY_VALUES:
        return ", ".join(values)
    told, left_out = [], 0
    for place, value in enumerate([*values, ""]):
        if _AT_ENDS <= place < len(values) - _AT_ENDS and not value.startswith("≠"):
            left_out += 1
            continue
        if left_out:
            told.append(f"… {left_out} more …")
            left_out = 0
        told.append(value)
    return ", ".join(told[:-1])
