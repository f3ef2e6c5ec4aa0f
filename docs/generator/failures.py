"""Failures that the site shows: found anew whenever pages are written, so they cannot go stale."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from acidtest.patterns import PATTERNS, parts, pattern
from acidtest.report.page.failure import failure_page
from acidtest.search.check import beginning_with, check_scope, find_scope
from acidtest.search.explain import explain_failure
from acidtest.search.filming import film_of
from acidtest.search.harness import Harness
from generator.evidence import NotProvedError
from generator.picture import picture

if TYPE_CHECKING:
    from acidtest.search.failure import Failure
    from acidtest.search.film import Film
    from acidtest.workload import Scope

ROOT = Path(__file__).parents[2]
#: The program of a page: whose, its file as the page calls it, and the scope that its first check is of.
_PROGRAMS = {"README.md": "test_my_outbox.py", "docs/tutorial/find-the-bug-in-an-outbox.md": "my_outbox.py"}
_SCOPE = "one withdrawal"


def readme_picture() -> str:
    """The failure of the README's program."""
    return picture(*_of_program("README.md"))


def tutorial_page() -> str:
    """The page of the failure of the tutorial's program; versions are not shown, for they differ from reader to reader."""
    failure, film = _of_program("docs/tutorial/find-the-bug-in-an-outbox.md")
    return failure_page(replace(failure, versions={"acidtest": failure.versions["acidtest"]}), film, replay="failure.json")


def pattern_pictures() -> dict[str, str]:
    """The contracts whose pages have a picture of a failure, with the pattern on whose page it is."""
    found = {}
    for stem in PATTERNS:
        for one in (pattern(stem), *parts(pattern(stem))):
            if one.contract:
                found[one.stem] = stem
    return found


def picture_path(stem: str) -> str:
    """Where the picture of a contract's failure is, seen from the folder of the patterns."""
    return f"images/{stem}-failure.svg"


def pattern_picture(stem: str) -> str:
    """A bug that the contract finds."""
    return picture(*of_mutant(stem)[1:])


@cache
def of_mutant(stem: str) -> tuple[str, Failure, Film]:
    """The first of the known bugs of a contract that shows on SQLite: what it is in words, the failure (which says how to import
    it), and its film.

    Raises:
        NotProvedError: it is not found.
    """
    mutants = import_module(f"acidtest.impl.broken.{stem}").MUTANTS
    mutant = next(mutant for mutant in mutants if mutant.backend == "sqlite")
    contract = pattern(stem).contract_class()()
    about = " ".join((mutant.factory.__doc__ or "").split("\n\n", 1)[0].split())
    name = f"{mutant.factory.__module__}:{mutant.factory.__qualname__}"
    found = _found(contract, mutant.factory, beginning_with(contract, mutant.scope), name)
    return re.sub(r"\s*\([^()]*\)\.?$|\s*→.*$", "", about), *found


@cache
def _of_program(page: str) -> tuple[Failure, Film]:
    file = _PROGRAMS[page]
    text = (ROOT / page).read_text(encoding="utf-8")
    block = re.search(rf"<!-- file: {re.escape(file)} -->\n\n```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if block is None:
        message = f"{page} has no {file}, of whose failure a picture is to be made."
        raise NotProvedError(message)
    module = ModuleType(file.removesuffix(".py"))
    exec(compile(block[1], file, "exec"), vars(module))  # noqa: S102 - it is ours
    contract = pattern("outbox").contract_class()()
    return _found(contract, module.MyOutbox, (find_scope(contract, _SCOPE),), f"{module.__name__}:MyOutbox")


def _found(contract: Any, factory: Any, scopes: tuple[Scope, ...], name: str) -> tuple[Failure, Film]:
    harness = Harness(contract, factory)
    try:
        for scope in scopes:
            result = check_scope(harness, scope)
            if result.violation is not None:
                failure = explain_failure(harness, result, name, seconds=60.0)
                return failure, film_of(harness, result.scope, result.schedule, failure.beside)
    finally:
        harness.close()
    message = f"{name} does not fail any more, and a page shows its failure. Show another one."
    raise NotProvedError(message)
