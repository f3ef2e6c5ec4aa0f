"""What stands at which address, as the adapter says it for its process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn
from urllib.parse import urlsplit

from acidtest.environment import (
    BrokerRefused,
    BrokerTimeout,
    CallRefused,
    CallTimeout,
    ExternalRefused,
    ExternalTimeout,
    Request,
)
from acidtest.errors import ContractError, UsageError
from acidtest.world.core.process import REACHED, complain, current_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acidtest.world.core.process import Process

#: What a handler raises where what it asked was certainly not carried out, and where nobody knows.
REFUSALS = (ExternalRefused, CallRefused, BrokerRefused)
TIMEOUTS = (ExternalTimeout, CallTimeout, BrokerTimeout)
_PORTS = {"http": 80, "https": 443}


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes
    headers: dict[str, str]


def add(process: Process, url: str, handler: Callable[[Request], Any]) -> None:
    """Let a handler answer for an address, in one process.

    Raises:
        UsageError: it is no address.
    """
    if _place(url) is None:
        message = f"env.route({url!r}, …): that is no address. Write https://bank.example, with a path where only that is answered for."
        complain(UsageError(message))
    process.belongings.setdefault(REACHED, {})[url.rstrip("/")] = handler


def handler_for(url: str) -> Callable[[Request], Any] | None:
    """What answers for an address, where code under test asks; None where no code under test does.

    Raises:
        UsageError: nothing stands there.
    """
    process = current_process()
    if process is None:
        return None
    routes: Mapping[str, Callable[[Request], Any]] = process.belongings.get(REACHED, {})
    found = [route for route in routes if _leads(route, url)]
    if not found:
        _unknown(url, routes)
    return routes[max(found, key=len)]


def _unknown(url: str, routes: Mapping[str, Any]) -> NoReturn:
    known = ", ".join(sorted(routes)) or "none"
    message = (
        f"The code under test asks {url}, and nothing stands there: the real one is never asked, for what it did would be part of no "
        f"schedule. Say what answers by env.route(url, handler) in the adapter. Addresses that are known: {known}."
    )
    complain(UsageError(message))


def _leads(route: str, url: str) -> bool:
    at, asked = _place(route), _place(url)
    if at is None or asked is None or at[:3] != asked[:3]:
        return False
    return asked[3] == at[3] or asked[3].startswith(f"{at[3].rstrip('/')}/")


def _place(url: str) -> tuple[str, str, int, str] | None:
    """Scheme, host, port and path of an address."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        return None
    return parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme], parts.path or "/"


def request_of(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Request:
    """A request, as handlers are given it."""
    parts = urlsplit(url)
    return Request(method.upper(), url, parts.path or "/", parts.query, {name.lower(): value for name, value in headers.items()}, body)


def answer_of(given: Any, url: str) -> Answer:
    """What a handler's answer is as one of the web.

    Raises:
        ContractError: it is none.
    """
    status, body, headers = (*given, None, None)[:3] if isinstance(given, tuple) else (given, None, None)
    if type(status) is not int or not 100 <= status <= 599:  # noqa: PLR2004 - as HTTP has them
        message = f"The handler of {url} gave {given!r}. Return a status, or (status, body), or (status, body, headers)."
        complain(ContractError(message))
    sent = {} if body is None or isinstance(body, (str, bytes)) else {"content-type": "application/json"}
    if body is None or isinstance(body, bytes):
        raw = body or b""
    else:
        raw = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return Answer(int(status), raw, {**sent, **(headers or {})})
