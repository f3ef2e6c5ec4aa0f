"""Addresses: what `httpx` and `requests` are told by what an adapter says stands there, with every ambiguous reply as they have it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests
from requests.adapters import HTTPAdapter
from small_world import Small
from urllib3 import Retry

from acidtest.environment import Request
from acidtest.errors import ContractError, UsageError
from acidtest.world.core.effects import LATE, LOST, REFUSED, TWICE, UNACKNOWLEDGED

if TYPE_CHECKING:
    from acidtest.world.core.cluster import Cluster

URL = "https://bank.example/payments"


def bank(env: Any) -> Any:
    def answer(request: Request) -> Any:
        if request.method == "GET":
            return 200, {"status": env.external("bank").inquire(request.query.removeprefix("key=")).status}
        receipt = env.external("bank").perform(request.headers["idempotency-key"], request.json()["amount"])
        return 201, {"paid": receipt.amount}, {"X-Key": receipt.key}

    return answer


def told(call: Any) -> str:
    try:
        response = call()
    except Exception as error:  # noqa: BLE001 - whatever each raises
        return type(error).__name__
    return f"{response.status_code} {response.json()} {response.headers['x-key']} {response.headers['Content-Type']}"


def by_httpx(env: Any) -> str:
    env.route("https://bank.example", bank(env))
    return told(lambda: httpx.post(URL, json={"amount": 5}, headers={"Idempotency-Key": "k1"}))


def by_requests(env: Any) -> str:
    env.route("https://bank.example", bank(env))
    return told(lambda: requests.post(URL, json={"amount": 5}, headers={"Idempotency-Key": "k1"}, timeout=3))


async def by_httpx_awaited(env: Any) -> str:
    env.route("https://bank.example", bank(env))
    async with httpx.AsyncClient(base_url="https://bank.example") as client:
        try:
            response = await client.post("/payments", json={"amount": 5}, headers={"Idempotency-Key": "k1"})
        except httpx.HTTPError as error:
            return type(error).__name__
    return told(lambda: response)


WAYS = {"httpx": by_httpx, "requests": by_requests, "awaited": by_httpx_awaited}
ANSWERED = "201 {'paid': 5} k1 application/json"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("fault", "answer", "paid"), [
    ("", ANSWERED, (5,)), (TWICE, ANSWERED, (5,)), (REFUSED, "ConnectError", None), (LOST, "ReadTimeout", None),
    (UNACKNOWLEDGED, "ReadTimeout", (5,)), (LATE, "ReadTimeout", ()),
])  # fmt: skip
def test_every_reply_comes_as_the_library_has_it(cluster: Cluster, way: str, fault: str, answer: str, paid: Any) -> None:
    code = WAYS[way]
    world = Small(cluster, code)
    assert world.begin(code.__name__) == "bank: perform k1"
    world.step(code.__name__, fault)
    expected = "ConnectionError" if (way, answer) == ("requests", "ConnectError") else answer
    assert world.answers[code.__name__] == expected
    orders = {order.key: order.paid for order in world.devices["externals"].seen()}
    assert orders.get("k1") == paid
    world.close()


def test_what_a_library_tries_again_by_itself_it_tries_again(cluster: Cluster) -> None:
    def pay(env: Any) -> str:
        env.route("https://bank.example", bank(env))
        with requests.Session() as session:
            session.mount("https://", HTTPAdapter(max_retries=Retry(1, backoff_factor=1)))
            return told(lambda: session.post(URL, json={"amount": 5}, headers={"Idempotency-Key": "k1"}))

    def pay_too(env: Any) -> str:
        env.route("https://bank.example", bank(env))
        with httpx.Client(transport=httpx.HTTPTransport(retries=1)) as client:
            return told(lambda: client.post(URL, json={"amount": 5}, headers={"Idempotency-Key": "k2"}))

    world = Small(cluster, pay, pay_too)
    world.begin("pay"), world.step("pay", REFUSED)
    world.begin("pay_too"), world.step("pay_too", REFUSED)
    assert (world.finish("pay"), world.finish("pay_too")) == (ANSWERED, ANSWERED.replace("k1", "k2"))
    world.close()


def test_an_address_where_nothing_stands_is_refused_with_those_that_are_known(cluster: Cluster) -> None:
    def pay(env: Any) -> str:
        env.route("https://bank.example/v1", bank(env))
        return told(lambda: httpx.get("https://bank.example/v2"))

    world = Small(cluster, pay)
    with pytest.raises(UsageError, match=r"bank\.example/v2, and nothing stands there.*env\.route.*known: https://bank\.example/v1\."):
        world.begin("pay")
    world.close()


def test_an_answer_that_is_none_is_the_adapters_mistake(cluster: Cluster) -> None:
    def ask(env: Any) -> Any:
        env.route("http://here", lambda _: "fine")
        return httpx.get("http://here")

    world = Small(cluster, ask)
    with pytest.raises(ContractError, match="Return a status"):
        world.begin("ask")
    world.close()
