"""Capabilities of a contract of one's own: `known_capabilities` says which an implementation may declare, invariants ask for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from acidtest.errors import ContractError, UsageError
from acidtest.properties.own.scopes import KINDS

if TYPE_CHECKING:
    from acidtest.properties.own.invariants import Invariant


def check_capabilities(contract: Any, invariants: Iterable[Invariant]) -> None:
    """Whether everything that asks for a capability asks for one that there is, and the other way round.

    Arguments:
        contract: the class that declares them.
        invariants: what must hold.

    Raises:
        ContractError: the capabilities are no names with meanings, or nothing asks for one of them.
        UsageError: something asks for one that there is not.
    """
    known, name, asked = contract.known_capabilities, contract.__name__, list(invariants)
    if not isinstance(known, Mapping) or not all(isinstance(meaning, str) and meaning for meaning in known.values()):
        message = (
            f"{name}.known_capabilities is {known!r}. It says of each capability what whoever declares it promises: "
            '{"ordered": "messages of one seat come in order"}.'
        )
        raise ContractError(message)
    for kind in contract.promised:
        if kind not in KINDS:
            what = f"fault kind, in {name}.promised"
            raise UsageError.unknown(what, kind, KINDS)
    wanted = {**{f"invariant {one.name}": one.capability for one in asked}, **{f"promised[{kind!r}]": c for kind, c in contract.promised.items()}}
    for where, capability in wanted.items():
        if capability and capability not in known:
            what = f"capability in {name}.known_capabilities, as {where} asks for,"
            raise UsageError.unknown(what, capability, known)
    idle = [capability for capability in known if capability not in wanted.values()]
    if idle:
        message = (
            f"{name}.known_capabilities has {idle[0]!r}, and nothing is asked of whoever declares it. Write "
            f"@always(capability={idle[0]!r}) at an invariant, or leave it out."
        )
        raise ContractError(message)
