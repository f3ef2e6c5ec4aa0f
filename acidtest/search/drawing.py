"""What the stateful search draws: a workload, and plans by which it runs.

Every choice is one of a list, uniformly, with the simplest first: which workload; at which occasion to go on elsewhere,
and with which actor; which fault befalls which occasion. How many occasions there are is counted on the workload's default
course, so that no choice falls behind the end, and none is likelier because its kind of fault has few occasions.

Hypothesis likes to repeat what it drew: of an example it copies parts over others that look alike. That would make most
plans of an example the same, so they are drawn as the elements of a list without duplicates, which it leaves alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from hypothesis import strategies as st

from acidtest.search.planned import LATE_EFFECT, LONGEST, NEXT, NO_DEPARTURE, Occasions, Plan
from acidtest.workload import Scope
from acidtest.world.core.effects import LATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


#: The first of a row is drawn so many times as often as all the others together: it is shorter, so that each of its
#: occasions is chosen more often, and it takes less time.
ALONE = 3
#: The sorts of simple examples: one switch, one fault, or a switch (a fault, where there is nobody to switch to) and one more of these. Among the others they are this seldom.
SIMPLE = SWITCHES, FAULTS, PAIRS = (0, 1, 2)
SELDOM = 40
#: So many single switches may a workload have that name the actor who goes on.
NAMED = 40
#: How many plans an example has, at most, and how many effects they may have together.
PLANS, EFFECTS = 8, 320
#: Further switches and faults are near those before them, most of the time.
NEAR = 10
#: As many occasions a kind of fault has at least: others may arise where the default schedule is left.
FEW = 2
#: One in so many switches has a fault after it of a kind that the default schedule has no occasion for, if there is one.
AFTER = 3
#: The most alternatives of one choice: Hypothesis draws from longer lists unevenly.
CHOICES = 250


class Drawn(NamedTuple):
    """An example: a workload, and by which plans it runs after its default schedule."""

    workload: Scope
    plans: tuple[Plan, ...]

    def __repr__(self) -> str:
        """Name the workload: this is what Hypothesis prints, and a whole workload takes thousands of characters."""
        return f"Drawn(workload={self.workload.name!r}, plans={self.plans!r})"


@st.composite
def examples(
    draw: Callable[[Any], Any],
    rows: Sequence[Sequence[Scope]],
    changes: Sequence[tuple[str, float]],
    count: Callable[[Scope], Occasions],
) -> Drawn:
    """Draw an example: a simple one now and then, so that what fails can be shrunk to one.

    Arguments:
        draw: draws from a strategy.
        rows: the workloads, the simplest first, or strategies for some.
        changes: what the environment may do at any moment: (what, argument) pairs.
        count: says what occasions the default schedule of a workload has.
    """
    sort = draw(st.integers(0, SELDOM))
    if sort in SIMPLE:
        return _simple(draw, rows, count, sort)
    row = draw(st.sampled_from(rows))
    alone = ALONE * len(row)
    workload = _drawn(draw, row[max(draw(st.integers(0, alone + len(row) - 1)) - alone, 0)])
    return Drawn(workload, tuple(draw(_some(workload, changes, count(workload)))))


@st.composite
def simple(draw: Callable[[Any], Any], rows: Sequence[Sequence[Scope]], count: Callable[[Scope], Occasions]) -> Drawn:
    """Draw a simple example of any sort, by choices that mean the same as in `examples`."""
    return _simple(draw, rows, count, draw(st.sampled_from(SIMPLE)))


def _simple(draw: Callable[[Any], Any], rows: Sequence[Sequence[Scope]], count: Callable[[Scope], Occasions], sort: int) -> Drawn:
    """The first workload of a row, on its default schedule, or with one switch to the next actor, one fault, or one more of these.

    Where there is nobody to switch to, the pairs are of two faults.
    """
    workload = _drawn(draw, draw(st.sampled_from(rows))[0])
    if workload.serial:
        return Drawn(workload, ())
    switches, faults = _single_switches(workload, count(workload)), _single_faults(workload, count(workload))
    plan = _one_of(draw, faults if sort == FAULTS or (sort == PAIRS and not switches) else switches)
    if sort == PAIRS:
        elsewhere = _faults_elsewhere(workload, count(workload)) if plan.switches else []
        also = _one_of(draw, elsewhere if elsewhere and draw(st.integers(1, AFTER)) == AFTER else [*switches, *faults])
        plan = Plan((*plan.switches, *also.switches), (*plan.faults, *also.faults))
    return Drawn(workload, () if plan == NO_DEPARTURE else (plan,))


def _drawn(draw: Callable[[Any], Any], workload: Any) -> Scope:  # noqa: ANN401 - a workload, or a strategy for some
    """A workload of a row."""
    found: Scope = workload if isinstance(workload, Scope) else draw(workload)
    return found


def _one_of(draw: Callable[[Any], Any], plans: Sequence[Plan]) -> Plan:
    """One of the plans, or the default schedule."""
    choices = [NO_DEPARTURE, *plans]
    chosen: int = draw(st.integers(0, len(plans)))
    return choices[chosen]


def _single_switches(workload: Scope, occasions: Occasions) -> list[Plan]:
    """One switch, to the next actor; where there are not many in all, to each that there is."""
    actors = [NEXT, *[client.name for client in workload.clients if client.operations]]
    few = occasions.switches * len(actors) <= NAMED
    return [Plan(switches=((n, actor),)) for n in range(1, occasions.switches + 1) for actor in (actors if few else [NEXT])]


def _single_faults(workload: Scope, occasions: Occasions) -> list[Plan]:
    kinds = [kind for kind in workload.kinds if occasions.faults[kind]]
    return [Plan(faults=(fault,)) for fault in _befalling(kinds, occasions, None) if fault[0] <= occasions.faults[fault[1]]]


def _faults_elsewhere(workload: Scope, occasions: Occasions) -> list[Plan]:
    """The first fault of each kind that the default schedule has no occasion for: a switch may lead to one.

    A message can only be given to a second process while the first handles it.
    """
    return [Plan(faults=((1, kind),)) for kind in sorted(workload.kinds) if not occasions.faults[kind]]


def _some(workload: Scope, changes: Sequence[tuple[str, float]], occasions: Occasions) -> Any:  # noqa: ANN401
    """A strategy for several different plans; for none where the workload runs one way only."""
    if workload.serial or not occasions.effects:
        return st.just(())
    most = max(min(PLANS, EFFECTS // occasions.effects), 2)
    return st.lists(_plans(workload, changes, occasions), max_size=most, unique=True)


def _plans(workload: Scope, changes: Sequence[tuple[str, float]], occasions: Occasions) -> Any:  # noqa: ANN401
    clients = [client.name for client in workload.clients if client.operations]
    if LATE in workload.kinds:
        clients.append(LATE_EFFECT)
    far, near = occasions.switches, min(occasions.switches, NEAR)
    switches = [_switch(most, clients, none) for most, none in ((far, 0.3), (near, 0.4), (near, 0.5))]
    faults = [_maybe(_befalling(workload.kinds, occasions, most), none) for most, none in ((None, 0.4), (NEAR, 0.5))]
    moments = [(n, *change) for n in range(occasions.effects) for change in changes]
    return st.tuples(st.tuples(*switches), st.tuples(*faults), st.tuples(_maybe(moments, 0.7))).map(_plan)


def _plan(parts: Any) -> Plan:  # noqa: ANN401
    return Plan(*(tuple(each for each in part if each is not None) for part in parts))


def _switch(farthest: int, clients: Sequence[str], none: float) -> Any:  # noqa: ANN401 - a strategy
    """When to go on elsewhere: half of the time with the next actor, since in a story one answers the other."""
    when = _maybe(range(1, farthest + 1), none)
    return st.tuples(when, st.sampled_from([*[NEXT] * len(clients), *clients])).map(lambda drawn: None if drawn[0] is None else drawn)


def _befalling(kinds: Iterable[str], occasions: Occasions, most: int | None) -> list[tuple[int, str]]:
    """Every kind at every occasion that it has; what has few comes several times, so that it has half of its share at least."""
    times = {kind: max(min(occasions.faults[kind], most or LONGEST), FEW) for kind in sorted(kinds)}
    least = sum(times.values()) // (2 * len(times) or 1)
    found = [(n, kind) for kind, most in times.items() for n in range(1, most + 1) for _ in range(max(least // most, 1))]
    return sorted(found)


def _maybe(choices: Sequence[Any], none: float) -> Any:  # noqa: ANN401
    """One of the choices, or None, which is the simplest, as often as that."""
    most = int(CHOICES * (1 - none))
    if len(choices) > most:
        choices = [choices[i * len(choices) // most] for i in range(most)]
    if not choices:
        return st.none()
    nothing = round(len(choices) * none / (1 - none))
    return st.sampled_from([*[None] * max(nothing, 1), *choices])
