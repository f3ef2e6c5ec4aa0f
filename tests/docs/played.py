"""A page of the documentation, played as its reader would play it: in an empty folder, block after block.

What a block of code is for stands above it on the page, in a comment that nobody sees:

    <!-- file: bank.py -->                               the whole of a file
    <!-- in bank.py, from "def a" up to "def b" -->      what takes the place of these lines of it
    <!-- file: bank.py of docs/how-to/other.md -->       as another page, or a folder of stand-ins, has it; no block follows
    <!-- printed by: acidtest check … -->                a text whose command stands in prose
    <!-- ends with 0 1 -->                               commands that are to fail: the second of these
    <!-- not played: why -->

Commands are run as they stand. Those of which no output is shown are run in the cheapest scope only. A text must be what the
commands above it print, verbatim but for times: its paragraphs whole and in their order.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import textwrap
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from acidtest.patterns import pattern
from acidtest.report.quick import cheapest

ROOT = Path(__file__).parents[2]

_TOKEN = re.compile(r"^<!-- (?P<comment>[^\n]*) -->$|^```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_BORROWED = re.compile(r"file: (\S+) of (\S+)")
_PART = re.compile(r'in (\S+), from "(.*?)" up to (?:"(.*)"|the end)')
_FEW_EXAMPLES = """from hypothesis import settings
settings.register_profile("few", max_examples=40, derandomize=True)
settings.load_profile("few")
"""
#: What is another on every run.
_VARIES = [(re.compile(r"\b\d+\.\d+ ?s\b"), "0.0 s"), (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "uuid")]


class Block(NamedTuple):
    """A block of code on a page, with what it is for; without text where another page has it."""

    line: int
    what: str
    language: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in their order."""
    source, what, found = page.read_text(encoding="utf-8"), "", []
    for token in _TOKEN.finditer(source):
        line, comment = source[: token.start()].count("\n") + 1, token["comment"]
        if comment is None:
            found.append(Block(line, what, token["language"], token["text"]))
        elif _BORROWED.fullmatch(comment):
            found.append(Block(line, comment, "", ""))
        what = comment if comment is not None and not _BORROWED.fullmatch(comment) else ""
    return found


@dataclass
class Player:
    """Plays pages in a folder, with few examples of the stateful test: how many there are is shown nowhere."""

    folder: Path
    printed: str = ""
    problems: list[str] = field(default_factory=list)

    def play(self, page: Path) -> list[str]:
        """Play a page; what is not as it says."""
        (self.folder / "conftest.py").write_text(_FEW_EXAMPLES, encoding="utf-8")
        blocks = blocks_of(page)
        for block, follows in zip(blocks, [*blocks[1:], None], strict=True):
            shown = follows is not None and follows.language == "text" and not follows.what
            if not block.what.startswith("not played: "):
                self._block(f"{page.name}, line {block.line}", block, shown=shown)
        return self.problems

    def _block(self, where: str, block: Block, *, shown: bool) -> None:
        _, what, language, text = block
        if what.startswith(("file: ", "in ")):
            self._write(where, what, text)
        elif language == "sh":
            self.printed = ""
            codes = map(int, what.removeprefix("ends with ").split()) if what else ()
            for line, code in zip_longest(text.splitlines(), codes, fillvalue=0):
                self._command(where, str(line), int(code), shown=shown)
        elif language == "text" or what.startswith("printed by: "):
            if what:
                self.printed = self._run(what.removeprefix("printed by: "))[1]
            self._compare(where, text)
        else:
            self.problems.append(f"{where}: nobody knows what this block is for; say so above it")

    def _write(self, where: str, what: str, text: str) -> None:
        if borrowed := _BORROWED.fullmatch(what):
            name, other = borrowed.groups()
            text = borrowed_text(name, ROOT / other)
            (self.folder / name).write_text(text, encoding="utf-8")
        elif part := _PART.fullmatch(what):
            file = self.folder / part[1]
            old = file.read_text(encoding="utf-8")
            begin = old.find(part[2])
            end = old.find(part[3], begin) if part[3] else len(old)
            if min(begin, end) < 0:
                self.problems.append(f"{where}: {part[1]} has no such lines")
            file.write_text(old[:begin] + text + "\n" + old[end:], encoding="utf-8")
        else:
            (self.folder / what.removeprefix("file: ")).write_text(text, encoding="utf-8")

    def _command(self, where: str, line: str, wanted: int, *, shown: bool) -> None:
        command = line.split("  #", maxsplit=1)[0].strip()
        code, out = self._run(command if shown else narrowed(command, self.folder))
        self.printed += out
        if code != wanted and not (shown and code in (0, 1)):
            self.problems.append(f"{where}: `{command}` ended with {code}:\n{out[-3000:]}")

    def _run(self, command: str) -> tuple[int, str]:
        own = {name: value for name, value in os.environ.items() if name not in ("CI", "BUILD_NUMBER", "PYTEST_XDIST_WORKER")}
        own["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}"
        done = subprocess.run(shlex.split(command), cwd=self.folder, env=own, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def _compare(self, where: str, text: str) -> None:
        lines, at = list(map(steady, self.printed.splitlines())), 0
        for paragraph in re.split(r"\n\n+", text.strip("\n")):
            shown = list(map(steady, paragraph.splitlines()))
            found = next((i for i in range(at, len(lines)) if is_at(shown, lines, i)), None)
            if found is None:
                self.problems.append(f"{where}: this is not printed:\n{paragraph}\nbut:\n{self.printed}")
                return
            at = found + len(shown)


def is_at(shown: list[str], lines: list[str], at: int) -> bool:
    """Whether these lines are printed there, indented or not; a single one may be a part of a line."""
    printed = textwrap.dedent("\n".join(lines[at : at + len(shown)]))
    return printed == textwrap.dedent("\n".join(shown)) or (len(shown) == 1 and shown[0] in lines[at])


def borrowed_text(name: str, other: Path) -> str:
    """A file as another page has it, or the stand-in of that name."""
    if other.is_dir():
        return (other / name).read_text(encoding="utf-8")
    return next(block.text for block in blocks_of(other) if block.what == f"file: {name}")


def steady(line: str) -> str:
    """A line without what is another on every run."""
    for varying, instead in _VARIES:
        line = varying.sub(instead, line)
    return line.rstrip()


def narrowed(command: str, folder: Path) -> str:
    """A command that is to show only that it works: in the cheapest scope of its pattern, where it names none itself."""
    words = shlex.split(command)
    if words[:2] == ["acidtest", "check"] and "--scope" not in words:
        return shlex.join([*words, "--scope", _scope(words[2]), *([] if "--search" in words else ["--search", "exhaustive"])])
    if words[:1] == ["pytest"] and not any("::" in word for word in words):
        found = re.search(r"from acidtest import .*?\b(\w+)Contract", "\n".join(f.read_text(encoding="utf-8") for f in sorted(folder.glob("test_*.py"))))
        stem = re.sub(r"(?<!^)(?=[A-Z])", "_", found[1]).lower() if found else "outbox"
        some = [word for word in _scope(stem).split() if word not in ("and", "or", "not")]
        return shlex.join([*words, "-n", "0", "-p", "no:cacheprovider", "-k", " and ".join(["every_schedule", *some])])
    return command


def _scope(stem: str) -> str:
    return cheapest(pattern(stem).contract_class().scopes)[-1].name
