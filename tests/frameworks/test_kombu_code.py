"""Consumers and producers that are written with kombu are checked as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import kombu
import pytest
from amqp.exceptions import MessageNacked
from kombu.exceptions import OperationalError

from acidtest.environment import Delivery
from acidtest.impl.inbox import Consumer, Invalid, Unfit
from acidtest.impl.outbox import Outbox
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

if TYPE_CHECKING:
    from acidtest.environment import Environment, Outcome


class KombuInbox(Consumer):
    """Is pushed messages by kombu, and acknowledges what is committed."""

    capabilities = frozenset({"window", "parks"})

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.url = env.broker_url

    def consume(self) -> None:
        with kombu.Connection(self.url) as connection:
            for topic in sorted(self.topics):
                with connection.Consumer([kombu.Queue(topic)], on_message=self.on_message, prefetch_count=1):
                    self.drain(connection)

    def drain(self, connection: kombu.Connection) -> None:
        try:
            connection.drain_events(timeout=0)
        except TimeoutError:
            return

    def on_message(self, message: kombu.Message) -> None:
        body: Any = message.body  # which kills whoever looks into it before it is told how often it was tried
        told = message.delivery_info
        delivery = Delivery(
            message.properties["message_id"], message.headers["key"], body.decode() if isinstance(body, bytes) else body, told["routing_key"],
            told["redelivered"], 0, message.headers.get("x-delivery-count", 0) + 1, message.properties["timestamp"],
        )  # fmt: skip
        self.settle(message, delivery)

    def settle(self, message: kombu.Message, delivery: Delivery) -> None:
        try:
            self.take(delivery)
        except Unfit:
            message.reject()
        except Invalid:
            message.requeue()
        else:
            message.ack()


class KeepsItsConnection(KombuInbox):
    """Connects once, and again when the connection is lost; or given up after an error, for over it nothing more would come."""

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.connection = kombu.Connection(self.url)

    def consume(self) -> None:
        try:
            for topic in sorted(self.topics):
                with self.connection.Consumer([kombu.Queue(topic)], on_message=self.on_message, prefetch_count=1):
                    self.drain(self.connection)
        except Exception:
            self.connection.release()
            raise


class AcknowledgedFirst(KombuInbox):
    """Acknowledges a message before it is handled, as no_ack does."""

    def settle(self, message: kombu.Message, delivery: Delivery) -> None:
        message.ack()
        self.take(delivery)


class RecordedInAnotherTransaction(KombuInbox):
    """Commits the record of a message after its effect."""

    def take(self, message: Delivery) -> Outcome:
        order = self._read(message)
        with self.engine.begin() as connection:
            known = self._known(connection, message)
            connection.rollback()
        if known is not None:
            return known
        with self.engine.begin() as connection:
            outcome = self._decide(connection, message, order)
        with self.engine.begin() as connection:
            self._known(connection, message)
        return outcome


class KombuOutbox(Outbox):
    """Relays by a producer of kombu that waits for the broker's confirms."""

    options: ClassVar[dict[str, Any]] = {"confirm_publish": True}
    retries: ClassVar[dict[str, Any]] = {}

    def __init__(self, env: Environment) -> None:
        super().__init__(env)
        self.url = env.broker_url

    def _deliver(self, row: Any, token: str) -> None:
        try:
            self._publish(row)
        except (OSError, MessageNacked, OperationalError):
            self._put_back(row, token)
        else:
            self._mark(row, token)

    def _publish(self, row: Any) -> None:
        _, message_id, key, payload, _ = row
        with kombu.Connection(self.url, transport_options=dict(self.options)) as connection:
            connection.Producer().publish(
                payload, routing_key="events", message_id=message_id, headers={"key": key}, content_type="application/json", **self.retries,
            )  # fmt: skip


class RetryingOutbox(KombuOutbox):
    """Lets the library try again, twice."""

    retries: ClassVar[dict[str, Any]] = {"retry": True, "retry_policy": {"max_retries": 2, "interval_start": 0.1}}


class UnconfirmedOutbox(KombuOutbox):
    """Marks what it has published, and never heard whether anybody took it: kombu asks for no confirms by itself."""

    options: ClassVar[dict[str, Any]] = {}


def checked(stem: str, factory: Any, scope: str) -> Any:
    contract = pattern(stem).contract_class()()
    harness = Harness(contract, factory)
    try:
        return check_scope(harness, find_scope(contract, scope))
    finally:
        harness.close()


@pytest.mark.parametrize("factory", [KombuInbox, KeepsItsConnection])
@pytest.mark.parametrize("scope", ["one message", "redelivery in flight", "equal ids", "no funds", "poison", "killer", "forty days"])
def test_a_right_consumer_passes(factory: Any, scope: str) -> None:
    result = checked("inbox", factory, scope)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


@pytest.mark.parametrize(("factory", "properties"), [
    (AcknowledgedFirst, {"IB2", "IB3", "IB6"}), (RecordedInAnotherTransaction, {"IB1", "IB2"}),
])  # fmt: skip
def test_a_wrong_consumer_fails(factory: Any, properties: set[str]) -> None:
    result = checked("inbox", factory, "one message")
    assert result.violation.property in properties


@pytest.mark.parametrize("factory", [KombuOutbox, RetryingOutbox])
@pytest.mark.parametrize("scope", ["one withdrawal", "late relay"])
def test_a_right_producer_passes(factory: Any, scope: str) -> None:
    result = checked("outbox", factory, scope)
    assert (result.violation, result.reasons, result.verdict) == (None, (), Verdict.PASS)


def test_a_producer_that_waits_for_no_confirms_loses_messages() -> None:
    result = checked("outbox", UnconfirmedOutbox, "one withdrawal")
    assert (result.verdict, result.violation.property) == (Verdict.FAIL, "OB7")
