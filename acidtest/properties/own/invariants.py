"""What must hold, as a contract of one's own says it: functions of what was seen, marked with when they are asked.

@always
def a_seat_is_sold_once(self, seen):
return len(set(seen.seats.values())) == len(seen.seats)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from numbers import Number
from typing import TYPE_CHECKING, Any, overload

from acidtest.checker.machine import Kind, Property
from acidtest.environment import Outcome
from acidtest.errors import AcidtestError, ContractError, place_of
from acidtest.errors import told as described
from acidtest.properties.own.declared import Declared
from acidtest.properties.own.seen import Call, Seen, View, items_of

if TYPE_CHECKING:
    Check = Callable[..., bool]


class Invariant:
    """Something that must hold.

    Arguments:
        kind: when it is asked.
        check: takes the contract and what was seen (what was seen before, too, where kind is `step`), and returns whether it holds.
        when: takes the same, and says whether the invariant demands anything; None for always.
        says: what it says, for reports; empty for the first line of the docstring, or else the name in words.
        source: where the requirement comes from.
        capability: asked only of implementations that declare this.
    """

    def __init__(
        self, kind: Kind, check: Any, when: Check | None = None, *, says: str = "", source: str = "", capability: str = ""
    ) -> None:
        if not callable(check):
            message = f"@{kind} marks {check!r}, which is no function. Put it above a method that takes self and seen."
            raise ContractError(message)
        self.kind, self.check, self.when = kind, check, when
        self.source, self.capability = source, capability
        self.name = getattr(check, "__name__", str(kind))
        self.owner = ""
        self._says = says

    def __set_name__(self, owner: type, name: str) -> None:
        if not self.owner:  # it may stand in a second class, under another name there
            self.name, self.owner = name, owner.__name__

    def if_declared(self, capability: str) -> Invariant:
        """The same, asked only of implementations that declare this capability."""
        return Invariant(self.kind, self.check, self.when, says=self._says, source=self.source, capability=capability)

    @property
    def says(self) -> str:
        """What it says, in a line."""
        doc = (self.check.__doc__ or "").strip().partition("\n")[0].rstrip(".")
        return self._says or doc or self.name.replace("_", " ")

    def property(self, contract: Any) -> Property:
        """The property that the searches check, of a contract."""
        return Property(
            self.name, self.says, self.kind, lambda *views: self.holds(contract, *views), self.source, self.capability
        )

    def test(self, contract: Any) -> Property:
        """The property that it is put to the test somewhere: an invariant that never is says nothing."""
        name = f"{self.name} is put to the test"
        return Property(name, name, Kind.SOMETIMES, lambda view: self.is_put_to_the_test(contract, view), "", self.capability)

    def holds(self, contract: Any, *views: View) -> bool:
        """Whether it holds of what was seen."""
        return not self._demands(contract, {}, *views) or self._asked(contract, self.check, {}, *views)

    def is_put_to_the_test(self, contract: Any, view: View) -> bool:
        """Whether it demands anything of what was seen, and had something to look at."""
        if self.kind == Kind.AT_REST and not view.at_rest:
            return False
        looked: dict[str, bool] = {}
        views = (view, view) if self.kind == Kind.STEP else (view,)
        if not self._demands(contract, looked, *views):
            return False
        if self.when is not None:
            return True
        self._asked(contract, self.check, looked, *views)
        return not looked or any(looked.values())

    def _demands(self, contract: Any, looked: dict[str, bool], *views: View) -> bool:
        return self.when is None or self._asked(contract, self.when, looked, *views)

    def _asked(self, contract: Any, check: Check, looked: dict[str, bool], *views: View) -> bool:
        """What a function says of what was seen.

        Raises:
            ContractError: it raised, or said neither yes nor no.
        """
        try:
            said: object = check(contract, *[Seen(view, looked, contract.operations()) for view in views])
        except AcidtestError as error:
            message = f"{type(contract).__name__}.{self.name} cannot be asked: {error}"
            raise ContractError(message) from error
        except Exception as error:
            where = place_of(error)
            kept = isinstance(error, AttributeError) and error.obj is contract
            message = (
                f"{type(contract).__name__}.{self.name} raised {described(error)}{f' ({where})' if where else ''}. An invariant "
                "returns True or False of whatever can be seen, also before anything has happened, and raises nothing."
                f"{' What implementation() keeps in self is not there: it is asked of what was seen alone.' if kept else ''}"
            )
            raise ContractError(message) from error
        if not isinstance(said, bool):
            message = f"{type(contract).__name__}.{self.name} returned {said!r}. An invariant returns True or False: write `return …`."
            raise ContractError(message)
        return said


class Mark:
    """A decorator that says when an invariant is asked: `@always`, or `@always(source="…")`.

    Arguments:
        kind: when.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    @overload
    def __call__(self, check: Check, /) -> Invariant: ...

    @overload
    def __call__(
        self, check: None = None, /, *, when: Check | None = None, source: str = "", capability: str = ""
    ) -> Callable[[Check], Invariant]: ...

    def __call__(
        self, check: Check | None = None, /, *, when: Check | None = None, source: str = "", capability: str = ""
    ) -> Invariant | Callable[[Check], Invariant]:
        """Mark a method.

        Arguments:
            check: the method, where the decorator stands without arguments.
            when: takes the contract and what was seen, and says whether the invariant demands anything; an invariant that never
                does is reported.
            source: where the requirement comes from.
            capability: asked only of implementations that declare this.
        """
        if check is not None:
            return Invariant(self.kind, check)
        return lambda marked: Invariant(self.kind, marked, when, source=source, capability=capability)


