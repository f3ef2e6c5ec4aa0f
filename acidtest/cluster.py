"""Pieces of a check on an existing Dask cluster: `acidtest check … --dask ADDRESS`.

A worker has each piece done by a process of its own, as it would be done here: Dask's own threads are not in its way, and code that
ends the interpreter does not end the worker. A worker that dies takes nothing with it: Dask gives its pieces to others. What the
cluster cannot do at all is done here. Answers are taken in the order of the pieces, so the verdict is that of one process.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import subprocess
import sys
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest import __version__
from acidtest.errors import UsageError
from acidtest.piece import ANSWER
from acidtest.workers import unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from acidtest.piece import Piece

#: Seconds until a cluster that does not answer is given up, and between two looks at how far it is.
_PATIENCE, _GLANCE = 10, 0.5
#: On a worker: the processes that do pieces, by the check that they are for.
_PROCESSES: dict[str, list[subprocess.Popen[bytes]]] = {}
#: On a worker: what is behind an environment variable.
_PATH = "PYTHONPATH"


class Cluster:
    """A Dask cluster that others have started.

    Arguments:
        address: of its scheduler, for example "tcp://10.0.0.1:8786".
    """

    def __init__(self, address: str) -> None:
        """Connect to it.

        Raises:
            UsageError: Dask is not installed, nobody answers, there is no worker, or a worker has another acidtest.
        """
        try:
            import distributed
        except ImportError as error:
            message = "--dask takes Dask's distributed, which is not installed. Install it: pip install 'acidtest[dask]'."
            raise UsageError(message) from error
        self.address = address
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what it would say of a cluster that is gone, we say
        try:
            self.client: Any = distributed.Client(address, timeout=_PATIENCE, set_as_default=False, name="acidtest")
        except (OSError, ValueError, TimeoutError) as error:
            message = f"--dask: no scheduler answers at {address!r}: {error}. Start one with `dask scheduler`, and workers with `dask worker {address}`."
            raise UsageError(message) from error
        try:
            self._look_at_workers()
        except BaseException:
            self.client.close()
            raise

    def _look_at_workers(self) -> None:
        try:
            versions = self.client.run(version)
        except Exception as error:  # workers may raise anything: what they lack, or what their version does not know
            message = f"--dask: the workers of {self.address} cannot run acidtest: {error}. Install acidtest {__version__} where they run."
            raise UsageError(message) from error
        if not versions:
            message = f"--dask: the scheduler at {self.address} has no workers. Start some with `dask worker {self.address}`."
            raise UsageError(message)
        others = sorted(f"{name} has {found}" for name, found in versions.items() if found != __version__)
        if others:
            message = f"--dask: this is acidtest {__version__}, but {'; '.join(others)}. One check is done by one version: install it there."
            raise UsageError(message)

    def team(self, pieces: Sequence[Piece], costs: Sequence[float], tell: Callable[[str], object]) -> Pieces:
        """Begin with pieces; `tell` is told now and then how far they are."""
        return Pieces(self.client, pieces, costs, tell)

    def close(self) -> None:
        """Leave it to others."""
        self.client.close()


class Pieces:
    """Pieces that a cluster does, the dearest first.

    Arguments:
        client: of the cluster.
        pieces: what to do.
        costs: what each may cost.
        tell: is told how far they are.
    """

    def __init__(self, client: Any, pieces: Sequence[Piece], costs: Sequence[float], tell: Callable[[str], object]) -> None:  # noqa: ANN401
        """Send them all."""
        self._client, self._tell = client, tell
        self._check = f"acidtest-{uuid.uuid4().hex}"
        self._latest = ""
        self._answers: dict[int, bytes | None] = {}
        client.subscribe_topic(self._check, self._hear)
        rank = {number: place for place, number in enumerate(sorted(range(len(pieces)), key=lambda n: costs[n]))}
        self._futures = [
            client.submit(do, pickle.dumps(piece), self._check, key=f"{self._check}-{n}", priority=rank[n], pure=False)
            for n, piece in enumerate(pieces)
        ]

    def _hear(self, event: Any) -> None:  # noqa: ANN401 - (when, what)
        self._latest = str(event[1])

    def answer(self, number: int) -> tuple[Any] | None:
        """The answer to a piece, in a tuple; None where the cluster has none.

        Then it is the last thing that is asked of the cluster: what code under test does is watched, and a client of Dask that is still
        connected would be taken for it. So the answers to all other pieces are taken first.
        """
        if number not in self._answers and not self._take(number):
            for other in range(len(self._futures)):
                if other not in self._answers:
                    self._take(other)
            self.end()
        return unpacked(self._answers[number])

    def _take(self, number: int) -> bool:
        """Wait for the answer to a piece; False where the cluster has none."""
        future = self._futures[number]
        while not future.done():
            self._tell(self.progress())
            with contextlib.suppress(Exception):  # whatever it is, it is raised again below
                future.result(timeout=_GLANCE)
        self._tell(self.progress())
        try:
            self._answers[number] = future.result()
        except Exception:  # noqa: BLE001 - of the cluster's: pieces answer with theirs
            self._answers[number] = None
        return self._answers[number] is not None

    def progress(self) -> str:
        """How far they are."""
        done = sum(number in self._answers or future.done() for number, future in enumerate(self._futures))
        told = f"; {self._latest}" if self._latest else ""
        return f"{done} of {len(self._futures)} pieces done by the cluster{told}"

    def end(self) -> None:
        """Whatever is still done is wanted no more, and the cluster is left to others."""
        with contextlib.suppress(Exception):  # a cluster that is gone does nothing any more
            self._client.unsubscribe_topic(self._check)
            waiting = [future for future in self._futures if not future.done()]
            self._client.cancel(waiting)
            if waiting:
                self._client.run(end_processes, self._check)
        self._client.close()


# On a worker:


def version() -> str:
    """The version of acidtest here."""
    return __version__


def do(order: bytes, check: str) -> bytes | None:
    """Have a piece done by a process of its own.

    Arguments:
        order: the pickled piece.
        check: what it belongs to: the topic under which progress is told.

    Returns:
        the pickled answer; None where there is none.
    """
    from distributed import get_worker

    worker = get_worker()
    folder = pickle.loads(order).folder  # noqa: S301 - from whoever checks
    reading, writing = os.pipe()
    process = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-m", "acidtest.piece", str(writing)], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        pass_fds=(writing,), cwd=folder if Path(folder).is_dir() else None, env={**os.environ, _PATH: os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
    os.close(writing)
    _PROCESSES.setdefault(check, []).append(process)
    try:
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        process.stdin.write(len(order).to_bytes(8, "little") + order)
        process.stdin.flush()
        with os.fdopen(reading, "rb") as pipe:
            for line in iter(pipe.readline, b""):
                text = line.decode().rstrip("\n")
                if text.startswith(ANSWER):
                    length = int(text.removeprefix(ANSWER))
                    return pipe.read(length) if length >= 0 else None
                worker.log_event(check, text)
        return None
    finally:
        _end(process)
        _PROCESSES[check].remove(process)


def end_processes(check: str) -> None:
    """End what is still done for a check."""
    for process in list(_PROCESSES.get(check, [])):
        threading.Thread(target=_end, args=(process,)).start()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let a process end: it does when nobody is at the other end of its input."""
    with contextlib.suppress(OSError, ValueError):
        if process.stdin is not None:
            process.stdin.close()
    process.wait()
