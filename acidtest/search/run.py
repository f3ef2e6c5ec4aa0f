"""One run beside the model: the world, what has been seen of it, and whether it still keeps its contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.port import Role
from acidtest.properties.shared.seen import Seen
from acidtest.search.follow import NOTHING
from acidtest.search.untouched import refuse_change
from acidtest.workload import ENVIRONMENT
from acidtest.world.core import journal
from acidtest.world.core.backups import split
from acidtest.world.core.effects import BACKUP
from acidtest.world.core.events import STALE, Event
from acidtest.world.core.patience import Endless

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from acidtest.search.harness import Harness
    from acidtest.workload import Operation, Scope
    from acidtest.world.core.effects import Decision, Effect
    from acidtest.world.core.world import World

#: What is violated when the model does not allow what was observed, and no property says why.
REFINEMENT = "MODEL"
#: What a model is told of a service that is restored from a backup, by its name.
RESTORED = "restored"
#: What is violated when a run does not come to rest.
TERMINATION = "G9"


class Violation(NamedTuple):
    """What went wrong: the property's id and name, the views before and after, and what the model allowed instead.

    At rest there is no view before. At the start, where there is none either, it is the same.
    """

    property: str
    name: str
    before: Any
    after: Any
    allowed: tuple[Hashable, ...] = ()


class Run:
    """One run of a harness's scope.

    `violation` is the first thing that went wrong, `stuck` says that a call never ends, `stirred` that the last step made something durable; `view` what is seen now; `candidates` the number of the set of model
    states that are consistent with everything so far. Whoever records the run may be told of its events (`on_events`), and
    of each step while it comes to rest: which process did what (`on_rest`); and of each effect before it happens (`on_effect`).
    """

    def __init__(self, harness: Harness, world: World | None = None) -> None:
        """Start the world of the scope that the harness is prepared for; or go on in `world`, which has just started."""
        self.harness = harness
        self.scope: Scope = harness.prepared()
        journal.begin(self.scope.name)
        self.world = world or harness.world()
        operations = self.scope.operations()
        self._index = {op.name: i for i, op in enumerate(operations)}
        self._operations = operations
        self.status: list[Hashable] = ["new"] * len(operations)
        self.alone = [False] * len(operations)
        self.disturbances = 0
        self.happened: frozenset[str] = frozenset()
        self.windows: dict[int, set[Hashable]] = {}
        self.violation: Violation | None = None
        self.on_events: Callable[[list[Event]], None] | None = None
        self.on_rest: Callable[[str, str], None] | None = None
        self.on_effect: Callable[[Effect | None], None] | None = None
        self.candidates = harness.follower.start
        self._durable_key: Hashable = None
        self._durable: Hashable = None
        self._outside: dict[str, Any] = {}
        self.wedged = self.stuck = self.stirred = False
        self.faults = 0
        self.view: Any = None
        self._look()

    # Driving:

    def perform(self, decision: Decision) -> bool:
        """Carry out a decision and look at what it did; False where it would have to wait for a lock."""
        self.look_at_clock()
        effect = self._kind(decision)
        try:
            if not self.world.perform(decision):
                return False
        except Endless as error:
            self.give_up(error)
            return True
        if decision.fault or decision.kind in ("crash", "victim") or decision.mishap:
            self.faults += 1
            self._befell(decision, effect)
        self._observe(decided=True)
        return True

    def look_at_clock(self) -> None:
        """Go on only while there is time, or where there is something to tell.

        Raises:
            OutOfTime: the harness's budget is spent, and nothing has been violated.
        """
        if self.violation is None:
            self.harness.budget.look()

    def give_up(self, error: Endless) -> None:
        """A call comes to no effect any more, so nothing can follow."""
        self.stuck = True
        self._look()
        if self.violation is None and self.harness.looks_for(TERMINATION):
            self.violation = Violation(TERMINATION, f"everything that was started ends: {error.what}", self.view, self.view)
        if self.on_events is not None:
            self.on_events([*self.world.events, Event("error", error.process, "never ends")])
        self.world.events.clear()

    @property
    def is_over(self) -> bool:
        """Whether it goes no further: something is violated, or never ends."""
        return self.stuck or self.violation is not None

    def key(self) -> Hashable:
        """Equal for two runs of which every continuation gives the same verdict."""
        windows = tuple([(i, frozenset(w)) for i, w in self.windows.items()])
        number = self.harness.number
        known = tuple(self.status), self.happened
        return *map(number, self.world.key()), number(self.view), self.candidates, number(windows), number(known)

    def close(self) -> None:
        """Give the cluster back."""
        journal.note(journal.OVER)
        self.world.close()

    def memory(self) -> tuple[Any, ...]:
        """All that has been seen and concluded so far, to be recalled after the same decisions."""
        windows = {i: set(window) for i, window in self.windows.items()}
        return (
            list(self.status), list(self.alone), self.disturbances, self.happened, windows, self.candidates,
            self._durable_key, self._durable, self._outside, self.faults, self.view, self.stirred,
        )  # fmt: skip

    def recall(self, memory: tuple[Any, ...]) -> None:
        """Take over what was seen in another run of the same decisions."""
        self.world.events.clear()
        status, alone, self.disturbances, self.happened, windows, self.candidates, *rest = memory
        self._durable_key, self._durable, self._outside, self.faults, self.view, self.stirred = rest
        self.status, self.alone = list(status), list(alone)
        self.windows = {i: set(window) for i, window in windows.items()}

    def look_again(self) -> None:
        """Notice what happened outside of decisions, while coming to rest."""
        self._observe(decided=False)

    def observed(self) -> Hashable:
        """What an outsider can observe now; also of a device that shows something else because a process is there again."""
        return self._durable, tuple(self.world.devices.seen().values())

    # Looking:

    def _observe(self, *, decided: bool) -> None:
        """Take note of what has happened; `decided` says that the search let it happen, not coming to rest."""
        events, self.world.events = self.world.events, []
        if self.on_events is not None:
            self.on_events(events)
        for event in events:
            if event.kind in ("crash", "error") or (event.kind == STALE and decided):
                self._disturb()
            elif event.kind == ENVIRONMENT:
                self._befell_environment(event.subject)
        self._look()
        for event in events:
            if event.kind in ("invoke", "reply", "unknown"):
                self._learn(event)

    def _look(self) -> None:
        """Notice what has become durable."""
        key = self.world.durable_key()
        self.stirred = key != self._durable_key
        if not self.stirred:
            return
        self._durable_key = key
        self._durable = self.harness.observe(self.world)
        self._outside = self.world.devices.seen()
        for window in self.windows.values():
            window.add(self._durable)
        self._see()

    def _learn(self, event: Event) -> None:
        """A client invoked an operation, or learned something."""
        index = self._index.get(event.subject)
        if index is None:
            return
        operation = self._operations[index]
        value: Hashable = None
        if event.kind == "invoke":
            self.alone[index] = self.status[index] == "new"
            if operation.method in self.harness.contract.interface().names(Role.READ):
                self.windows[index] = {self._durable}
        elif event.kind == "reply":
            value = self.harness.contract.answer(operation, event.value)
        window = self.windows.pop(index, None) if event.kind != "invoke" else None
        self.status[index] = {"invoke": "open", "unknown": "unknown"}.get(event.kind, value)
        if window is not None and event.kind == "reply":
            self.status[index] = "read"
            self._see(window=frozenset(window), read=value)
            return
        self._follow(event.kind, event.subject, value)
        if event.kind == "invoke" and (self.status.count("open") > 1 or self.faults or self.happened):
            self._trouble()
        self._see()

    def _not_alone(self, index: int) -> None:
        """Something happens beside an open operation."""
        if self.alone[index]:
            self.alone[index] = False
            if self.status[index] == "open":
                self._follow("disturbed", self._operations[index].name, None)

    def _disturb(self) -> None:
        """Something happened that excuses a repetition."""
        self.disturbances += 1
        self._follow("disturb", "", None)
        self._trouble()

    def _trouble(self) -> None:
        for i in [i for i, status in enumerate(self.status) if status == "open"] if "open" in self.status else ():
            self._not_alone(i)

    def _befell(self, decision: Decision, effect: str) -> None:
        """A fault was injected."""
        if decision.kind == "crash" or decision.fault == "crash":
            self.happened |= {"crash"}
            return
        if decision.kind == BACKUP:
            service, _ = split(decision.target)
            self.happened |= {f"{BACKUP} {service}"}
            self._follow(RESTORED, service, None)
        else:
            self.happened |= {decision.mishap or f"{decision.fault or decision.kind} {effect}"}
        if self.world.devices.excuses(effect, decision.fault):
            self._disturb()
        else:
            self._trouble()

    def _befell_environment(self, change: str) -> None:
        self.happened |= {change}
        if self.harness.contract.excuses(change, self.harness.capabilities, self.world.actors.notes()):
            self._disturb()
        self._trouble()

    def _kind(self, decision: Decision) -> str:
        """The kind of the effect that a decision performs; of a client that begins, delivery."""
        if decision.kind not in ("advance", "victim"):
            return ""
        effect = self.world.pending(decision.target)
        return "delivery" if effect is None else effect.kind

    def _follow(self, kind: str, subject: str, value: object) -> None:
        if self.violation is not None:
            return
        for action in self.harness.contract.actions(self.scope, kind, subject, value):
            before, self.candidates = self.candidates, self.harness.follower.event(self.candidates, action)
            if self.candidates == NOTHING:
                self._not_allowed(before, self.view, f"{kind} {subject}")

    def _see(self, window: frozenset[Hashable] | None = None, read: Hashable = None) -> None:
        """Make the view, and check it. A property says more than that the model does not allow the same event."""
        if self.violation is not None and self.violation.property != REFINEMENT:
            return
        before, seen = self.view, self._seen(window, read)
        untouched = self.world.durable_key() if before is None else None  # a contract may ask for what must hold at the start
        view = self.harness.contract.view(self.scope, seen, before)
        self.view = view
        if view == before:
            return
        untouched = untouched or self.world.durable_key()
        broken = self.harness.broken(before, view)
        refuse_change(self.world, untouched, self.harness, before, view)
        candidates, self.candidates = self.candidates, self.harness.follower.view(self.candidates, view)
        if broken is not None:
            self.violation = Violation(broken.id, broken.name, view if before is None else before, view, self._allowed(candidates))
        elif self.candidates == NOTHING and self.harness.excuses(before, view):
            self.violation = None  # nor does it matter that the model did not allow the event before
        elif self.candidates == NOTHING:
            self._not_allowed(candidates, before, "")

    def _not_allowed(self, candidates: int, before: Any, what: str) -> None:  # noqa: ANN401
        if self.violation is None and candidates != NOTHING and self.harness.looks_for(REFINEMENT):
            name = "the model does not allow what was observed" + (f": {what}" if what else "")
            self.violation = Violation(REFINEMENT, name, self.view if before is None else before, self.view, self._allowed(candidates))

    def _allowed(self, candidates: int) -> tuple[Hashable, ...]:
        return tuple(self.harness.follower.allowed(candidates, most=20))

    def _seen(self, window: frozenset[Hashable] | None, read: Hashable, *, at_rest: bool = False) -> Seen:
        return Seen(
            self._durable, self._outside, tuple(self.status), tuple(self.alone), self.disturbances, self.happened,
            at_rest, self.wedged, window, read,
        )  # fmt: skip

    def is_unanswered(self, operation: Operation) -> bool:
        """Whether the client of an operation that changes something was left without an answer that stands."""
        contract = self.harness.contract
        port = contract.interface()
        silent = {*port.names(Role.READ), *port.silent}
        index = self._index.get(operation.name)
        return index is not None and operation.method not in silent and self.status[index] in ("unknown", *contract.provisional)

    def is_whole(self) -> bool:
        """Whether every process still has its connections."""
        return not any(process.disconnected for process in self.world.processes.values())

    def at_rest(self) -> None:
        """Everything has come to rest: check what must hold there."""
        self.view, broken = self._judged_at_rest()
        self.harness.notice(self.view)
        if self.violation is None:
            self.violation = broken

    def unmet(self) -> Violation | None:
        """What must hold at rest and does not hold now; nothing is concluded from it."""
        return self._judged_at_rest()[1]

    def _judged_at_rest(self) -> tuple[Any, Violation | None]:
        self._outside = self.world.devices.seen()  # what was acknowledged last was so after the last look
        view = self.harness.contract.view(self.scope, self._seen(None, None, at_rest=True), self.view)
        untouched = self.world.durable_key()
        broken = next((p for p in self.harness.at_rest if not p.predicate(view)), None)
        refuse_change(self.world, untouched, self.harness, self.view, view)
        return view, None if broken is None else Violation(broken.id, broken.name, None, view)
