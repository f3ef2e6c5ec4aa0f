"""The diagram as SVG: a piece for each step, of any width and height, so that pieces can stand below each other, or be folded away.

A piece has its lifelines at percents of its width. What it looks like is said by classes alone (`page.css`), for light and dark.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from acidtest.report.page.scene import Arrow, Beat, Lane

#: Where the first arrow of a step is, how far the next is below it, in pixels; and how high a step is at least.
FIRST, GAP, LEAST = 17, 17, 30
#: How far two arrows of one message are apart.
_TWICE = 5
#: Where an arrow breaks that is lost, or refused; in parts of its length.
_BREAKS = {"lost": 0.5, "refused": 0.8, "late": 0.55}
#: So long may a label be at most, in letters; so many have room between all lifelines, and so many more may stand over at the sides.
_LONGEST, _ROOM, _OVER = 26, 84, 6

_HEAD = Markup(
    '<marker id="{0}" class="head {0}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 L10 5 L0 10 z"/></marker>'
)
#: The heads of arrows, to be had once on a page.
HEADS = Markup("<defs>{}</defs>").format(
    Markup("").join(_HEAD.format(name) for name in ("weighty", "plain", "read", "call", "answer", "unknown"))
)
DEFINITIONS = Markup('<svg class="definitions" aria-hidden="true" width="0" height="0">{}</svg>').format(HEADS)


def piece(lanes: Sequence[Lane], beat: Beat) -> Markup:
    """The diagram of one step, as large as what it stands in."""
    return Markup('<svg class="piece" aria-hidden="true" focusable="false">{}</svg>').format(contents(lanes, beat))


def contents(lanes: Sequence[Lane], beat: Beat) -> Markup:
    """What is in the diagram of one step."""
    return Markup("").join([*_lifelines(lanes, beat, height_of(beat)), *_arrows(lanes, beat), *_marks(lanes, beat)])


def still(lanes: Sequence[Lane], standing: Sequence[str]) -> Markup:
    """The lifelines alone, where nothing is told."""
    return Markup('<svg class="piece" aria-hidden="true" focusable="false">{}</svg>').format(lifelines(lanes, standing))


def lifelines(lanes: Sequence[Lane], standing: Sequence[str]) -> Markup:
    """What is in a diagram in which nothing happens."""
    places = enumerate(zip(lanes, standing, strict=True))
    return Markup("").join(_line(x_of(lanes, n), 0, x_of(lanes, n), "100%", f"life {lane.kind} {stands}") for n, (lane, stands) in places)


def height_of(beat: Beat) -> int:
    """How high the diagram of a step is at least, in pixels."""
    return max(LEAST, FIRST + GAP * (len(beat.arrows) - 1) + 13)


def x_of(lanes: Sequence[Lane], number: int, other: int | None = None, part: float = 0.0) -> str:
    """Where a lifeline is, or a place that is some part of the way to another one."""
    here = (number + 0.5) / len(lanes)
    there = here if other is None else (other + 0.5) / len(lanes)
    return f"{100 * (here + (there - here) * part):.2f}%"


def _lifelines(lanes: Sequence[Lane], beat: Beat, height: int) -> Iterator[Markup]:
    """How each lifeline stood until the step, and stands from then on."""
    turn = min(FIRST, height)
    for number, lane in enumerate(lanes):
        x, before, after = x_of(lanes, number), beat.before[number], beat.after[number]
        if before == after:
            yield _line(x, 0, x, "100%", f"life {lane.kind} {after}")
        else:
            yield _line(x, 0, x, turn, f"life {lane.kind} {before}")
            yield _line(x, turn, x, "100%", f"life {lane.kind} {after}")


def _arrows(lanes: Sequence[Lane], beat: Beat) -> Iterator[Markup]:
    for place, arrow in enumerate(beat.arrows):
        yield from _arrow(lanes, arrow, FIRST + GAP * place)


def _arrow(lanes: Sequence[Lane], arrow: Arrow, y: int) -> Iterator[Markup]:
    source, target = x_of(lanes, arrow.source), x_of(lanes, arrow.target)
    if arrow.source == arrow.target:
        yield Markup('<circle class="self {}" cx="{}" cy="{}" r="4"/>').format(arrow.style, source, y)
        yield _label(source, y, arrow.label, beside=True)
        return
    broken = _BREAKS.get(arrow.fare)
    if broken is not None:
        end = x_of(lanes, arrow.source, arrow.target, broken)
        yield _line(source, y, end, y, f"arrow {arrow.style} {arrow.fare}")
        yield _sign(end, y, arrow.fare)
    else:
        style = f"arrow {arrow.style} {arrow.fare}"
        offsets = (-_TWICE, _TWICE) if arrow.fare == "twice" else (0,)
        for offset in offsets:
            yield _line(source, y + offset, target, y + offset, style, arrow.style)
        if arrow.style == "weighty":
            yield Markup('<circle class="dot" cx="{}" cy="{}" r="4.5"/>').format(target, y)
    middle = 0.5 if broken is None or arrow.fare != "lost" else (1 + broken) / 2  # a lost one leaves room where it does not arrive
    most = int(abs(arrow.source - arrow.target) * _ROOM / len(lanes)) + _OVER
    yield _label(x_of(lanes, arrow.source, arrow.target, middle), y, arrow.label, most=min(most, _LONGEST))


def _sign(x: str, y: int, fare: str) -> Markup:
    """What stands where an arrow ends that does not arrive."""
    sign = {"lost": "✗", "refused": "⊣", "late": "…"}[fare]
    return Markup('<text class="sign {}" x="{}" y="{}">{}</text>').format(fare, x, y + 5, sign)


def _label(x: str, y: int, label: str, *, beside: bool = False, most: int = _LONGEST) -> Markup:
    text = label if len(label) <= most else f"{label[: most - 1]}…"
    return Markup('<text class="label{}" x="{}" y="{}"{}>{}</text>').format(
        " beside" if beside else "", x, y + 4 if beside else y - 4, Markup(' dx="8"') if beside else "", text
    )


def _marks(lanes: Sequence[Lane], beat: Beat) -> Iterator[Markup]:
    if beat.mark is None:
        return
    number, what = beat.mark
    sign = {"crash": "✖", "start": "↻", "gone": "✖"}[what]
    y = FIRST if what == "start" or not beat.arrows else FIRST + 8
    yield Markup('<text class="mark {}" x="{}" y="{}">{}</text>').format(what, x_of(lanes, number), y + 6, sign)


def _line(x1: str, y1: object, x2: str, y2: object, style: str, head: str = "") -> Markup:
    marker = Markup(' marker-end="url(#{})"').format(head) if head else ""
    return Markup('<line class="{}" x1="{}" y1="{}" x2="{}" y2="{}"{}/>').format(style, x1, y1, x2, y2, marker)
