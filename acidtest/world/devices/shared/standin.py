"""What code holds in place of a shared object: every use of it is one effect."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.util import greenlet_spawn

from acidtest.errors import UsageError
from acidtest.world.core.process import complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Line(NamedTuple):
    """How one process reaches a shared object.

    Arguments:
        name: of the object.
        peek: returns the object as it is, without any effect.
        use: called with (what, arguments, operate, reads): lets `operate` loose on the object and a copy of the arguments, as one effect.
    """

    name: str
    peek: Callable[[], Any]
    use: Callable[[str, Any, Callable[[Any, Any], Any], bool], Any]

    def has_method(self, attribute: str) -> bool:
        """Whether an attribute is to be called.

        Raises:
            AttributeError: there is none of that name.
        """
        target = self.peek()
        of_class = getattr(type(target), attribute, None)
        return callable(of_class) or (of_class is None and callable(getattr(target, attribute)))

    def call(self, attribute: str, arguments: tuple[Any, ...], named: dict[str, Any], finish: Callable[[str, Any], Any]) -> Any:
        """Call a method; `finish` makes the answer of what it returns."""

        def operate(target: Any, given: Any) -> Any:
            args, kwargs = given
            return finish(f"{self.name}.{attribute}", getattr(target, attribute)(*args, **kwargs))

        return self.use(shown(attribute, arguments, named), (arguments, named), operate, False)  # noqa: FBT003 - it may change something


class StandIn:
    """A shared object, for code that calls it: attributes, methods, items, membership, length and iteration."""

    __slots__ = ("_line", "acidtest_name")

    def __init__(self, line: Line) -> None:
        """Stand for the object at the other end of `line`."""
        object.__setattr__(self, "_line", line)
        object.__setattr__(self, "acidtest_name", line.name)

    def __deepcopy__(self, memo: Any) -> StandIn:
        return self

    def __repr__(self) -> str:
        return f"<env.shared({self.acidtest_name!r})>"

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("__") and attribute.endswith("__"):
            raise AttributeError(attribute)
        if self._line.has_method(attribute):
            return self._method(attribute)
        return self._line.use(attribute, (), lambda target, _: getattr(target, attribute), True)  # noqa: FBT003 - it reads

    def _method(self, attribute: str) -> Any:
        return lambda *arguments, **named: self._line.call(attribute, arguments, named, _finished)

    def __setattr__(self, attribute: str, value: Any) -> None:
        self._line.use(f"{attribute} = {short(value)}", value, lambda target, given: setattr(target, attribute, given), False)  # noqa: FBT003

    def __delattr__(self, attribute: str) -> None:
        self._line.use(f"del {attribute}", (), lambda target, _: delattr(target, attribute), False)  # noqa: FBT003

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        """Call the object itself, which may be a function."""
        return self._line.call("__call__", arguments, named, _finished)

    def __getitem__(self, key: Any) -> Any:
        return self._line.use(f"[{short(key)}]", key, lambda target, given: target[given], True)  # noqa: FBT003

    def __setitem__(self, key: Any, value: Any) -> None:
        def operate(target: Any, given: Any) -> None:
            place, held = given
            target[place] = held

        self._line.use(f"[{short(key)}] = {short(value)}", (key, value), operate, False)  # noqa: FBT003

    def __delitem__(self, key: Any) -> None:
        def operate(target: Any, given: Any) -> None:
            del target[given]

        self._line.use(f"del [{short(key)}]", key, operate, False)  # noqa: FBT003

    def __contains__(self, key: Any) -> bool:
        return bool(self._line.use(f"{short(key)} in", key, lambda target, given: given in target, True))  # noqa: FBT003

    def __len__(self) -> int:
        return int(self._line.use("len", (), lambda target, _: len(target), True))  # noqa: FBT003

    def __bool__(self) -> bool:
        return bool(self._line.use("bool", (), lambda target, _: bool(target), True))  # noqa: FBT003

    def __iter__(self) -> Iterator[Any]:
        return iter(self._line.use("iter", (), lambda target, _: list(target), True))  # noqa: FBT003


class AwaitedStandIn(StandIn):
    """The same for coroutines: its methods are awaited, be they coroutines or not."""

    __slots__ = ()

    def _method(self, attribute: str) -> Any:
        async def call(*arguments: Any, **named: Any) -> Any:
            return await greenlet_spawn(self._line.call, attribute, arguments, named, _awaited)

        return call


def _finished(what: str, result: Any) -> Any:
    if inspect.iscoroutine(result):
        result.close()
        message = f"{what}() of a shared object is a coroutine, and was called by code that does not await it. Get the object from env.aio.shared()."
        complain(UsageError(message))
    return result


def _awaited(what: str, result: Any) -> Any:
    """What a coroutine returns that waits for nothing, or what was returned."""
    if not inspect.iscoroutine(result):
        return result
    try:
        result.send(None)
    except StopIteration as end:
        value = end.value
    else:
        result.close()
        message = f"{what}() of a shared object waits for something. What stands for a server answers at once: leave the waiting to its callers."
        complain(UsageError(message))
    return value


def shown(attribute: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> str:
    """A call as schedules name it."""
    given = [short(value) for value in arguments] + [f"{name}={short(value)}" for name, value in named.items()]
    return f"{attribute}({', '.join(given)})"


#: So much of a value is shown.
_LONGEST = 40


def short(value: Any) -> str:
    """A value in a few letters, which are the same in every run."""
    if isinstance(value, (type(None), bool, int, float, str, bytes)):
        text = repr(value)
    elif isinstance(value, (list, tuple)):
        text = f"[{', '.join([short(item) for item in value])}]"
    elif isinstance(value, dict):
        text = f"{{{', '.join([f'{short(key)}: {short(item)}' for key, item in value.items()])}}}"
    else:
        text = type(value).__qualname__
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
