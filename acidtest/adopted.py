"""What is put to the test, and what judges it: any factory by the pattern's contract, a subclass of a contract by itself.

A subclass brings its exceptions, scopes and properties along. One that changes what judges it is refused, whoever runs it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import UsageError
from acidtest.properties.own.contract import Contract as OwnContract
from acidtest.properties.shared.contract import Contract
from acidtest.search.check import find_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from acidtest.patterns import Pattern

#: What a subclass may define of what its contract has.
ADOPTERS = {"implementation", "stateful_settings", "exceptions", "_abc_impl"}


class Adopted(NamedTuple):
    """An implementation and its contract.

    Arguments:
        contract: what judges it.
        factory: makes the implementation from an environment.
        implementation: how to import the factory, or the subclass of the contract that has it ("module:name").
        exceptions: ids of the properties that are left out, each with the reason; an empty one where none was given.
    """

    contract: Contract
    factory: Callable[[Any], Any]
    implementation: str
    exceptions: dict[str, str]


def adopt(
    entry: Pattern, given: Any, implementation: str = "", without: Iterable[str] = (), standard: type[Contract] | None = None  # noqa: ANN401
) -> Adopted:
    """What judges `given`, and how it is made.

    Arguments:
        entry: the pattern.
        given: makes the implementation from an environment; or a subclass of the pattern's contract, as pytest runs it.
        implementation: how to import it; empty to ask it itself.
        without: ids of properties that are left out beside those that the subclass names.
        standard: the contract of the pattern, where it is at hand; None to look it up.

    Raises:
        UsageError: the pattern has no contract, the subclass is of another one or changes what judges it, or there is no
            such property.
    """
    standard = standard or entry.contract_class()
    own = exceptions_of(standard) if issubclass(standard, OwnContract) else {}
    contract, factory = standard(), given
    if isinstance(given, type) and issubclass(given, Contract):
        _refuse_strangers(given, standard, entry.stem)
        contract, own, implementation = given(), exceptions_of(given), importable(given)
        factory = contract.implementation
    exceptions = {**dict.fromkeys(without, ""), **own}
    find_properties(contract, exceptions)
    return Adopted(contract, factory, implementation or importable(given), exceptions)


def _refuse_strangers(contract: type[Contract], standard: type[Contract], stem: str) -> None:
    if not issubclass(contract, standard):
        message = (
            f"{contract.__name__} is a contract of {contract.pattern or 'no pattern'}, and says nothing about {stem}. "
            f"Name that pattern, or a subclass of {standard.__name__}."
        )
        raise UsageError(message)
    reason = tampering(contract) if contract is not standard or issubclass(contract, OwnContract) else ""
    if reason:
        raise UsageError(reason)


def tampering(contract: type[Contract]) -> str:
    """Why a subclass cannot be trusted: it changes what judges it. Empty if it can."""
    if issubclass(contract, OwnContract):
        return _unexplained(contract)  # it judges by what its own author says
    base = next(b for b in contract.__mro__[1:] if b.__module__.startswith("acidtest."))
    for cls in contract.__mro__[: contract.__mro__.index(base)]:
        for name in vars(cls):
            if name in ("properties", "scopes"):
                reason = _shrunk(contract, base, name)
            elif name not in ADOPTERS and not name.startswith("__") and hasattr(base, name):
                reason = (
                    f"{contract.__name__} overrides {name!r} of {base.__name__}. A contract that is changed by the "
                    "implementation under test says nothing about it. Define implementation(self, env) only; "
                    "properties and scopes may be added."
                )
            else:
                continue
            if reason:
                return reason
    return _unexplained(contract)


def exceptions_of(contract: type[Contract]) -> dict[str, str]:
    """The properties that a subclass of a contract leaves out, each with the reason."""
    return dict(getattr(contract, "exceptions", {}))


def _unexplained(contract: type[Contract]) -> str:
    """Why a subclass's exceptions will not do: they name no property, or give no reason."""
    exceptions = getattr(contract, "exceptions", {})
    told = isinstance(exceptions, dict) and all(isinstance(why, str) and why.strip() for why in exceptions.values())
    if not told:
        return (
            f"{contract.__name__}.exceptions is {exceptions!r}. What is left out is told with every verdict, so it needs a "
            'reason. Write exceptions = {"OB5": "consumers deduplicate"}.'
        )
    try:
        find_properties(contract, exceptions)
    except UsageError as error:
        return f"{contract.__name__}.exceptions: {error}"
    return ""


def _shrunk(contract: type[Contract], base: type, name: str) -> str:
    """Why a subclass's own properties or scopes will not do: standard ones are missing or changed."""
    key = "id" if name == "properties" else "name"
    kept = tuple(getattr(contract, name))
    changed = [getattr(value, key) for value in getattr(base, name) if value not in kept]
    if not changed:
        return ""
    return (
        f"{contract.__name__} deletes or changes the standard {name} {', '.join(changed)}. A verdict without them would "
        f"not be one on the pattern. Write {name} = {base.__name__}.{name} + (…) to add your own."
    )


def importable(factory: object) -> str:
    """How to import a factory: "module:name"."""
    target = factory if hasattr(factory, "__qualname__") else type(factory)
    return f"{getattr(target, '__module__', '?')}:{getattr(target, '__qualname__', '?')}"
