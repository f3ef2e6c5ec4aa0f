"""What teams and libraries promise less of than the contracts ask for: policies, which an implementation declares like capabilities.

A policy waives properties and puts in their place what is still owed. It is printed with every verdict, for who declares it is
judged by less. The three here are about keys, and every contract of keyed requests knows them that follows `models.shared.ledger`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from acidtest.checker.machine import Kind, Property
from acidtest.models.shared.ledger import FORGETS_REJECTIONS, IGNORES_PAYLOAD, REJECTS_ON_ERROR
from acidtest.properties.shared.predicates import G4, G7, REASONED, REMEMBERED, SOURCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

#: The policies about keys, with their meaning.
OF_KEYS = {
    FORGETS_REJECTIONS: (
        "a key that was refused for want of funds is as if it had never come: it may be accepted when it comes again, also for something "
        "else; what is rejected has not been done so far"
    ),
    IGNORES_PAYLOAD: "a key that comes again is answered as the first time, whatever is asked for under it, and has no further effect",
    REJECTS_ON_ERROR: "what an error, or others, kept from being done may be rejected, for good and without any effect, although it could be paid",
}


def done_under_key(view: Any) -> bool:  # noqa: ANN401 - any view with the fields `calls` and `accepted`; likewise below
    """Ok was told of keys of which something took effect."""
    keys = {call.request.name: call.request.key for call in view.calls}
    done = {keys[name] for name in view.accepted if name in keys}
    return all(call.request.key in done for call in view.calls if call.status == "ok")


def _first(view: Any) -> dict[Any, str]:  # noqa: ANN401
    """The name by which each request goes that is among those that took effect."""
    return {call.request.ask: call.request.name for call in reversed(view.calls)}


def done(view: Any) -> bool:  # noqa: ANN401
    """Ok was told of what took effect."""
    first, accepted = _first(view), set(view.accepted)
    return all(first[call.request.ask] in accepted for call in view.calls if call.status == "ok")


def never_done(view: Any) -> bool:  # noqa: ANN401
    """Rejected was told of what did not take effect."""
    first, accepted = _first(view), set(view.accepted)
    return all(first[call.request.ask] not in accepted for call in view.calls if call.status == "rejected")


def not_done_so_far(before: Any, after: Any) -> bool:  # noqa: ANN401
    """Whoever was told rejected just now, and had nothing beside, asked for what had not taken effect."""
    first, accepted = _first(after), set(after.accepted)
    return not any(
        then.status != now.status == "rejected" and now.alone and first[now.request.ask] in accepted
        for then, now in zip(before.calls, after.calls, strict=True)
    )


def one_payload(view: Any) -> bool:  # noqa: ANN401
    """Of requests that share a key at most one was told ok."""
    told = {(call.request.key, call.request.ask) for call in view.calls if call.status == "ok"}
    return len(told) == len({key for key, _ in told})


def told_alike(view: Any) -> bool:  # noqa: ANN401
    """Equal requests were told the same."""
    told = {(call.request.ask, call.status) for call in view.calls if call.status in ("ok", "rejected")}
    return len(told) == len({ask for ask, _ in told})


#: What is left of G4 and G7 where a policy waives them.
INSTEAD = (
    Property("G4", "ok means done", Kind.ALWAYS, done, SOURCE, FORGETS_REJECTIONS, (IGNORES_PAYLOAD,)),
    Property("G4", "rejected means not done so far", Kind.STEP, not_done_so_far, SOURCE, FORGETS_REJECTIONS),
    Property("G4", "ok means that something was done under the key", Kind.ALWAYS, done_under_key, SOURCE, IGNORES_PAYLOAD),
    Property("G4", "rejected means never done", Kind.ALWAYS, never_done, SOURCE, IGNORES_PAYLOAD, (FORGETS_REJECTIONS,)),
    Property("G7", "of requests that share a key one is told ok", Kind.ALWAYS, one_payload, SOURCE, FORGETS_REJECTIONS, (IGNORES_PAYLOAD,)),
    Property("G7", "one key for one thing, one answer", Kind.ALWAYS, told_alike, SOURCE, IGNORES_PAYLOAD, (FORGETS_REJECTIONS,)),
)  # fmt: skip


def waived(property: Property, *policies: str) -> Property:  # noqa: A002 - that is what it is
    """The property, which is not asked of who declares one of `policies`."""
    return replace(property, waived=(*property.waived, *policies))


def with_policies(
    properties: Iterable[Property], judged: Callable[[Property], Property] = lambda p: p
) -> tuple[Property, ...]:
    """Properties of keyed requests, with those about keys waived by policies, and after them what takes their place.

    Arguments:
        properties: of a contract, in its order; those that are known by no policy stay as they are.
        judged: how the contract takes what takes their place.
    """
    by_policy = {
        G4.name: (FORGETS_REJECTIONS, IGNORES_PAYLOAD), G7.name: (FORGETS_REJECTIONS, IGNORES_PAYLOAD),
        REMEMBERED.name: (FORGETS_REJECTIONS,), REASONED.name: (REJECTS_ON_ERROR,),
    }  # fmt: skip
    found = [waived(p, *by_policy.get(p.name, ())) if by_policy.get(p.name) else p for p in properties]
    last = max(i for i, p in enumerate(found) if p.waived and p.kind is not Kind.SOMETIMES)
    return (*found[: last + 1], *map(judged, INSTEAD), *found[last + 1 :])
