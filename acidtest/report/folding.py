"""A schedule made short: what repeats is told once with its number, and so is the opening."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from acidtest.search.failure import Row

#: So many rows may be what repeats.
_LONGEST = 16
#: So many rows must be saved by telling that rows repeat, since that takes a row itself.
_WORTH = 2


class Line(NamedTuple):
    """What is shown in one place of the table: a row under its number, or a remark on rows that are not shown.

    Arguments:
        number: of the row, or of the first that the remark is about.
        row: the row; None for a remark.
        remark: what is said instead.
        times: how often the row comes, one after the other.
    """

    number: int
    row: Row | None
    remark: str = ""
    times: int = 1


def fold(rows: Sequence[Row], first: int = 1, opening: Collection[str] = ()) -> Iterator[Line]:
    """The lines of a table.

    Arguments:
        rows: the rows.
        first: the number of the first of them.
        opening: the clients of the scope's opening, whose rows come first.
    """
    opened = _opened(rows, opening)
    if opened > 1:
        names = ", ".join(dict.fromkeys(row.client for row in rows[:opened]))
        yield Line(first, None, f"steps {first} to {first + opened - 1}: the opening ({names}), without faults")
    else:
        opened = 0
    at = opened
    keys = list(map(_key, rows))
    while at < len(rows):
        period, times = _repetition(keys, at)
        if period == 1:
            yield Line(first + at, rows[at], times=times)
        else:
            yield from (Line(first + at + i, rows[at + i]) for i in range(period))
            begin, end = first + at + period, first + at + period * times - 1
            yield Line(begin, None, f"steps {begin} to {end}: the same {times - 1} times more")
        at += period * times


def decisive(lines: Sequence[Line]) -> Iterator[Line]:
    """The lines, without stretches in which nothing becomes durable, nobody is told anything and nothing goes wrong.

    The beginning of a call stays, and so does whatever stands alone.
    """
    stretch: list[Line] = []
    for line in (*lines, None):
        if line is not None and _is_quiet(line):
            stretch.append(line)
            continue
        if len(stretch) >= _WORTH:
            begin, end = stretch[0].number, stretch[-1].number + stretch[-1].times - 1
            yield Line(begin, None, f"steps {begin} to {end}: nothing becomes durable")
        else:
            yield from stretch
        stretch.clear()
        if line is not None:
            yield line


def _is_quiet(line: Line) -> bool:
    row = line.row
    return row is not None and ": " in row.action.partition("(")[0] and not (row.changes or row.events or row.fault)


def _opened(rows: Sequence[Row], opening: Collection[str]) -> int:
    """How many rows belong to the opening; the last row is what is to be shown."""
    for number, row in enumerate(rows[:-1]):
        if row.client not in opening or row.fault:
            return number
    return max(len(rows) - 1, 0) if opening else 0


def _repetition(keys: Sequence[tuple[object, ...]], at: int) -> tuple[int, int]:
    """The period and the number of the repetition at a row that saves the most; (1, 1) where nothing repeats."""
    best, saved = (1, 1), 0
    for period in range(1, _LONGEST + 1):
        times = 1
        while keys[at : at + period] == keys[at + period * times : at + period * (times + 1)]:
            times += 1
        saving = period * (times - 1) - (period > 1)
        if times > 1 and saving > saved and (period == 1 or saving >= _WORTH):
            best, saved = (period, times), saving
    return best


def _key(row: Row) -> tuple[object, ...]:
    """Equal for rows in which the same happens: clients that differ by number, and how far time jumps, are no difference."""
    client = re.sub(r"\d+", "#", row.client)
    action = re.sub(r"[\d.]+", "#", row.action) if "jump" in row.action else row.action
    return row.process, client, action, row.fault, row.changes, tuple(event.replace(row.client, "", 1) for event in row.events)
