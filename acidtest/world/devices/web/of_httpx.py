"""`httpx`: its own transports ask what stands at an address, where code under test is running."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import httpx
from sqlalchemy.util import greenlet_spawn

from acidtest.world.devices.web.routes import REFUSALS, TIMEOUTS, answer_of, handler_for, request_of

if TYPE_CHECKING:
    from acidtest.environment import Request

_Sync: Any = httpx.HTTPTransport
_Async: Any = httpx.AsyncHTTPTransport
_handle, _handle_awaited = _Sync.handle_request, _Async.handle_async_request


def install() -> None:
    """Take over both transports; harmless when called again."""
    _Sync.handle_request, _Async.handle_async_request = _sent, _sent_awaited
    _Sync.acidtest_target = _Async.acidtest_target = property(_retries)  # all that a transport has in memory, as far as code can tell


def _sent(self: Any, request: Any) -> Any:
    """HTTPTransport.handle_request."""
    handler = handler_for(str(request.url))
    if handler is None:
        return _handle(self, request)
    asked = _asked(request, request.read())
    for left in reversed(range(1 + _retries(self))):
        try:
            return _response(handler(asked), request)
        except (*REFUSALS, *TIMEOUTS) as error:
            _fail(error, request, left)
    return None


async def _sent_awaited(self: Any, request: Any) -> Any:
    """AsyncHTTPTransport.handle_async_request."""
    handler = handler_for(str(request.url))
    if handler is None:
        return await _handle_awaited(self, request)
    asked = _asked(request, await request.aread())
    for left in reversed(range(1 + _retries(self))):
        try:
            given = handler(asked) if inspect.iscoroutinefunction(handler) else await greenlet_spawn(handler, asked)
            return _response(await given if inspect.isawaitable(given) else given, request)
        except (*REFUSALS, *TIMEOUTS) as error:
            _fail(error, request, left)
    return None


def _asked(request: Any, body: bytes) -> Request:
    return request_of(request.method, str(request.url), dict(request.headers), body)


def _response(given: Any, request: Any) -> Any:
    answer = answer_of(given, str(request.url))
    return httpx.Response(answer.status, headers=answer.headers, content=answer.body, request=request)


def _retries(transport: Any) -> int:
    """How often a transport tries again where nobody answers."""
    return int(getattr(getattr(transport, "_pool", None), "_retries", 0))


def _fail(error: Exception, request: Any, left: int) -> None:
    """Raise what httpx does; nothing where it tries again."""
    if isinstance(error, TIMEOUTS):
        raise httpx.ReadTimeout(str(error), request=request) from error
    if not left:
        raise httpx.ConnectError(str(error), request=request) from error