always = Mark(Kind.ALWAYS)  #: holds whenever somebody looks
step = Mark(Kind.STEP)  #: holds of what was seen before, and after, whatever happens in between
at_rest = Mark(Kind.AT_REST)  #: holds after faults have stopped, and everything has recovered and drained
sometimes = Mark(Kind.SOMETIMES)  #: happens in some schedule of some scope; else the others may hold of nothing


# The usual ones:


def conserved(*reads: str, total: Callable[[Seen], Any] | None = None, only_at_rest: bool = False) -> Invariant:
    """What is read adds up to what it added up to at the start.

    Arguments:
        reads: names of reads: numbers, or collections of numbers.
        total: what adds up, where that is not all of these: takes what was seen.
        only_at_rest: it may be on its way between services until then.
    """
    add = total or (lambda seen: sum(_sum(seen[name]) for name in reads))

    def check(_: Any, seen: Seen) -> bool:
        first = add(seen.start)  # type: ignore[arg-type]
        return bool(add(seen) == first)

    kind = Kind.AT_REST if only_at_rest else Kind.ALWAYS
    return Invariant(kind, check, says=f"{' and '.join(reads) or 'the total'} adds up to what it was at the start")


def once_per_key(what: str, key: Callable[[Any], Any], where: Callable[[Any], bool] = lambda _: True) -> Invariant:
    """No two rows of what is read have the same key.

    Arguments:
        what: the name of a read, or "messages".
        key: of a row.
        where: which rows are meant.
    """

    def check(_: Any, seen: Seen) -> bool:
        keys = [key(row) for row in items_of(seen, what) if where(row)]
        return len(keys) == len(set(keys))

    def when(_: Any, seen: Seen) -> bool:
        return any(where(row) for row in items_of(seen, what))

    return Invariant(Kind.ALWAYS, check, when, says=f"there is one of {what} per key")


def told_means_done(operation: str | Declared, done: Callable[[Seen, Call], bool], *answers: Any) -> Invariant:
    """What a client was told is done is done, from then on.

    Arguments:
        operation: what clients call.
        done: takes what was seen and a call, and says whether what it asked for can be seen.
        answers: those that mean it; none for Outcome.OK.
    """
    name = operation.method if isinstance(operation, Declared) else operation

    def calls(seen: Seen) -> tuple[Call, ...]:
        return seen.told(operation, *(answers or (Outcome.OK,)))

    return Invariant(
        Kind.ALWAYS,
        lambda _, seen: all(bool(done(seen, call)) for call in calls(seen)),
        lambda _, seen: bool(calls(seen)),
        says=f"what {name} said is done is done",
    )


def nothing_left(what: str, where: Callable[[Any], bool] = lambda _: True) -> Invariant:
    """When all has come to rest, nothing is left over.

    Arguments:
        what: the name of a read.
        where: which of its rows must not be there any more.
    """
    return Invariant(
        Kind.AT_REST,
        lambda _, seen: not any(where(row) for row in items_of(seen, what)),
        lambda *_: True,
        says=f"nothing of {what} is left over",
    )


def _sum(value: Any) -> Any:
    """All numbers in a value, together."""
    if isinstance(value, Mapping):
        return sum(_sum(part) for part in value.values())
    if isinstance(value, (Number, bool)):
        return value
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return sum(_sum(part) for part in value)
    return 0
