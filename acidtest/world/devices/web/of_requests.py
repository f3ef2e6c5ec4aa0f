"""`requests`: its own adapter asks what stands at an address, where code under test is running; its retries are urllib3's."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from acidtest.world.devices.web.routes import REFUSALS, TIMEOUTS, answer_of, handler_for, request_of

_Adapter: Any = HTTPAdapter
_send = _Adapter.send


def install() -> None:
    """Take the adapter over; harmless when called again."""
    _Adapter.send = _sent
    _Adapter.acidtest_target = property(lambda self: self.max_retries)  # all that it has in memory, as far as code can tell


def _sent(self: Any, request: Any, *args: Any, **options: Any) -> Any:
    """HTTPAdapter.send."""
    handler = handler_for(request.url)
    if handler is None:
        return _send(self, request, *args, **options)
    retries, asked = self.max_retries, request_of(request.method, request.url, dict(request.headers), _body(request.body))
    while True:
        try:
            answer = answer_of(handler(asked), request.url)
        except (*REFUSALS, *TIMEOUTS) as error:
            retries = _tried_again(retries, request, error)
            continue
        raw = HTTPResponse(BytesIO(answer.body), answer.headers, answer.status, preload_content=False)
        if not retries.is_retry(request.method, answer.status, "retry-after" in raw.headers):
            return self.build_response(request, raw)
        try:
            retries = retries.increment(request.method, request.url, response=raw)
        except HTTPError as over:
            if retries.raise_on_status:
                raise requests.exceptions.RetryError(over, request=request) from over
            return self.build_response(request, raw)
        retries.sleep(raw)


def _tried_again(retries: Any, request: Any, error: Exception) -> Any:
    """What is left of the retries.

    Raises:
        requests.exceptions.ReadTimeout: nobody knows what has happened, and it is not tried again.
        requests.exceptions.ConnectionError: nobody answers, and it is not tried again.
    """
    late = isinstance(error, TIMEOUTS)
    pool: Any = None
    cause = ReadTimeoutError(pool, request.url, str(error)) if late else NewConnectionError(pool, str(error))
    try:
        retries = retries.increment(request.method, request.url, error=cause)
    except HTTPError as over:
        kind = requests.exceptions.ReadTimeout if late else requests.exceptions.ConnectionError
        raise kind(str(error), request=request) from over
    retries.sleep()
    return retries


def _body(body: Any) -> bytes:
    """What is sent, whole."""
    if body is None:
        return b""
    if isinstance(body, str):
        return body.encode()
    return body if isinstance(body, bytes) else b"".join(body)
