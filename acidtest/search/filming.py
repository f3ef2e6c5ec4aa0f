"""From a failure's schedule to its film: one replay more, with a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Kind
from acidtest.port import Role
from acidtest.search.explain import row_of
from acidtest.search.film import Camera, Film, Frame, clients_of
from acidtest.search.replay import Step, replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from acidtest.search.film import Shot
    from acidtest.search.harness import Harness
    from acidtest.workload import Scope
    from acidtest.world.core.effects import Decision


def film_of(harness: Harness, scope: Scope, schedule: Sequence[Decision]) -> Film:
    """Replay a schedule, and take a shot after each step, coming to rest included.

    Arguments:
        harness: the implementation under its contract.
        scope: what the schedule is of.
        schedule: the decisions.
    """
    camera = Camera(harness)
    seen = replay(harness, scope, schedule, camera=camera)
    assert camera.start is not None  # noqa: S101 - a replay begins
    return Film(
        camera.start,
        (*_frames(seen.steps, camera.steps, resting=False), *_frames(seen.resting, camera.resting, resting=True)),
        clients_of(scope, harness.contract.interface().names(Role.BACKGROUND)),
        tuple(database.name for database in harness.cluster.databases()),
        tuple((p.id, p.name, p.source, str(p.kind)) for p in harness.properties if p.kind != Kind.SOMETIMES),
    )


def _frames(steps: Sequence[Step], shots: Sequence[Shot], *, resting: bool) -> Iterable[Frame]:
    return [Frame(row_of(step), shot, resting) for step, shot in zip(steps, shots, strict=False)]
