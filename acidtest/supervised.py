"""A command whose code under test may end the interpreter: it runs in a child process, and what ends that is told.

Nothing is decided by a process that died. The exit code is that of the adapter's mistake where it died in code of the adapter's
that runs outside of any schedule, and that of *inconclusive* elsewhere.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest import supervisor
from acidtest.ending import INCONCLUSIVE, INTERRUPTED, USAGE
from acidtest.errors import UsageError
from acidtest.report.inert import inert
from acidtest.world.core.journal import OVER
from acidtest.world.core.patience import VARIABLE, look_at_waiting, patience
from acidtest.world.databases.folders import sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acidtest.supervisor import Ended
    from acidtest.world.core.journal import Page

#: How much longer than code under test a command may be silent, and at least so many seconds: it deals itself with code that Python
#: can interrupt.
_LONGER, _AT_LEAST = 1.5, 2.0
#: How many steps of a schedule are printed, at most: the last ones.
_MOST = 40
_REST = "rest "
#: What is behind a signal.
_MEANINGS = {
    "SIGSEGV": "C code has crashed", "SIGBUS": "C code has crashed", "SIGILL": "C code has crashed", "SIGFPE": "C code has crashed",
    "SIGABRT": "C code has called abort()",
    "SIGKILL": "somebody has killed it; the operating system does that where memory runs out",
}  # fmt: skip


def run(command: Callable[[], int]) -> int:
    """Run a command in a child process, where that can be done.

    Arguments:
        command: returns its exit code.

    Returns:
        its exit code, or where it has died, the one that says what that means.
    """
    if not supervisor.can_supervise():
        return command()
    ended = supervisor.run(command, longest_silence(), look_at_waiting)
    if ended.answered and ended.answer is not None:
        return ended.answer
    if ended.told_to and (ended.silent or ended.status in (1, -ended.told_to)):
        return _stopped(ended)
    lines = list(_story(ended))
    sys.stderr.write("\n".join(map(inert, ["", *lines])) + "\n")
    _write(ended, lines[0])
    sweep()
    return USAGE if ended.page.outside else INCONCLUSIVE


def longest_silence() -> float:
    """For how many seconds a process may do nothing, and not answer, before it is killed."""
    try:
        return max(patience() * _LONGER, patience() + _AT_LEAST)
    except UsageError:
        return math.inf  # the command itself says so


def _stopped(ended: Ended[Any]) -> int:
    """What was passed on has ended it: so it ends us."""
    if ended.status == -ended.told_to and ended.told_to not in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ended.told_to, signal.SIG_DFL)
        os.kill(os.getpid(), ended.told_to)
    sys.stderr.write(f"\nacidtest: interrupted{_when(ended.page)}. There is no verdict.\n")
    return INTERRUPTED


def _story(ended: Ended[Any]) -> Iterator[str]:
    """What is printed of the end of a child."""
    page = ended.page
    yield f"acidtest: the process that ran the check {_how(ended)}. There is no verdict: {_what_that_means(page)}."
    if page.found:
        yield f"Before that, {page.found} had been found violated."
    if page.outside:
        yield f"It was when the adapter was to {page.outside}{_when(page)}."
    elif not page.scope:
        yield "It was before any schedule was run."
    elif page.steps[-1:] == (OVER,):
        yield f"It was in the {page.doing}, when a run of scope “{page.scope}” had ended, which is cleaned up and looked at then."
    else:
        yield f"It was in the {page.doing}, in scope “{page.scope}”, in the last step of this schedule:"
        yield from _steps(page)
        yield _where(page)
    stack = [f"    {file}, line {line}, in {function}" for file, line, function in ended.stack if file != sys.argv[0]]
    if stack:
        yield "The code was at (the innermost first):"
        yield from stack
    yield _remedy(ended)


def _how(ended: Ended[Any]) -> str:
    if ended.silent:
        return f"did nothing for {ended.silent:.0f} s and did not answer: it is in code that Python cannot interrupt, and was killed"
    if ended.status >= 0:
        return (
            f"ended with exit code {ended.status} without a word: by something that acidtest cannot take over, such as _exit() called "
            "from C, or a function taken by its name before acidtest was loaded"
        )
    try:
        number = signal.Signals(-ended.status)
    except ValueError:
        return f"was killed by signal {-ended.status}"
    meaning = _MEANINGS.get(number.name, signal.strsignal(number) or "")
    return f"was killed by {number.name}" + (f" ({meaning})" if meaning else "")


def _what_that_means(page: Page) -> str:
    return "that is the adapter's to mend" if page.outside else "inconclusive"


def _when(page: Page) -> str:
    return f", in the {page.doing}, scope “{page.scope}”" if page.scope else ""


def _steps(page: Page) -> Iterator[str]:
    numbered = list(enumerate(page.steps, 1))
    for number, step in numbered[-_MOST:]:
        if number == max(len(numbered) - _MOST, 0) + 1 and number > 1:
            yield f"    … {number - 1} steps before"
        if page.left_out and number == len(numbered):
            yield "    … steps for which there was no room"
        yield f"    {number:>3}  {step}"


def _where(page: Page) -> str:
    """What was running, by the last step."""
    if not page.steps:
        return "That was before its first step."
    last = page.steps[-1]
    head, _, effect = last.removeprefix(_REST).partition(" | ")
    actor = head if last.startswith(_REST) else head.partition(" ")[2].partition(" [")[0]
    begun = next((step for step in reversed(page.steps) if _begins(step, actor)), "")
    method = begun.partition(" | ")[2].removeprefix("begin ")
    when = ", while coming to rest" if last.startswith(_REST) else ""
    if not effect or effect.removeprefix("begin ") == method:
        return f"It was {actor}, in {method or last}{when}."
    return f"It was {actor}, in {method or 'what it does when it starts'}, at “{effect}” or right after it{when}."


def _begins(step: str, actor: str) -> bool:
    head, _, what = step.partition(" | ")
    return actor in head and (what.startswith("begin ") or (head.startswith(_REST) and what.endswith(")")))


def _remedy(ended: Ended[Any]) -> str:
    if ended.silent:
        return f"Let it end, or give it more time by {VARIABLE} (in seconds)."
    return "Mend what ends the interpreter, and check again: the same schedule comes to the same place."


def _write(ended: Ended[Any], reason: str) -> None:
    """Write the results in place of the child."""
    page = ended.page
    if not page.file:
        return
    value = {
        "verdict": "inconclusive", "reasons": [reason.removeprefix("acidtest: ")], "search": page.doing, "scope": page.scope,
        "outside": page.outside, "found": page.found, "stack": [list(frame) for frame in ended.stack],
        "schedule": [step for step in page.steps if step != OVER and not step.startswith(_REST)],
        "resting": [step.removeprefix(_REST) for step in page.steps if step.startswith(_REST)],
    }  # fmt: skip
    with contextlib.suppress(OSError):
        Path(page.file).write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
