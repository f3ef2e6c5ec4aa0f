"""What is being done now, in memory that outlives whoever does it: a supervisor reads there how far a process came.

Where nobody supervises, nothing is kept. A decision is written before it is carried out; to write it costs about a quarter of
a microsecond, for its text is made once.
"""

from __future__ import annotations

import mmap
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

#: Bytes for everything; texts have so many each, and the last step where there is no more room.
SIZE, _TEXT = 256 * 1024, 1024
#: Where each text is. `DOING`: which search it is, `SCOPE`: of which scope, `OUTSIDE`: what of the adapter's runs outside of any
#: schedule, `FOUND`: what was told already, `FILE`: where results are to be written.
DOING, SCOPE, OUTSIDE, FOUND, FILE = range(_TEXT, 6 * _TEXT, _TEXT)
_START, _LAST = 6 * _TEXT, SIZE - _TEXT
_END = b"\0"
#: The step that is no more: the run is over.
OVER = "the run is over"
#: So many texts of steps are kept; then they are made anew.
_MOST_KEPT = 20_000


class Page(NamedTuple):
    """What a journal says.

    Arguments:
        doing: which search, or what else; empty before there was any.
        scope: the scope that is run.
        outside: what of the adapter's runs outside of any schedule; empty for nothing.
        found: the property that was found violated before; empty for none.
        file: where results are to be written; empty for nowhere.
        steps: the decisions of the present run, and what was done while coming to rest ("rest …"), in order.
        left_out: whether steps are missing before the last.
    """

    doing: str
    scope: str
    outside: str
    found: str
    file: str
    steps: tuple[str, ...]
    left_out: bool


class Journal:
    """Memory that a process shares with those that it forks."""

    def __init__(self) -> None:
        """Nothing is written yet."""
        self.memory = mmap.mmap(-1, SIZE)

    def state(self) -> bytes:
        """All of it: differs as soon as anything was done."""
        return self.memory[:]

    def read(self) -> Page:
        """What it says now."""
        doing, scope, outside, found, file = (self._text(place) for place in (DOING, SCOPE, OUTSIDE, FOUND, FILE))
        steps = self._text(_START, _LAST).splitlines()
        last = self._text(_LAST, SIZE).strip()
        return Page(doing, scope, outside, found, file, (*steps, last) if last else tuple(steps), bool(last))

    def _text(self, start: int, end: int = 0) -> str:
        return self.memory[start : end or start + _TEXT].partition(_END)[0].decode(errors="replace")

    def close(self) -> None:
        """Give it back."""
        self.memory.close()


class _Writer:
    """Where this process writes, if anywhere; `at` is where the next step goes, `before` where the last one went."""

    memory: mmap.mmap | None = None
    at = before = _START
    beats = 0
    texts: dict[Hashable, bytes] = {}  # noqa: RUF012 - one process, one writer


_writer = _Writer


def keep(journal: Journal | None) -> None:
    """Write there from now on; None for nowhere."""
    _writer.memory = None if journal is None else journal.memory
    _writer.at = _writer.before = _START


def is_kept() -> bool:
    """Whether anybody reads what is written."""
    return _writer.memory is not None


def beat() -> None:
    """Say that this process goes on, although nothing else shows it."""
    if _writer.memory is not None:
        _writer.beats += 1
        _writer.memory[:8] = _writer.beats.to_bytes(8, "little")


def tell(place: int, text: str) -> None:
    """Write one of the texts; cut where it is too long."""
    if _writer.memory is not None:
        data = text.encode(errors="replace")[: _TEXT - 1] + _END
        _writer.memory[place : place + len(data)] = data


@contextmanager
def outside(what: str) -> Iterator[None]:
    """While code of the adapter's runs outside of any schedule.

    Arguments:
        what: what it does there.
    """
    tell(OUTSIDE, what)
    try:
        yield
    finally:
        tell(OUTSIDE, "")


def begin(scope: str) -> None:
    """A run of a scope begins; its schedule is empty."""
    if _writer.memory is not None:
        tell(SCOPE, scope)
        beat()
        _writer.at = _writer.before = _START
        _writer.memory[_START : _START + 1] = _writer.memory[_LAST : _LAST + 1] = _END


def note(step: Hashable) -> None:
    """Write a step before it is carried out.

    Arguments:
        step: a decision, or a text; equal ones read alike.
    """
    memory = _writer.memory
    if memory is None:
        return
    data = _writer.texts.get(step) or _text_of(step)
    at = _writer.before = _writer.at
    end = at + len(data)
    if end > _LAST:
        memory[_LAST : _LAST + len(data)] = data
    else:
        memory[at:end] = data
        _writer.at = end - 1


def take_back() -> None:
    """The step that was written last did not happen: it would have had to wait."""
    if _writer.memory is not None and _writer.at > _writer.before:
        _writer.at = _writer.before
        _writer.memory[_writer.at : _writer.at + 1] = _END


def _text_of(step: Hashable) -> bytes:
    if len(_writer.texts) >= _MOST_KEPT:
        _writer.texts.clear()
    line = str(step).replace("\n", " ").encode(errors="replace")[: _TEXT - 2]
    data = _writer.texts[step] = line + b"\n" + _END
    return data
