"""What is known of a pattern, whichever it is: its models, what they are proved to keep, and what nothing can escape.

A `Study` is one abstract state machine with its sizes, its assumption switches, the properties that hold under the
default switches, and theorems that say what happens where a switch is turned. A `Theory` is a pattern's studies, with
what they mean to a reader. Both are values; `acidtest.checker.proof` checks them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from acidtest.checker.machine import Model, Property

#: What the patterns are compared by.
ASPECTS = ("atomicity", "isolation", "durability", "idempotency", "conservation", "termination", "non-blocking", "order")


class Switch(NamedTuple):
    """An assumption about the environment, or a rule of the protocol, that may be turned.

    Arguments:
        name: a keyword argument of the model, for example "partition".
        meaning: what is so where it is on, for example "messages between two groups of sites may be held back".
        default: how it stands where the properties are proved.
    """

    name: str
    meaning: str
    default: bool = False


class Size(NamedTuple):
    """One size of a model, with the counts that it must have under the default switches.

    Arguments:
        name: for example "3 processes, 1 crash".
        arguments: of the model.
        states: distinct states.
        depth: breadth-first levels.
    """

    name: str
    arguments: Mapping[str, Any]
    states: int
    depth: int


class Twin(NamedTuple):
    """The second run of a pair that somebody cannot tell apart.

    Arguments:
        otherwise: what is so after it; of kind `sometimes`, with the id of the first.
        who: cannot tell, for example "service 0".
        sees: takes the model and a state, and gives all that `who` has seen there and may go by. Its docstring says what that is.
    """

    otherwise: Property
    who: str
    sees: Callable[[Any, Any], Hashable]


class Theorem(NamedTuple):
    """What cannot be had: a witness that exists under some switches, and under others does not.

    Arguments:
        property: of kind `sometimes` where the witness is a state; of another kind where it is a counterexample to it.
        exhibited: how switches must stand, where not at their default, for the witness to exist.
        excluded: how switches must stand for it not to exist; None where nothing helps.
        size: the number of the size at which both are shown, or a size of its own where that says more; its counts do not matter.
        along: actions that must occur in the witness, in this order, as they stand in a trace: who was elected, refused, crashed.
        twin: what makes the witness a pair of runs that somebody cannot tell apart.
    """

    property: Property
    exhibited: Mapping[str, bool] = {}  # noqa: RUF012 - a tuple's default, never changed
    excluded: Mapping[str, bool] | None = None
    size: int | Size = 0
    along: tuple[str, ...] = ()
    twin: Twin | None = None


class Refines(NamedTuple):
    """That a model implements a more abstract one.

    Arguments:
        name: of the specification, for example "mutual exclusion".
        specification: makes it, from the arguments of a size.
        mapping: takes a state of the model to the one of the specification that it stands for.
    """

    name: str
    specification: Callable[..., Model[Any]]
    mapping: Callable[[Any], Any]


def counted(number: int, one: str, many: str = "") -> str:
    """So many of something, as a label tells it: "1 copy", "2 copies"; without `many` an s is added."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


class Diagram(NamedTuple):
    """What of a model is drawn: its states by what a label tells of them.

    Arguments:
        arguments: of the model, sizes and switches.
        label: names the node that a state belongs to, in one to three short lines; None leaves the state out.
        hidden: names of actions that are not drawn.
        legend: what signs in the labels mean.
    """

    arguments: Mapping[str, Any]
    label: Callable[[Any], str | None]
    hidden: frozenset[str] = frozenset()
    legend: str = ""


