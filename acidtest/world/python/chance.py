"""Chance and identifiers: in code under test they are streams of its process, the same in every run of a schedule.

Everything in Python that is random comes from `os.urandom` or from the generator that the functions of `random` share: `uuid4`,
`secrets`, names of temporary files. `uuid1` would count on from one run to the next.
"""

from __future__ import annotations

import os
import random
import tempfile
import uuid
from types import FunctionType
from typing import TYPE_CHECKING, Any

from acidtest.world.core.process import current_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_urandom = os.urandom
_shared: Any = random._inst  # noqa: SLF001 - what the functions of the module are methods of
_seed = random.Random.seed
#: Of the functions of `random`, those that are in C, by name as they were.
_IN_C = {name: getattr(random, name) for name in ("random", "getrandbits")}
_BITS = 53
#: What `uuid` makes of the time, and what it remembers of that.
_OF_TIME, _LAST = ("uuid1", "uuid6", "uuid7"), ("_last_timestamp", "_last_timestamp_v6", "_last_timestamp_v7")
_installed = False


def _drawn(count: int) -> bytes:
    """As `os.urandom`."""
    process = current_process()
    return _urandom(count) if process is None else process.draw(count)


def _bits(count: int) -> int:
    size = (count + 7) // 8
    return int.from_bytes(_drawn(size), "big") >> (size * 8 - count)


class Streams(random.Random):
    """The generator that the functions of `random` share: in code under test, the stream of its process."""

    def random(self) -> float:
        """The next number in [0, 1)."""
        return super().random() if current_process() is None else _bits(_BITS) / (1 << _BITS)

    def getrandbits(self, k: int, /) -> int:
        """The next `k` bits."""
        return super().getrandbits(k) if current_process() is None or k <= 0 else _bits(k)


def _seeded(self: random.Random, a: Any = None, version: int = 2) -> None:
    """Seed a generator; one that asks the operating system for its seed is given one by its process."""
    if a is None and current_process() is not None:
        a = _drawn(16)
    _seed(self, a, version)


def _start_anew() -> None:
    """Before an identifier is made of the time: none that was made before, perhaps in another run, comes before it."""
    if current_process() is not None:
        names: Any = vars(uuid)
        names.update({name: None for name in _LAST if name in names})


def _replace_code(name: str) -> None:
    """Let a function of `uuid` start anew: that very function, which others may hold in many ways."""
    function: Any = getattr(uuid, name)
    original = FunctionType(function.__code__, vars(uuid), name, function.__defaults__, function.__closure__)

    def starting_anew(*arguments: Any) -> Any:
        _start_anew()
        return original(*arguments)

    names: Any = vars(uuid)
    names[f"_acidtest_{name}"] = starting_anew
    count = function.__code__.co_argcount
    arguments = ", ".join(function.__code__.co_varnames[:count])
    replacement: dict[str, Any] = {}
    exec(f"def {name}({arguments}): return _acidtest_{name}({arguments})", replacement)  # noqa: S102 - its text is ours
    function.__code__ = replacement[name].__code__


def install() -> Mapping[Callable[..., Any], Callable[..., Any]]:
    """Replace what is random; harmless when called again.

    Returns:
        what stands in the place of which function that others may have imported by its name.
    """
    global _installed  # noqa: PLW0603 - one interpreter
    if not _installed:
        _installed = True
        modules: Any = os, random, tempfile
        modules[0].urandom = modules[1]._urandom = _drawn  # noqa: SLF001 - SystemRandom draws there
        _shared.__class__ = Streams
        modules[1].random, modules[1].getrandbits = _shared.random, _shared.getrandbits
        modules[1].Random.seed = _seeded
        for name in _OF_TIME:
            if hasattr(uuid, name):
                _replace_code(name)
        modules[2]._RandomNameSequence.rng = property(lambda _: _shared)  # noqa: SLF001 - names of temporary files
    replaced = {_IN_C[name]: getattr(random, name) for name in _IN_C}
    return {_urandom: _drawn, **replaced}
