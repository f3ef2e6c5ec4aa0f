"""Shared objects as a device: fakes and repositories in memory that a user has, in the place of what production reaches."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from acidtest.errors import UsageError
from acidtest.world.core.device import Device
from acidtest.world.core.effects import (
    FETCH_FAULTS,
    LATE,
    LOST,
    REFUSED,
    STORE_FAULTS,
    UNACKNOWLEDGED,
    Effect,
)
from acidtest.world.core.process import complain, current_task
from acidtest.world.core.shelf import copied
from acidtest.world.devices.shared.standin import AwaitedStandIn, Line, StandIn, short
from acidtest.world.python.memory import memory_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process

SHARED = "shared"


class Use(NamedTuple):
    """One use of an object.

    Arguments:
        name: of the object.
        what: as schedules name it.
        arguments: what it is given.
        operate: does it, with the object and a copy of the arguments.
        reads: nothing is changed by it.
        error: makes the error of a caller who cannot know; None where every use succeeds.
    """

    name: str
    what: str
    arguments: Any
    operate: Callable[[Any, Any], Any]
    reads: bool
    error: Callable[[str], BaseException] | None


class Shared(Device):
    """Objects by name, made when they are first used; they are the same for all processes, and survive each.

    A use is one effect: what it gives and gets is copied, as between two processes. What an object holds is part of the state,
    where that can be told; else all that was ever done with it is.
    """

    name: ClassVar[str] = "shared"
    kinds: ClassVar[frozenset[str]] = frozenset({SHARED})

    def __init__(self, surroundings: Surroundings) -> None:
        """Start with what every run starts with."""
        super().__init__(surroundings)
        self._done: dict[str, tuple[Hashable, ...]] = {}
        self._copies: dict[str, Any] = {}

    def clients(self, environment: Any, process: Process) -> Mapping[str, Any]:  # noqa: ARG002 - it is for all alike
        """`env.shared(name, make)`."""
        if process.reads:
            self._copies.clear()
        return {"shared": partial(self._stand_in, StandIn, process)}

    def clients_awaited(self, environment: Any, process: Process) -> Mapping[str, Any]:  # noqa: ARG002 - likewise
        """`env.aio.shared(name, make)`."""
        return {"shared": partial(self._stand_in, AwaitedStandIn, process)}

    def _stand_in(
        self, kind: type[StandIn], process: Process, name: str, make: Callable[[], Any], *, error: Callable[[str], BaseException] | None = None
    ) -> StandIn:
        _check(name, make, error)
        if process.scribe is not None:
            process.scribe.shares(process)

        def use(what: str, arguments: Any, operate: Callable[[Any, Any], Any], reads: bool) -> Any:  # noqa: FBT001 - one of a line's three
            return self._use(process, make, Use(name, what, arguments, operate, reads, error))

        return kind(Line(name, lambda: self._object(process, name, make), use))

    def _object(self, process: Process, name: str, make: Callable[[], Any]) -> Any:
        """The object; for whoever only looks, a copy."""
        shelf = self.surroundings.shelf.objects
        objects = self._copies if process.reads else shelf
        if name not in objects:
            is_known = process.reads and name in shelf and not self.hidden
            objects[name] = copied(name, shelf[name]) if is_known else make()
        return objects[name]

    def _use(self, process: Process, make: Callable[[], Any], use: Use) -> Any:
        task, given = current_task(), copied(use.name, use.arguments)
        if task is None or process.reads:
            return copied(use.name, _read(use.operate(self._object(process, use.name, make), given)))
        faults = () if use.error is None else FETCH_FAULTS if use.reads else STORE_FAULTS
        effect = Effect(SHARED, use.name, use.what, _told(use.arguments), faults=faults, lasting=not use.reads)
        fault = task.park(effect)
        operate = partial(self._perform, process, make, use, given, effect.fingerprint)
        if use.error is not None and (self.down or fault in STORE_FAULTS):
            self._fail(use, fault, operate)
            task.saw(effect, REFUSED if fault == REFUSED or self.down else "timeout", fault)
            message = f"{use.name} did not answer {use.what}"
            raise use.error(message)
        before = self._held(use.name) if use.name in self.surroundings.shelf.objects else None
        try:
            result = copied(use.name, operate())
        except Exception as error:
            task.saw(effect, (type(error).__name__, str(error)), fault)
            raise
        told = _told(result)
        task.saw(effect, ("of", before) if told is None else told, fault)
        return result

    def _fail(self, use: Use, fault: str, operate: Callable[[], Any]) -> None:
        """Do what a caller is not told of: now, later, or never."""
        if self.down or fault in (REFUSED, LOST):
            return
        if fault == LATE:
            self.surroundings.postpone(f"{use.name}: {use.what}", partial(_quietly, operate), (use.name, use.what, _told(use.arguments)))
        elif fault == UNACKNOWLEDGED:
            _quietly(operate)

    def _perform(self, process: Process, make: Callable[[], Any], use: Use, given: Any, fingerprint: Hashable) -> Any:
        target = self._object(process, use.name, make)
        if not use.reads:
            self._done[use.name] = (*self._done.get(use.name, ()), fingerprint)
        return _read(use.operate(target, given))

    # What distinguishes two states, and what is seen of one:

    def _held(self, name: str) -> Hashable:
        """What an object holds; where nobody can tell, what was done with it."""
        told = memory_of(self.surroundings.shelf.objects[name])
        return ("done", self._done.get(name, ())) if told is None else told

    def key(self) -> Hashable:
        """What they hold, and whether they can be reached."""
        return self.down, self.readable()

    def readable(self) -> Hashable:
        """What they hold, by name."""
        return tuple([(name, self._held(name)) for name in sorted(self.surroundings.shelf.objects)])

    def seen(self) -> tuple[tuple[str, str], ...]:
        """What can be shown of each, by its name."""
        return tuple([(name, short_of(found)) for name, found in sorted(self.surroundings.shelf.objects.items())])

    def changed(self, before: tuple[tuple[str, str], ...], after: tuple[tuple[str, str], ...]) -> Iterator[str]:
        """A line for each that is shown otherwise."""
        for name, text in after:
            if (name, text) not in before:
                yield f"{name}: {text}"


def short_of(found: Any) -> str:
    """An object in a line: what it is, if that is plain, or its attributes."""
    if isinstance(found, (dict, list, tuple, set, frozenset, str, int, float)):
        return short(sorted(found, key=repr) if isinstance(found, (set, frozenset)) else found)
    attributes = getattr(found, "__dict__", {})
    return f"{type(found).__qualname__}({', '.join([f'{name}={short(value)}' for name, value in attributes.items()])})"


def _read(result: Any) -> Any:
    """What was returned, without ways back into the object: of views of a dictionary and of iterators, what they give."""
    return list(result) if isinstance(result, (KeysView, ValuesView, ItemsView, Iterator)) else result


def _told(value: Any) -> Hashable:
    """What stands for a value that crosses the boundary; None where nobody can say."""
    return memory_of(value)


def _quietly(operate: Callable[[], Any]) -> None:
    """Nobody hears of it, nor of its failure."""
    try:
        operate()
    except Exception:  # noqa: BLE001 - the error is part of the answer that nobody gets
        return


def _check(name: Any, make: Any, error: Any) -> None:
    """Say what is wrong with how an object is asked for.

    Raises:
        UsageError: something is.
    """
    if not isinstance(name, str) or not name:
        complain(UsageError(f"env.shared({name!r}, …): a shared object has a name, which is a non-empty string, for example 'shop'."))
    if not callable(make):
        what = type(make).__qualname__
        message = f"env.shared({name!r}, make): make is a {what}. It is called to make the object anew for each run: pass a class or a function."
        complain(UsageError(message))
    if error is not None and not callable(error):
        message = f"env.shared({name!r}, …, error={error!r}): error is called with a text and returns an exception: pass a class, for example ConnectionError."
        complain(UsageError(message))
