"""The reference of what code is checked against: ports, properties, mutants."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING

from acidtest.patterns import coded
from acidtest.port import Role
from generator.markdown import capital, document, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from acidtest.checker.machine import Property
    from acidtest.impl.broken import Mutant
    from acidtest.patterns import Pattern
    from acidtest.workload import Scope

_PORTS = """\
# Ports, capabilities and scopes

What an implementation of each pattern has to offer, what it may declare, and the small workloads that it is put
through. `acidtest show PATTERN` prints the same.

Money is whole minor units. What stands for a whole number exactly is taken for it: an integer of any library, and a
`Decimal` without a fraction, as drivers make it of NUMERIC columns. A `float` violates G12, also where it is whole, for it
does not stay so; and so does NULL that appears in a run. Anything else is the adapter's mistake, and so is an `install`
after which the accounts are not there for another connection, or not as it was asked for.

`Outcome` is `Outcome.OK` or `Outcome.REJECTED`; an exception that escapes means that the
outcome is unknown, and the client asks again with the same key. Nothing has to be inherited, and other methods do no
harm. Methods may be `async def`: then `cancelled` and `cancelled after` are among the faults wherever `crash` is
([how to](../how-to/check-async-code.md))."""

_PROPERTIES = """\
# Properties

What must hold, per pattern, with the id under which a failure names it.

| kind | checked |
| --- | --- |
| always | on every view: whenever something became durable, or a client learned something |
| step | on every two successive views |
| at_rest | when faults are over and everything has recovered and drained |
| sometimes | must be reached by some schedule of the scope, where the model can reach it; otherwise the verdict is inconclusive |

A *view* is what an outsider can see: balances, messages on the broker, what clients were told. The predicates of the
kinds `always` and `step` are checked on the abstract models as well, and proved there: see
the page of each pattern, for example [transactional outbox](../patterns/outbox.md).

Two ids belong to the search itself and exist for every pattern:

- **G9** (at_rest), everything that was started ends: a schedule, a call or the coming to rest takes more steps than any
  correct implementation needs, a process does not start, or a client gets no answer even in the end.
- **MODEL** (always), the model allows what is observed: no state of the abstract model explains what was seen, and no
  property above says why.

"PATTERNS n" in the column *source* is section n of the [catalogue of requirements](catalogue.md) that the contracts were written
from."""

_MUTANTS = """\
# Mutants and naive versions

acidtest is tested with implementations that are wrong on purpose. `acidtest verify` checks that each is found.

- A *mutant* is the reference implementation with one plausible bug. It must be found through one of the properties that
  it is listed with.
- A *naive version* is an example from a widely read kind of overview, translated faithfully, bugs included. Each of its
  defects must show in the scope that it is listed with.
- Bugs and defects that cannot show here are listed with the reason."""


def ports() -> str:
    """What an implementation has to offer."""
    return _page(_PORTS, _ports)


def properties() -> str:
    """What must hold of it."""
    return _page(_PROPERTIES, _properties)


def mutants() -> str:
    """The bugs that are known to be found."""
    return _page(_MUTANTS, _mutants)


def _page(head: str, body: Callable[[Pattern], Iterator[str]]) -> str:
    """A page: its head, and a section per pattern that code can be checked against."""
    lines = head.splitlines()
    for entry in coded():
        named = f"Pattern `{entry.stem}`" + (f", a part of `{entry.of}`." if entry.of else ".")
        lines += ["", f"## {capital(entry.title)}", "", named, "", *body(entry)]
    return document(lines)


def _ports(entry: Pattern) -> Iterator[str]:
    contract = entry.contract_class()
    port = contract.interface()
    yield "```python"
    for number, name in enumerate(port.names()):
        if number:
            yield ""
        yield from _method(name, getattr(contract.port, name))
    yield "```"
    if recovery := port.name(Role.RECOVERY):
        yield from ("", f"`{recovery}()` also runs first in every restarted process.")
    if background := port.names(Role.BACKGROUND):
        yield from ("", f"`{'()` and `'.join(background)}()` also runs again and again while coming to rest.")
    if contract.asks_again:
        yield from ("", "When all is at rest, clients that were told nothing ask again, and must be answered then.")
    if contract.known_capabilities:
        yield from ("", "Capabilities, declared with a class attribute (`capabilities = {…}`):", "")
        yield from table(("capability", "meaning"), [(f"`{name}`", text) for name, text in contract.known_capabilities.items()])
    yield from ("", "Scopes:", "")
    yield from table(("scope", "what it holds", "faults"), [(s.name, s.summary, _budget(s)) for s in contract.scopes])
    slow = [(s.name, s.summary, _budget(s)) for s in contract.slow_scopes]
    if slow:
        yield from ("", "Explored only when asked for by name, as it is slow on a server:", "", *table(("scope", "what it holds", "faults"), slow))
    yield from ("", f"Fault kinds of the stateful search: {', '.join(contract.stateful_kinds)}.")


def _method(name: str, method: Callable[..., object]) -> Iterator[str]:
    """A method with its docstring, as code."""
    signature = re.sub(r"'", "", str(inspect.signature(method)))
    yield f"def {name}{signature}:"
    text = (inspect.getdoc(method) or "").splitlines()
    yield f'    """{text[0]}{"" if text[1:] else chr(34) * 3}'
    yield from (f"    {line}".rstrip() for line in text[1:])
    if text[1:]:
        yield '    """'


def _budget(scope: Scope) -> str:
    if not scope.faults:
        return "none; one order only" if scope.serial else "none"
    more = f"; {scope.recovery_crashes} more crash in recovery" if scope.recovery_crashes else ""
    return f"at most {scope.faults} of {', '.join(sorted(scope.kinds))}{more}"


def _properties(entry: Pattern) -> Iterator[str]:
    found = entry.contract_class().properties
    yield from table(("id", "kind", "property", "source"), [(f"**{p.id}**", p.kind, _name(p), p.source) for p in found])


def _name(p: Property) -> str:
    declared = f" (only if declared: `{p.capability}`)" if p.capability else ""
    waived = f" (not if declared: {', '.join(f'`{name}`' for name in p.waived)})" if p.waived else ""
    return f"{p.name}{declared}{waived}"


def _mutants(entry: Pattern) -> Iterator[str]:
    yield from table(("mutant", "bug", "found through"), [(_where(m), _bug(m.bug), ", ".join(m.violates)) for m in entry.mutants()])
    if entry.impossible_mutants():
        yield from ("", "Cannot exist here:", "")
        yield from table(("bug", "reason"), entry.impossible_mutants().items())
    if entry.defects():
        yield from ("", "The naive version:", "")
        rows = [(d.id, d.what, ", ".join(d.violates), d.scope) for d in entry.defects()]
        yield from table(("defect", "what is wrong", "found through", "scope"), rows)
    if entry.hidden_defects():
        yield from ("", "Cannot show here:", "")
        yield from table(("defect", "reason"), entry.hidden_defects().items())


def _where(mutant: Mutant) -> str:
    """The name of a mutant, with the kind of databases that it takes."""
    return mutant.name if mutant.backend == "sqlite" else f"{mutant.name} (on {mutant.backend})"


def _bug(text: str) -> str:
    """The bug without the ids at its end, which have a column of their own."""
    return re.sub(r" \([^()]*\)\.$", ".", text)
