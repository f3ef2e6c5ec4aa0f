"""A failure as one picture, for pages that show no HTML: the diagram with what each step says beside it, light and dark."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from xml.sax.saxutils import escape

from acidtest.report.columns import FAULTS
from acidtest.report.page.drawing import FIRST, HEADS, contents, height_of, lifelines
from acidtest.report.page.folds import groups_of
from acidtest.report.page.scene import scene_of
from acidtest.report.page.templating import part

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.report.page.folds import Group
    from acidtest.report.page.scene import Beat, Scene
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film

#: How wide the whole is, where the diagram and the words begin, and how many letters of them there is room for; in pixels.
_WIDTH, _LEFT, _MIDDLE, _LETTERS = 900, 34, 500, 62
_HEAD, _LINE, _BANNER = 74, 15, 24
#: So many steps are drawn, from the first on and up to the last.
_FIRST, _LAST = 12, 18
_STYLE = """
text { font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 12px; fill: var(--ink); }
.paper { fill: var(--ground); } .soft { fill: var(--soft); } .faulty { fill: var(--warn-ground); } .fault { fill: var(--warn); font-weight: 600; }
.title { font-size: 15px; font-weight: 700; } .violation { fill: var(--bad); } .violated { fill: var(--bad-ground); }
.name { font-weight: 700; text-anchor: middle; font-size: 11px; } .kind { text-anchor: middle; font-size: 10px; fill: var(--soft); }
.code { font-family: ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 11px; } .durable { font-size: 11px; fill: var(--accent); }
"""


class _Row(NamedTuple):
    """A band of the picture: what is drawn in it, and how high it is."""

    height: int
    lines: list[str]


def picture(failure: Failure, film: Film) -> str:
    """Draw a failure.

    Arguments:
        failure: the value.
        film: the same, step for step.
    """
    scene = scene_of(film)
    rows = list(_rows(failure, scene))
    height = _HEAD + sum(row.height for row in rows) + 8
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(f"{failure.property_id}: {failure.name}")}</title>', f'<desc id="desc">{escape(failure.cause)}</desc>',
        f"<style>\n{part('colours.css')}{part('drawing.css')}{_STYLE}</style>", str(HEADS),
        f'<rect class="paper" width="{_WIDTH}" height="{height}" rx="6"/>',
        f'<text class="title" x="14" y="24"><tspan class="violation">✗ {escape(failure.property_id)}</tspan> {escape(failure.name)}</text>',
        *_heads(scene),
    ]  # fmt: skip
    top = _HEAD
    for row in rows:
        lines += [f'<g transform="translate(0 {top})">', *row.lines, "</g>"]
        top += row.height
    return "\n".join([*lines, "</svg>"]) + "\n"


def _heads(scene: Scene) -> Iterator[str]:
    step = (_MIDDLE - _LEFT) / len(scene.lanes)
    for number, lane in enumerate(scene.lanes):
        x = _LEFT + step * (number + 0.5)
        yield f'<text class="name" x="{x:.1f}" y="52">{escape(_cut(lane.name, int(step / 6)))}</text>'
        yield f'<text class="kind" x="{x:.1f}" y="65">{escape(lane.kind)}</text>'


def _rows(failure: Failure, scene: Scene) -> Iterator[_Row]:
    steps = [beat for group in groups_of(scene.beats, failure.scope.get("opening", ())) if not group.remark for beat in group.beats]
    left_out = {beat.number for beat in steps[_FIRST:-_LAST]}
    rests = said = False
    for group in groups_of(scene.beats, failure.scope.get("opening", ())):
        if not rests and group.beats[0].frame.resting:
            rests = True
            yield _remark(scene, group, "coming to rest: faults stop, everything recovers and drains")
        if group.remark:
            yield _remark(scene, group, group.remark)
        for beat in () if group.remark else group.beats:
            if beat.number in left_out:
                if not said:
                    yield _remark(scene, group, f"… {len(left_out)} steps are not drawn …")
                said = True
                continue
            yield _step(scene, beat)
            if beat.number == failure.too_late and failure.too_late > 1:
                yield _banner("Point of no return: after this no continuation was found that keeps it")
    when = ", now that everything is at rest" if failure.at_rest else ""
    yield _banner(f"✗ {failure.property_id} is violated{when}: {failure.name}", ground=True)


def _step(scene: Scene, beat: Beat) -> _Row:
    row = beat.frame.row
    told = [f'<text class="soft" x="24" y="{FIRST + 4}" text-anchor="end">{beat.number}</text>']
    words = [("code", f"{row.process}: {row.action}")]
    words += [("fault", f"✗ {FAULTS.get(row.fault, row.fault)}")] if row.fault else []
    words += [("durable", f"● {change}") for change in row.changes]
    words += [("soft", f"⇢ {event}") for event in row.events if " ⇒ unknown" not in event]
    height = max(height_of(beat), FIRST + _LINE * len(words) - 3)
    for place, (kind, text) in enumerate(words):
        told.append(f'<text class="{kind}" x="{_MIDDLE + 12}" y="{FIRST + 4 + _LINE * place}">{escape(_cut(text, _LETTERS))}</text>')
    ground = f'<rect class="faulty" width="{_WIDTH}" height="{height}"/>' if row.fault else ""
    return _Row(height, [ground, _piece(contents(scene.lanes, beat), height), *told])


def _piece(inside: str, height: int) -> str:
    return f'<svg class="piece" x="{_LEFT}" y="0" width="{_MIDDLE - _LEFT}" height="{height}" overflow="visible">{inside}</svg>'


def _remark(scene: Scene, group: Group, text: str) -> _Row:
    words = f'<text class="soft" x="{_MIDDLE + 12}" y="16" font-style="italic">{escape(text)}</text>'
    return _Row(_BANNER, [_piece(lifelines(scene.lanes, group.beats[0].before), _BANNER), words])


def _banner(text: str, *, ground: bool = False) -> _Row:
    behind = f'<rect class="violated" width="{_WIDTH}" height="{_BANNER}"/>' if ground else ""
    return _Row(_BANNER, [behind, f'<text class="violation" x="{_LEFT}" y="16" font-weight="600">{escape(text)}</text>'])


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: max(most - 1, 1)]}…"
