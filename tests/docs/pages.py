"""Code that stands on the pages of the documentation: taken off a page, and run as a reader would run it."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

from acidtest.search.check import check_scope
from acidtest.search.harness import Harness

if TYPE_CHECKING:
    import pytest

    from acidtest.search.verdict import Verdict

ROOT = Path(__file__).parents[2]


def blocks(page: Path, language: str) -> list[str]:
    """The blocks of code in one language on a page, in their order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def how_to(name: str) -> Path:
    """The page that tells how to do something."""
    return ROOT / "docs/how-to" / f"{name}.md"


def adapter_of(monkeypatch: pytest.MonkeyPatch, module: str, code: str, adapter: str) -> type[Any]:
    """The class in `adapter`, which imports `code` under the name of a module, as the page says."""
    own, test = types.ModuleType(module), types.ModuleType(f"test_{module}")
    monkeypatch.setitem(sys.modules, module, own)
    exec(code, own.__dict__)  # noqa: S102 - the page's own code
    exec(adapter, test.__dict__)  # noqa: S102
    (found,) = [value for name, value in vars(test).items() if name.endswith("Adapter")]
    return found


def verdict_of(contract: Any, adapter: type[Any], scope: Any) -> Verdict:
    """What the exhaustive search says of a class in one scope."""
    harness = Harness(contract, adapter)
    try:
        return check_scope(harness, scope).verdict
    finally:
        harness.close()


def length(adapter: str) -> int:
    """How many lines an adapter has, without blank ones."""
    return len([line for line in adapter.splitlines() if line])
