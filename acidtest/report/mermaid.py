"""A failure as a sequence diagram in Mermaid's language, which GitHub, GitLab and MkDocs draw: the steps that matter, at most forty."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from acidtest.report.columns import meaning
from acidtest.report.inert import inert_value
from acidtest.report.page.folds import Group, groups_of
from acidtest.report.page.scene import scene_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.report.page.scene import Arrow, Beat, Scene
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film

#: So many steps are drawn: of more the first, and three times as many of the last.
MOST, _FIRST = 40, 10
#: So long may a text be, in letters.
_LONGEST = 70
#: What of a text means nothing to Mermaid's parser, beside letters and digits.
_PLAIN = frozenset(" .,()'=_/✗✖…→“”:-")
_KINDS = {"client": "actor", "process": "participant"}


def mermaid(failure: Failure, film: Film) -> str:
    """The diagram.

    Arguments:
        failure: the value.
        film: the same, step for step.
    """
    shown = inert_value(failure)
    scene = scene_of(inert_value(film))
    lines = ["sequenceDiagram", *(f"    {line}" for line in _lines(shown, scene))]
    return "\n".join(lines) + "\n"


def _lines(failure: Failure, scene: Scene) -> Iterator[str]:
    for number, lane in enumerate(scene.lanes):
        kind = "" if lane.kind == "process" else f" ({lane.kind})"
        yield f"{_KINDS.get(lane.kind, 'participant')} L{number} as {_name(lane.name + kind)}"
    over = f"Note over L0,L{len(scene.lanes) - 1}:" if len(scene.lanes) > 1 else "Note over L0:"
    rests = False
    for group in _cut(groups_of(scene.beats, failure.scope.get("opening", ()))):
        if not rests and group.beats[0].frame.resting:
            rests = True
            yield f"{over} {_text('coming to rest: faults stop, everything recovers and drains')}"
        if group.remark:
            yield f"{over} {_text(group.remark)}"
            continue
        for beat in group.beats:
            yield from _beat(beat, over)
            if beat.number == failure.too_late and failure.too_late > 1:
                yield f"{over} {_text(f'point of no return: step {beat.number}')}"
    when = " now that everything is at rest" if failure.at_rest else ""
    yield f"{over} {_text(f'✗ {failure.property_id} is violated{when}: {failure.name}', 2 * _LONGEST)}"


def _cut(groups: Sequence[Group]) -> Iterator[Group]:
    """The groups, with so many steps left out in the middle that the others are few enough."""
    total = sum(len(group.beats) for group in groups if not group.remark)
    left_out, seen = total - MOST, 0
    for group in groups:
        if group.remark or left_out <= 0:
            yield group
            continue
        before, gone, after = _apart(group.beats, seen, left_out)
        seen += len(group.beats)
        for beats, remark in ((before, ""), (gone, f"… {len(gone)} steps left out …"), (after, "")):
            if beats:
                yield Group(tuple(beats), remark)


def _apart(beats: Sequence[Beat], seen: int, left_out: int) -> tuple[Sequence[Beat], Sequence[Beat], Sequence[Beat]]:
    begin = min(max(_FIRST - seen, 0), len(beats))
    end = min(max(_FIRST + left_out - seen, 0), len(beats))
    return beats[:begin], beats[begin:end], beats[end:]


def _beat(beat: Beat, over: str) -> Iterator[str]:
    row = beat.frame.row
    if beat.band:
        yield f"{over} {_text(f'{beat.number}. {row.action}')}"
    for place, arrow in enumerate(beat.arrows):
        yield _arrow(arrow, f"{beat.number}. {arrow.label}" if place == 0 else arrow.label)
    if row.fault:
        place = beat.mark[0] if beat.mark is not None else beat.arrows[0].source if beat.arrows else 0
        yield f"Note over L{place}: {_text(f'✗ {meaning(row)}')}"
    elif beat.mark is not None:
        yield f"Note over L{beat.mark[0]}: {_text(f'{beat.number}. {row.action}')}"


def _arrow(arrow: Arrow, label: str) -> str:
    """Lost and refused ones end with a cross; what is late has an open head; what comes twice is told twice."""
    dashed = "--" if arrow.style in ("answer", "unknown", "call", "read") else "-"
    head = {"lost": "x", "refused": "x", "late": ")"}.get(arrow.fare, ">>")
    line = f"L{arrow.source}{dashed}{head}L{arrow.target}: {_text(label)}"
    return f"{line}\n    {line}" if arrow.fare == "twice" else line


def _text(text: str, most: int = _LONGEST) -> str:
    """A text in which nothing means anything to the parser."""
    short = text if len(text) <= most else f"{text[: most - 1]}…"
    return "".join(letter if letter.isalnum() or letter in _PLAIN else f"#{ord(letter)};" for letter in " ".join(short.split())) or "#160;"


def _name(text: str) -> str:
    """A text that names a lifeline: there colons, commas and what looks like an arrow end it."""
    return re.sub(r"-(?!\d)|[:,]", lambda found: f"#{ord(found[0])};", _text(text))
