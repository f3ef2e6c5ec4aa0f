"""A pattern in words: port, properties, scopes, fault kinds, capabilities."""

from __future__ import annotations

import inspect
import textwrap
from typing import TYPE_CHECKING

from acidtest.patterns import parts
from acidtest.port import Role

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.patterns import Pattern


def describe_pattern(entry: Pattern) -> Iterator[str]:
    """The lines that `acidtest show` prints."""
    yield f"{entry.stem}: {entry.title}"
    yield ""
    if entry.is_own:
        yield from _contract_lines(entry)
        return
    yield from textwrap.wrap(entry.theory().promise, 100)
    yield ""
    if entry.contract:
        yield from _contract_lines(entry)
    for part in parts(entry):
        yield f"{part.title}: see acidtest show {part.stem}."
    if not entry.contract and not parts(entry):
        yield "There is no contract yet that code could be checked against."
    yield ""
    yield f"Models (acidtest model {entry.of or entry.stem} checks them, and shows what cannot be had):"
    for study in entry.theory().studies:
        yield f"  {study.name}: {', '.join(dict.fromkeys(p.id for p in study.properties))}"
        for switch in study.switches:
            yield f"      {switch.name} ({'on' if switch.default else 'off'}): {switch.meaning}"


def _contract_lines(entry: Pattern) -> Iterator[str]:
    contract = entry.contract_class()
    yield "Port (the methods that an implementation needs; the factory is called with env):"
    port = contract.interface()
    for name in port.names():
        method = getattr(contract.port, name)
        signature = str(inspect.signature(method)).replace("(self, ", "(").replace("(self)", "()").replace("'", "")
        yield f"  {name}{signature}"
        yield f"      {inspect.getdoc(method)}".replace("\n", "\n      ")
    if recovery := port.name(Role.RECOVERY):
        yield f"  {recovery}() runs first in every restarted process."
    yield ""
    yield "Properties:"
    for p in contract.properties:
        capability = f" (if declared: {p.capability})" if p.capability else ""
        waived = f" (not if declared: {', '.join(p.waived)})" if p.waived else ""
        yield f"  {p.id:<9} {p.kind:<9} {p.name}{capability}{waived}"
    yield "  G9        at_rest   everything that was started ends (checked by the search itself)"
    yield "  MODEL     always    the model allows what is observed (refinement)"
    for p in contract.somewhere:
        yield f"  {'':<9} sometimes {p.name}"
    yield ""
    if contract.known_capabilities:
        yield "Capabilities (declare with a class attribute, for example capabilities = {…}):"
        for name, meaning in contract.known_capabilities.items():
            yield f"  {name:<9} {meaning}"
        yield ""
    yield "Scopes (each is explored completely):"
    for scope in (*contract.scopes, *contract.slow_scopes):
        kinds = f"; faults: at most {scope.faults} of {', '.join(sorted(scope.kinds))}" if scope.faults else "; no faults"
        slow = " (only when asked for by name)" if scope in contract.slow_scopes else ""
        yield f"  {scope.name}: {scope.summary}{kinds}{slow}"
    yield ""
    yield f"Fault kinds of the stateful search: {', '.join(contract.stateful_kinds)}"
