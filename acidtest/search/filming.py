"""From a failure's schedule to its film: one replay more, with a camera."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind
from acidtest.port import Role
from acidtest.search.explain import row_of
from acidtest.search.film import Camera, Film, Frame, clients_of
from acidtest.search.replay import Step, replay
from acidtest.world.core.effects import Decision

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.search.film import Shot
    from acidtest.search.harness import Harness
    from acidtest.workload import Scope


def film_of(harness: Harness, scope: Scope, schedule: Sequence[Decision], beside: Sequence[str] = ()) -> Film:
    """Replay a schedule, and take a shot after each step, coming to rest included.

    Arguments:
        harness: the implementation under its contract.
        scope: what the schedule is of.
        schedule: the decisions.
        beside: the decisions of a run to be looked at beside it, as text; left out where it does not go well.
    """
    film, _ = _filmed(harness, scope, schedule)
    if beside:
        other, well = _filmed(harness, scope, [Decision.parse(text) for text in beside])
        film = replace(film, beside=other if well else None)
    return film


def _filmed(harness: Harness, scope: Scope, schedule: Sequence[Decision]) -> tuple[Film, bool]:
    """The film of a schedule, and whether nothing is violated in it."""
    camera = Camera(harness)
    seen = replay(harness, scope, schedule, camera=camera)
    assert camera.start is not None  # noqa: S101 - a replay begins
    film = Film(
        camera.start,
        (*_frames(seen.steps, camera.steps, resting=False), *_frames(seen.resting, camera.resting, resting=True)),
        clients_of(scope, harness.contract.interface().names(Role.BACKGROUND)),
        tuple(database.name for database in harness.cluster.databases()),
        tuple((p.id, p.name, p.source, str(p.kind)) for p in harness.properties if p.kind != Kind.SOMETIMES),
    )
    return film, seen.violation is None and seen.diverged is None


def _frames(steps: Sequence[Step], shots: Sequence[Shot], *, resting: bool) -> Iterable[Frame]:
    return [Frame(row_of(step), shot, resting) for step, shot in zip(steps, shots, strict=False)]
