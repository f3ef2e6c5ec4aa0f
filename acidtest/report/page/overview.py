"""The index of many checks: per contract its scopes with their verdicts, and what was exercised of what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.report.inert import inert_value
from acidtest.report.page.templating import rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Checked(NamedTuple):
    """One search of one scope of a contract.

    Arguments:
        contract: the class that was tested, or how to import the implementation.
        pattern: the stem.
        result: as `acidtest.report.table.result_json` gives it.
        property: the id of what is violated; empty for nothing.
        page: where the page of the failure is, seen from the index; empty where there is none.
    """

    contract: str
    pattern: str
    result: Mapping[str, Any]
    property: str = ""
    page: str = ""


class _Row(NamedTuple):
    checked: Checked
    kind: str
    faults: list[tuple[str, int]]
    missing: list[str]


def overview_page(checked: Iterable[Checked], version: str) -> str:
    """All checks on one page, which asks nobody for anything.

    Arguments:
        checked: the searches, in the order in which they are to stand.
        version: of acidtest.
    """
    contracts: dict[tuple[str, str], list[_Row]] = {}
    for one in checked:
        row = _row(Checked(*inert_value(tuple(one))))
        contracts.setdefault((row.checked.contract, row.checked.pattern), []).append(row)
    verdicts = [row.kind for rows in contracts.values() for row in rows]
    counts = {kind: verdicts.count(kind) for kind in ("pass", "fail", "inconclusive")}
    counts["except"] = sum(row.kind == "pass" and row.checked.result["verdict"] != "pass" for rows in contracts.values() for row in rows)
    return rendered("overview.html", contracts=list(contracts.items()), counts=counts, version=version)


def _row(checked: Checked) -> _Row:
    coverage = checked.result["coverage"]
    fired = coverage["faults"]
    faults = [(kind, fired.get(kind, 0)) for kind in sorted({*coverage["fault_kinds"], *fired})]
    kind = str(checked.result["verdict"]).partition(" ")[0]
    return _Row(checked, kind, faults, [kind for kind, count in faults if not count])
