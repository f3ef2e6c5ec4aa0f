"""`acidtest witness`: what cannot hold where a scope lifts an assumption, shown by schedules of an implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.patterns import coded
from acidtest.report.columns import render_story
from acidtest.search.harness import Harness
from acidtest.search.witness import witnesses
from acidtest.world.databases.table import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.properties.shared.contract import Contract


def tell_witnesses(
    contract: Contract, factory: Callable[[Any], Any], implementation: str, echo: Callable[[str], Any], backend: str = DEFAULT
) -> int:
    """Print a witness for each thing that cannot hold, of each scope in which there is one; how many there are.

    Arguments:
        contract: the pattern's contract.
        factory: makes the implementation from an environment.
        implementation: how to import it.
        echo: prints a line.
        backend: the kind of its databases.

    Raises:
        UsageError: no scope of the contract lifts an assumption; lists the patterns of which one does.
    """
    lifted = [scope for scope in contract.scopes if scope.lifted]
    if not lifted:
        known = [entry.stem for entry in coded() if entry.contract_class().witnesses]
        what = "pattern with scopes that lift an assumption named"
        raise UsageError.unknown(what, contract.pattern, known)
    harness = Harness(contract, factory, backend)
    count = 0
    try:
        for scope in lifted:
            found = list(witnesses(harness, scope, implementation))
            count += len(found)
            echo(f"\nscope “{scope.name}”, without the assumption of {' and '.join(scope.lifted)}: {_told(len(found))}")
            for one in found:
                echo("\n" + render_story(one).replace("FAIL  ", "WITNESS  ", 1))
    finally:
        harness.close()
    return count


def _told(count: int) -> str:
    return "no schedule shows what cannot hold" if not count else f"{count} witness{'es' * (count > 1)}, which no implementation can help"
