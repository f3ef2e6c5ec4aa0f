"""The page of one failure: the diagram, what there is to see at each step, and how to see it again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.report.columns import meaning
from acidtest.report.inert import inert, inert_value
from acidtest.report.page.drawing import DEFINITIONS, height_of, piece, still
from acidtest.report.page.folds import groups_of
from acidtest.report.page.scene import scene_of
from acidtest.report.page.stepping import script_data, steps_json
from acidtest.report.page.templating import rendered
from acidtest.report.regression import regression_test

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.report.page.scene import Beat, Lane, Scene
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film, Frame

#: The names of more lifelines than these stand upright.
_MANY = 7
#: So many lines of each of two runs stand beside each other.
_MOST = 40
#: How wide the regression test may be.
_WIDTH = 100
#: What heights there are of the pieces of a diagram: a class each, since a strict policy allows no style on an element.
_STEP = 17


class Shown(NamedTuple):
    """A step as the template takes it."""

    beat: Beat
    piece: Any
    height: int
    fault: str
    violation: bool
    no_return: bool


class Part(NamedTuple):
    """A group of steps as the template takes it: shown, or folded under a remark."""

    steps: list[Shown]
    remark: str
    still: Any
    rests: bool
    violation: bool


class Line(NamedTuple):
    """A line of what two runs did from where they part: a step, or a remark on steps that are not told."""

    number: int
    row: Any
    fault: str
    remark: str


def failure_page(failure: Failure, film: Film, *, replay: str = "") -> str:
    """A failure as one HTML file, which asks nobody for anything.

    Arguments:
        failure: the value.
        film: the same, step for step.
        replay: what `acidtest replay` is to be given; empty where there is no failure file.
    """
    shown, seen = inert_value(failure), inert_value(film)
    scene = scene_of(seen)
    return rendered(
        "failure.html", "page.js",
        failure=shown, scene=scene, parts=list(_parts(shown, scene)), definitions=DEFINITIONS, claim=shown.cause,
        data=script_data(steps_json(seen, scene, (shown.property_id, shown.name), at_rest=shown.at_rest)), last=len(scene.beats),
        regression=regression_test(failure, _WIDTH), commands=_commands(failure, replay), also=_also(shown),
        beside=_beside(shown, seen), parted=_parted(seen),
        names={p[0]: p[1] for p in seen.properties}, lanes_class=f"lanes-{len(scene.lanes)}{' many' if len(scene.lanes) > _MANY else ''}",
    )  # fmt: skip


def _parts(failure: Failure, scene: Scene) -> Iterator[Part]:
    violated = _violated(failure, scene.beats)
    resting = next((beat.number for beat in scene.beats if beat.frame.resting), 0)
    for group in groups_of(scene.beats, failure.scope.get("opening", ())):
        steps = [_shown(scene.lanes, beat, failure, violated) for beat in group.beats]
        alone = still(scene.lanes, group.beats[0].before) if group.remark else ""
        numbers = {beat.number for beat in group.beats}
        yield Part(steps, group.remark, alone, rests=resting in numbers, violation=violated in numbers)


def _shown(lanes: Sequence[Lane], beat: Beat, failure: Failure, violated: int) -> Shown:
    height = (height_of(beat) - 13) // _STEP
    fault = meaning(beat.frame.row)
    no_return = beat.number == failure.too_late and failure.too_late > 1
    return Shown(beat, piece(lanes, beat), min(height, 9), fault, beat.number == violated, no_return)


def _violated(failure: Failure, beats: Sequence[Beat]) -> int:
    """The number of the step at which the property is violated: the last where that shows at rest only."""
    if failure.at_rest:
        return len(beats)
    return next((beat.number for beat in beats if failure.property_id in dict(beat.frame.shot.broken)), len(beats))


def _commands(failure: Failure, replay: str) -> list[str]:
    """The commands that show the failure again."""
    module = failure.implementation
    backend = [] if failure.backend == "sqlite" else ["--backend", failure.backend]
    words = ["acidtest", "check", failure.pattern, module, *backend]
    if failure.search == "exhaustive":
        words += ["--search", "exhaustive", "--scope", str(failure.scope["name"])]
    return [inert(command) for command in (*([f"acidtest replay {replay}"] if replay else []), shlex.join(words))]


def _parted(film: Film) -> int:
    """How many steps two runs have in common."""
    if film.beside is None:
        return 0
    pairs = zip(film.frames, film.beside.frames, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if _key(one) != _key(other)), 0)


def _key(frame: Frame) -> tuple[Any, ...]:
    row = frame.row
    return row.process, row.client, row.action, row.fault, frame.resting


def _beside(failure: Failure, film: Film) -> tuple[list[Line], list[Line]] | None:
    """What this run and the nearest one that goes well did from where they part; None where none was found."""
    if film.beside is None:
        return None
    parted, opening = _parted(film), failure.scope.get("opening", ())
    this, other = (list(_lines(scene_of(each).beats, parted, opening)) for each in (film, film.beside))
    return this[:_MOST], other[:_MOST]


def _lines(beats: Sequence[Beat], parted: int, opening: Sequence[str]) -> Iterator[Line]:
    for group in groups_of(beats, opening):
        later = [beat for beat in group.beats if beat.number > parted]
        if group.remark and later:
            yield Line(later[0].number, None, "", group.remark)
        elif not group.remark:
            for beat in later:
                row = beat.frame.row
                yield Line(beat.number, row, meaning(row), "")


def _also(failure: Failure) -> list[str]:
    return [name for name in failure.broken if name != failure.property_id]
