"""A piece of a check that is done elsewhere: asked for by plain values, done in a process of its own, answered by a result.

`python -m acidtest.piece FD` reads what to do from its standard input, and writes to that file descriptor: a line for each
progress, and then the answer. It ends when its input does, so that it never outlives whoever asked; and it has the work done by a
child, so that it survives whatever ends that.
"""

from __future__ import annotations

import os
import pickle
import select
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest import supervisor
from acidtest.adopted import adopt
from acidtest.loading import entry_of, load
from acidtest.report.session import examples_line, nothing_left_behind, progress_line
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.stateful import check_statefully
from acidtest.supervised import longest_silence
from acidtest.workers import answered
from acidtest.world.core.patience import look_at_waiting
from acidtest.world.databases.folders import sweep

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.search.verdict import Result
    from acidtest.workload import Scope

#: Begins the line that says how long the answer is, which follows; other lines tell progress.
ANSWER = "answer "
#: Every how many runs of a stateful search progress is told.
_OFTEN = 256


class Piece(NamedTuple):
    """One search of an implementation.

    Arguments:
        pattern: the stem of the pattern.
        implementation: how to import it, as on the command line.
        folder: where else to look for it.
        without: ids of properties that are left out.
        scope: what to explore; None for a stateful search.
        examples: how many workloads that draws.
        seed: of the draws; None for a random one.
    """

    pattern: str
    implementation: str
    folder: str
    without: tuple[str, ...]
    scope: Scope | None = None
    examples: int = 0
    seed: int | None = None


def do(piece: Piece, tell: Callable[[str], None]) -> Result:
    """Do a piece.

    Arguments:
        piece: what to do.
        tell: is told now and then how far it is.
    """
    adopted = adopt(entry_of(piece.pattern, piece.folder), load(piece.implementation, piece.folder), piece.implementation, piece.without)
    without = frozenset(adopted.exceptions)
    if piece.scope is not None:
        harness = Harness(adopted.contract, adopted.factory, without=without)
        try:
            return check_scope(harness, piece.scope, progress=lambda search: tell(progress_line(search)))
        finally:
            harness.close()

    def told(tally: Any) -> None:  # noqa: ANN401 - a tally
        if tally.runs % _OFTEN == 1:
            tell(examples_line(tally))

    with nothing_left_behind():
        harness, result = check_statefully(
            adopted.contract, adopted.factory, examples=piece.examples, seed=piece.seed, without=without, progress=told,
        )  # fmt: skip
    harness.close()
    return result


def main(writing: int) -> None:
    """Do the piece that is read, unless nobody waits for it any more.

    Arguments:
        writing: the file descriptor to write to.
    """
    length = int.from_bytes(sys.stdin.buffer.read(8), "little")
    piece: Piece = pickle.loads(sys.stdin.buffer.read(length))  # noqa: S301 - from whoever started this

    def tell(line: str) -> None:
        os.write(writing, f"{line}\n".encode())

    child: supervisor.Child[bytes | None] = supervisor.Child(
        lambda: answered(lambda: do(piece, tell)), longest_silence(), look_at_waiting
    )
    child.start()
    while not child.has_ended():
        if _is_left_alone():
            child.kill()
            break
    answer = child.ended().answer if not _is_left_alone() else None
    child.close()
    sweep()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write(f"{ANSWER}{-1 if answer is None else len(answer)}\n".encode() + (answer or b""))


def _is_left_alone() -> bool:
    """Whether whoever asked is gone."""
    return bool(select.select([sys.stdin], [], [], 0)[0]) and not os.read(sys.stdin.fileno(), 1)


if __name__ == "__main__":
    main(int(sys.argv[1]))
