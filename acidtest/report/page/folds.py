"""What of a diagram is folded: the opening, what repeats, and of long schedules the stretches in which nothing becomes durable."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from acidtest.report.folding import Line, decisive, fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from acidtest.report.page.scene import Beat

#: With more steps than these, stretches are folded in which nothing becomes durable; and always while coming to rest.
LONG = 40
#: So many lines of coming to rest must be saved by folding them.
_WORTH = 3


class Group(NamedTuple):
    """Steps that stand together: shown, or folded under a remark.

    Arguments:
        beats: the steps.
        remark: what is said instead of them; empty where they are shown.
    """

    beats: tuple[Beat, ...]
    remark: str = ""


def groups_of(beats: Sequence[Beat], opening: Collection[str] = ()) -> list[Group]:
    """Steps in groups.

    Arguments:
        beats: one step after the other, of the schedule and of coming to rest.
        opening: the clients of the scope's opening.
    """
    schedule = [beat for beat in beats if not beat.frame.resting]
    resting = [beat for beat in beats if beat.frame.resting]
    return [*_groups(schedule, opening, short=len(schedule) <= LONG), *_groups(resting, (), short=False)]


def _groups(beats: Sequence[Beat], opening: Collection[str], *, short: bool) -> Iterator[Group]:
    if not beats:
        return
    first = beats[0].number
    lines = list(fold([beat.frame.row for beat in beats], first, opening))
    lines = lines if short else list(decisive(lines))
    if beats[0].frame.resting:
        lines = list(_moving(lines))
    shown: list[Beat] = []
    for line, until in zip(lines, [*(line.number for line in lines[1:]), first + len(beats)], strict=True):
        covered = beats[line.number - first : until - first]
        shown += covered[:1] if line.row is not None else ()
        folded = covered[1:] if line.row is not None else covered
        if folded:
            yield from [Group(tuple(shown))] if shown else []
            yield Group(tuple(folded), line.remark or _times(line))
            shown = []
    if shown:
        yield Group(tuple(shown))


def _moving(lines: Sequence[Line]) -> Iterator[Line]:
    """Lines of coming to rest, without stretches in which nothing happens but that rounds come and go."""
    stretch: list[Line] = []
    for line in (*lines, None):
        if line is not None and (line.row is None or not (line.row.changes or line.row.events or line.row.fault)):
            stretch.append(line)
            continue
        if len(stretch) >= _WORTH:
            end = f" to {line.number - 1}" if line is not None else " on"
            yield Line(stretch[0].number, None, f"from step {stretch[0].number}{end}: nothing becomes durable")
        else:
            yield from stretch
        stretch.clear()
        if line is not None:
            yield line


def _times(line: Line) -> str:
    return f"the same {line.times - 1} times more" if line.times > 2 else "the same once more"  # noqa: PLR2004
