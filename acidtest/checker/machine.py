"""Abstract state machines, and what can be said about them.

A `Model` is a set of initial states and a table of transitions. A transition is one function per action, guards
first: it returns the next state, or None where the action is not enabled. States are immutable and hashable (named
tuples of hashables), every function is pure, and the same state always has the same successors in the same order;
the checker and the search rely on it.

A `Property` is a value: a predicate over *views*. A view is what an outsider can see at one instant, so the same
predicate is proved on the model, over all of its states, and checked on running code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

State = TypeVar("State", bound=Hashable)


class Kind(StrEnum):
    """When a property is checked."""

    ALWAYS = "always"  #: in every reachable state
    STEP = "step"  #: on every two successive views
    AT_REST = "at_rest"  #: after faults have stopped and everything has recovered and drained
    SOMETIMES = "sometimes"  #: must be reached by some schedule: the guard against vacuity
    EVENTUALLY = "eventually"  #: on every fair infinite run


class Action(NamedTuple):
    """One labelled step of a model: the name as in the literature, and what it acts on."""

    name: str
    args: tuple[Hashable, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.args))})" if self.args else self.name


@dataclass(frozen=True)
class Property:
    """Something that must hold, as a predicate over views.

    Arguments:
        id: the stable id under which reports name it, for example "M1".
        name: an assertion readable in a report, for example "no two processes hold the lock".
        kind: when it is checked.
        predicate: takes a view (two views, earlier first, where kind is `step`) and says whether it holds.
        source: where the requirement comes from (paper, specification, incident).
        capability: checked only for implementations that declare this capability; empty for all.
        waived: not checked for implementations that declare one of these capabilities.
        when: takes the same views and says whether the property demands anything of them; None: always. The
            predicate holds wherever this says no; it only counts how often the property was put to the test.
    """

    id: str
    name: str
    kind: Kind
    predicate: Callable[..., bool]
    source: str = ""
    capability: str = ""
    waived: tuple[str, ...] = ()
    when: Callable[..., bool] | None = None

    def applies(self, declared: Iterable[str]) -> bool:
        """Whether it is checked for an implementation that declares these capabilities."""
        known = set(declared)
        return (not self.capability or self.capability in known) and known.isdisjoint(self.waived)


def implied(  # noqa: PLR0913 - the fields of a property
    id: str, name: str, kind: Kind, when: Callable[..., bool], then: Callable[..., bool], source: str = ""  # noqa: A002
) -> Property:
    """A property of the form "when …, then …": where `when` says no it demands nothing, and is not counted."""
    return Property(id, name, kind, lambda *views: not when(*views) or then(*views), source, when=when)


class Transition(NamedTuple):
    """A named family of actions: `effect(state, *args)` for each of `domain` is the next state or None."""

    name: str
    effect: Callable[..., Any]
    domain: Sequence[tuple[Hashable, ...]] = ((),)


class Model(ABC, Generic[State]):
    """An abstract state machine. Subclasses give `initial_states`, `transitions` and `view`.

    `events` names the actions that an outsider observes directly (an invocation, a reply, a crash). The others are
    internal: beside running code they are inferred from what they change in the view.

    `faults` names the actions that nobody may count on: crashes, losses, and whatever the environment may do or leave.
    All others are weakly fair: none stays enabled for ever without being taken.
    """

    #: What the model is, for reports.
    name: str = ""
    #: Names of the actions that are observed as events rather than inferred.
    events: frozenset[str] = frozenset()
    #: Names of the actions that need not happen.
    faults: frozenset[str] = frozenset()
    #: What the elements of a state are called, where states are plain tuples.
    fields: tuple[str, ...] = ()

    @abstractmethod
    def initial_states(self) -> Iterable[State]:
        """The states in which the model may start."""

    @abstractmethod
    def transitions(self) -> Sequence[Transition]:
        """The table of transitions; asked for once."""

    @abstractmethod
    def view(self, state: State) -> Any:  # noqa: ANN401 - each model has its own view type
        """What an outsider sees of this state; hashable."""

    def at_rest(self, state: State) -> bool:
        """Whether faults are over and nothing is left to recover or drain.

        Default: whatever is enabled is a fault, or changes nothing.
        """
        return all(action.name in self.faults or following == state for action, following in self.successors(state))

    def shown(self, state: State) -> Any:  # noqa: ANN401 - whatever reads best
        """The state as reports show it: a tuple of the same fields. Worth defining where states are packed."""
        return state

    def actor(self, action: Action) -> str:
        """Whose action it is, for reports that give each actor a column.

        Default: where some actions are observed from outside, a client's or the model's own; otherwise what it acts on first.
        """
        if self.events:
            return f"client {action.args[0]}" if action.name in self.events and action.args else self.name
        return str(action.args[0]) if action.args else self.name

    def leads_to(self, state: State, view: Any) -> bool:  # noqa: ARG002 - what a model may use
        """Whether internal actions may still lead from `state` to one that looks like `view`. Default: yes.

        Beside running code, a state of which a model says no is not followed. It is worth defining where internal
        actions are many and what they do shows; it must say no only where no path leads there.
        """
        return True

    def table(self) -> list[tuple[Action, Callable[..., Any], tuple[Hashable, ...]]]:
        """The transitions, one row per action; built on first use."""
        rows: list[tuple[Action, Callable[..., Any], tuple[Hashable, ...]]] | None = self.__dict__.get("_table")
        if rows is None:
            rows = [(Action(t.name, tuple(args)), t.effect, tuple(args)) for t in self.transitions() for args in t.domain]
            self.__dict__["_table"] = rows
        return rows

    def successors(self, state: State) -> Iterator[tuple[Action, State]]:
        """Every enabled action with the state that it leads to, in the order of the table."""
        for action, effect, args in self.table():
            following = effect(state, *args)
            if following is not None:
                yield action, following

    def actions(self, state: State) -> list[Action]:
        """The actions enabled in `state`."""
        return [action for action, _ in self.successors(state)]

    def step(self, state: State, action: Action) -> State:
        """The state after `action`.

        Raises:
            ValueError: the action is not enabled; the message lists those that are.
        """
        for candidate, following in self.successors(state):
            if candidate == action:
                return following
        enabled = ", ".join(map(str, self.actions(state))) or "none"
        message = f"{action} is not enabled in this state of {self.name or type(self).__name__}. Enabled: {enabled}."
        raise ValueError(message)
