"""What services under test tell each other: by calls, by messages over a network, by addresses."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping


class CallRefused(Exception):  # noqa: N818 - as for the broker
    """The service could not be reached, or answered with an error: what was asked was not carried out by this call."""


class CallTimeout(Exception):  # noqa: N818 - as for the broker
    """No answer came: what was asked may have been carried out, or not, or may be carried out later."""


class Reply(NamedTuple):
    """An answer of a service that comes by itself: late, or once more.

    Arguments:
        service: who answers.
        method: what it was asked to do.
        arguments: with which arguments.
        answer: what it says.
    """

    service: str
    method: str
    arguments: tuple[Any, ...]
    answer: Any


class Network(Protocol):
    """The network between services under test: messages, and nobody is told what becomes of them."""

    def send(self, site: str, message: Any) -> None:  # noqa: ANN401 - whatever services tell each other
        """Send a message; it arrives some time, as a call `on_message(sender, message)`, unless `site` is down by then.

        Arguments:
            site: to which service, for example "east".
            message: text, a number, or a tuple of these.
        """


class AsyncNetwork(Protocol):
    """The network for coroutines: what `Network` does, awaited."""

    async def send(self, site: str, message: Any) -> None:  # noqa: ANN401 - whatever services tell each other
        """Send a message; as `Network.send`."""


class Request(NamedTuple):
    """What code asks of an address, as the handler that answers for it is given it.

    Arguments:
        method: in capitals, as "POST".
        url: the whole address.
        path: of it, the path.
        query: of it, what follows the question mark.
        headers: by name, in small letters.
        body: as it was sent.
    """

    method: str
    url: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # noqa: ANN401 - whatever was sent
        """What the body says."""
        return json.loads(self.body)
