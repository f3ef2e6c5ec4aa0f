"""A failure as one value: what was violated, how, since when it was too late, and how to see it again.

Every rendering (text, JSON, a regression test) is made from this value and nothing else.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from acidtest.world.core.raised import Raised

#: The version of the failure file.
FORMAT = 1


@dataclass(frozen=True)
class Row:
    """One step of the schedule.

    Arguments:
        process: whose column it stands in.
        client: the client, where a process has several.
        action: what was done.
        fault: what befell it; empty for nothing.
        changes: what became durable by it.
        events: what clients learned by it.
    """

    process: str
    client: str
    action: str
    fault: str
    changes: tuple[str, ...]
    events: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """A violation with its evidence.

    Arguments:
        pattern: the stem.
        implementation: how to import it ("module:name").
        property_id: of what was violated.
        name: what it says.
        source: where the requirement comes from.
        scope: the scope, as plain values, so that it can be rebuilt.
        search: exhaustive or stateful.
        rows: the schedule.
        processes: the columns.
        at_rest: whether it was violated only when everything had come to rest.
        rest: what became durable while coming to rest.
        difference: (field, what the model allows, what was observed) for every field of the view that differs.
        too_late: the number of the first row after which no continuation was found that keeps the property; None if unknown.
        holds: ids of the properties that the schedule does not violate.
        broken: ids of all properties that it violates.
        schedule: the decisions, one text each.
        bound: what the search was limited to.
        coverage: what was exercised, as plain values.
        capabilities: what the implementation declares.
        versions: of acidtest, Python and the libraries involved.
        backend: the kind of the databases.
        resting: the steps of coming to rest, up to the violation; empty where it was violated before, or only at the end.
        raised: what the code under test has raised, each that is distinct once.
        unexplained: why the first row after which it was too late is not known, where the time ran out.
        adapter: whether what is imported is a subclass of the contract, which makes the implementation.
        excepted: ids of the properties that were left out when it was found.
        beside: the decisions of the run that keeps the property and goes the same way for longest, of those that were found; may be none.
        hash_seed: what strings hashed by when it was found.
    """

    pattern: str
    implementation: str
    property_id: str
    name: str
    source: str
    scope: dict[str, Any]
    search: str
    rows: tuple[Row, ...]
    processes: tuple[str, ...]
    at_rest: bool
    rest: tuple[str, ...]
    difference: tuple[tuple[str, str, str], ...]
    too_late: int | None
    holds: tuple[str, ...]
    broken: tuple[str, ...]
    schedule: tuple[str, ...]
    bound: str
    coverage: dict[str, Any]
    capabilities: tuple[str, ...]
    versions: dict[str, str]
    backend: str = "sqlite"
    resting: tuple[Row, ...] = ()
    raised: tuple[Raised, ...] = ()
    adapter: bool = False
    unexplained: str = ""
    excepted: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    hash_seed: str = ""

    @property
    def cause(self) -> str:
        """What happened, in one sentence."""
        faults = [f"{row.fault} ({row.process}, {row.action})" for row in self.rows if row.fault]
        step = len(self.rows) + len(self.resting)
        when = "when everything has come to rest" if self.at_rest else f"at step {step}" if step else "right after install"
        when += ", while coming to rest," if self.resting else ""
        after = f" after {' and '.join(faults)}" if faults else " without any fault"
        return f"“{self.name}” does not hold {when}{after}."

    def to_json(self) -> dict[str, Any]:
        """As JSON values; the file that `acidtest replay` takes."""
        value = asdict(self)
        named = {"property": value.pop("property_id"), "cause": self.cause, "except": value.pop("excepted")}
        return {"format": FORMAT, "verdict": "fail", **named, **value}