@dataclass(frozen=True)
class Study:
    """One model of a pattern, with everything that is claimed of it.

    Arguments:
        name: for example "a lock with leases".
        make: the model, called with the arguments of a size and all switches by keyword.
        sizes: the smallest first; two or more.
        properties: what holds under the default switches, at every size.
        theorems: what happens where switches are turned, or cannot be had at all.
        switches: what can be turned.
        refines: what it implements.
        symmetry: makes, from the arguments of a size, a function that takes a state to the representative of its orbit;
            `orbits` are the numbers of orbits, per size.
        diagram: what is drawn of it.
        specification: whether it says what the pattern promises, for others to refine or for running code to be followed
            against, rather than how a protocol keeps it: what holds of it holds because it is written so.
        about: what the page says of it, where that is not the docstring of its module.
    """

    name: str
    make: Callable[..., Model[Any]]
    sizes: tuple[Size, ...]
    properties: tuple[Property, ...]
    theorems: tuple[Theorem, ...] = ()
    switches: tuple[Switch, ...] = ()
    refines: Refines | None = None
    symmetry: Callable[..., Callable[[Any], Hashable]] | None = None
    orbits: tuple[int, ...] = ()
    diagram: Diagram | None = None
    specification: bool = False
    about: str = ""

    def size_of(self, theorem: Theorem) -> Size:
        """The size at which a theorem is shown."""
        return theorem.size if isinstance(theorem.size, Size) else self.sizes[theorem.size]

    def model(self, size: Size, turned: Mapping[str, bool] | None = None) -> Model[Any]:
        """The model at a size, with some switches turned.

        Raises:
            KeyError: there is no such switch; the message lists those that there are.
        """
        switches = {switch.name: switch.default for switch in self.switches}
        unknown = [name for name in turned or {} if name not in switches]
        if unknown:
            message = f"{self.name} has no switch {unknown[0]!r}. Its switches: {', '.join(switches) or 'none'}."
            raise KeyError(message)
        return self.make(**size.arguments, **switches | dict(turned or {}))


#: Where a claim may stand.
CONFIRMED, REFINED, REFUTED, UNDECIDED = "confirmed", "refined", "refuted", "no model decides"


class Claim(NamedTuple):
    """What others say of a pattern, and where that stands, which follows from what speaks for it and against it.

    Evidence is named by the ids of properties and theorems. An id of a property that falls where a switch is turned may be
    followed by that switch: "G9/outbox" is the run by which G9 falls, where "G9" is that it holds.

    Arguments:
        text: the claim, for example "never blocks".
        why: one sentence.
        by: what speaks for it.
        against: what speaks against it.
        see: of a claim that no model can decide, what is near to it.
    """

    text: str
    why: str
    by: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    see: tuple[str, ...] = ()

    @property
    def standing(self) -> str:
        """Confirmed where nothing speaks against it, refuted where nothing speaks for it, refined where something does each."""
        if self.by:
            return REFINED if self.against else CONFIRMED
        return REFUTED if self.against else UNDECIDED

    @property
    def cited(self) -> tuple[str, ...]:
        """All evidence."""
        return self.by + self.against + self.see


@dataclass(frozen=True)
class Theory:
    """All that is known of a pattern.

    Arguments:
        promise: what the pattern promises, for a reader who has never seen it: one paragraph.
        headline: ids of the three to five properties and theorems that a reader should know first.
        studies: its models; the one to look at first comes first.
        aspects: for each of ASPECTS that the pattern says something about, the ids of the properties that prove it or
            of the theorems that are the witness against it. An aspect that is left out is not claimed.
        remarks: of some aspects, how far what is said of them reaches, for example "within a stream".
        choices: the switches that stand for what the environment may do or a design may choose, not for a rule that is
            broken: only such may be turned for a witness against an aspect.
        omitted: ids of catalogued properties that no model of ours can show, each with the reason.
        claims: what others claim.
    """

    promise: str
    studies: tuple[Study, ...]
    aspects: Mapping[str, tuple[str, ...]]
    headline: tuple[str, ...] = ()
    remarks: Mapping[str, str] = field(default_factory=dict)
    choices: frozenset[str] = frozenset()
    omitted: Mapping[str, str] = field(default_factory=dict)
    claims: tuple[Claim, ...] = ()
