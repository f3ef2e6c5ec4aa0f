"""Messages as they are published: ids, keys and payloads as text."""

from __future__ import annotations

import json
from typing import Any

from acidtest.errors import ContractError
from acidtest.outside import Message
from acidtest.world.core import exits


class Deadly(str):
    """A payload that kills whoever looks into it, as one does that makes a parser crash or run out of memory.

    It can be passed on as it is. What text is asked before it is parsed, by Python or by the standard library, is its end.
    """

    __slots__ = ()

    def _kill(self, *_: Any, **__: Any) -> Any:
        exits.end("the payload of a message")

    startswith = endswith = encode = split = partition = find = index = strip = __contains__ = __getitem__ = __iter__ = _kill


def message_of(id: object, key: object, payload: object, topic: str, headers: str = "") -> Message:  # noqa: A002 - as `publish` calls it
    """A message as it lies on the broker.

    Raises:
        ContractError: it has no id, or no key.
    """
    return Message(_name("id", id), _name("key", key), encode(payload), topic, headers)


def _name(what: str, value: object) -> str:
    """Ids and keys are compared as text; None is a mistake worth a clear word."""
    if value is None or value == "":
        message = (
            f"A message was published with the {what} {value!r}. Without it a consumer can neither drop duplicates nor "
            f"keep order, so the contract cannot be checked. Publish it with a {what}."
        )
        raise ContractError(message)
    return value if type(value) is str else str(value)


def encode(payload: object) -> str:
    """A payload as text: as it is, or as JSON, so that copies can be compared byte for byte."""
    if isinstance(payload, str):
        return payload
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload).decode("utf-8", "backslashreplace")
    try:
        return json.dumps(payload, default=str)
    except (TypeError, ValueError):
        return repr(payload)
