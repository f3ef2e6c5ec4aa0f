"""Celery tasks under test, called as a worker calls them: by its own code, from the message to its acknowledgement.

What runs is Celery's request path: strategies, requests, the tracer, retries. What does not is what goes on by itself in a worker: the
event loop and its threads, heartbeats, events, remote control and rate limits. Tasks run as in the pool "prefork": what ends the interpreter ends a child,
and the worker learns that the child was lost; a crash in a schedule is that of the whole worker.
"""

from __future__ import annotations

import logging
import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.world.core.exits import ChildEnded, in_child
from acidtest.world.core.process import current_process

try:
    from billiard.einfo import ExceptionInfo
    from billiard.exceptions import WorkerLostError
    from celery import signals
    from celery.concurrency.base import BasePool
    from celery.worker import state
    from celery.worker.consumer import Consumer
    from kombu import Queue
    from kombu.common import QoS
except ImportError as missing:
    _message = "acidtest.celery needs Celery, which is not installed: pip install 'acidtest[celery]'."
    raise ImportError(_message) from missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from celery import Celery
    from kombu import Connection, Message

    from acidtest.environment import Delivery, Environment

#: The broker of whoever asks: connections are not kept, so that none is shared between processes.
_URL = "acidtest://celery/"
#: A body that is not encoded, as far as kombu goes.
_AS_IT_IS = {"content_type": "application/data", "content_encoding": "binary"}


def use(env: Environment, app: Celery) -> None:
    """Let an app send and receive by the broker of the world. Call it in the constructor of the adapter; `Worker` does so by itself.

    Whatever its settings say of the broker's address and of pools of connections does not hold while its code is checked. All
    other settings do, as `broker_transport_options`, by which confirms are asked for.

    Arguments:
        env: the environment that the adapter is given.
        app: the app.

    Raises:
        UsageError: kombu is not installed, or the app drops duplicates by their results, which nobody keeps here.
    """
    assert env.broker_url  # noqa: S101 - asking for it lets kombu know it
    if app.conf.worker_deduplicate_successful_tasks:
        message = (
            "The Celery app has worker_deduplicate_successful_tasks, by which a worker goes by the results that it has stored. These are "
            "not simulated, so nothing could be said of it. Turn it off for the check."
        )
        raise UsageError(message)
    if app.conf.broker_url != _URL:
        app.conf.update(broker_url=_URL, broker_read_url=_URL, broker_write_url=_URL, broker_pool_limit=None)
        app._pool = app.amqp._producer_pool = None  # noqa: SLF001 - they keep the address that it had
    signals.before_task_publish.connect(_named_by_process)
    for name in ("celery", "kombu"):
        logger = logging.getLogger(name)
        if not logger.handlers:  # else each failure is printed, in thousands of schedules
            logger.addHandler(logging.NullHandler())


def _named_by_process(headers: dict[str, Any], properties: dict[str, Any], **_: Any) -> None:
    """A message says who has sent it by numbers of the real process, which is another one in each run."""
    process = current_process()
    if process is not None:
        headers["origin"] = f"gen@{process.name}"
        properties["reply_to"] = properties.get("reply_to") and process.name


class Worker:
    """A Celery worker for an adapter of a contract, one in each process.

    Arguments:
        env: the environment that the adapter is given.
        app: the app whose tasks it runs.
        calls: for each queue whose messages are not Celery's own, the call of a task that a message is made into, as a function from an
            `acidtest.environment.Delivery` to a signature, for example {"deposits": lambda m: book.s(m.topic, m.id, m.payload)}.
        queues: further queues, of messages that are Celery's own; those in `calls` take such messages as well.
    """

    def __init__(
        self, env: Environment, app: Celery, calls: Mapping[str, Callable[[Delivery], Any]] | None = None, queues: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """Connect the app with the world; nothing is received yet."""
        use(env, app)
        self._app = app
        self._calls = dict(calls or {})
        self._queues = (*self._calls, *queues)

    def poll(self) -> None:
        """Take the next message of each queue, and do with it what a worker does; that is a `consume()`.

        A task with an ETA, as a retry has one, is waited for in virtual time, while its message is not acknowledged.
        """
        self._app.set_current()
        self._app.finalize()
        timer = _Timer()
        with self._app.connection_for_read() as connection:
            consumer = self._consumer(connection, timer)
            for name in self._queues:
                self._receive(connection, consumer.create_task_handler(), name)
                timer.run()
                consumer.perform_pending_operations()

    def _consumer(self, connection: Connection, timer: _Timer) -> Consumer:
        """Celery's consumer, without what a worker starts around it."""
        pool = _Pool(app=self._app)
        controller = SimpleNamespace(state=state, semaphore=None)
        found = _Consumer(
            lambda request: request.execute_using_pool(pool), app=self._app, pool=pool, timer=timer, controller=controller,
            hostname=f"celery@{_name()}", disable_rate_limits=True,
        )  # fmt: skip
        found.connection, found.event_dispatcher = connection, None
        found.qos = QoS(lambda **_: None, 1)
        found.update_strategies()
        return found

    def _receive(self, connection: Connection, handle: Callable[[Message], Any], name: str) -> None:
        queue = Queue(name, no_declare=True)
        with connection.Consumer([queue], on_message=lambda message: handle(self._as_task(message, name)), prefetch_count=1):
            try:
                connection.drain_events(timeout=0)
            except TimeoutError:
                return

    def _as_task(self, message: Message, queue: str) -> Message:
        """The message of a task; another one is made into one."""
        if "task" in message.headers or queue not in self._calls:
            return message
        delivery = message.channel.qos.delivered[message.delivery_tag]
        call = self._calls[queue](delivery)
        message.headers.update(
            lang="py", task=call.task, id=call.options.get("task_id", delivery.id), root_id=delivery.id, parent_id=None, group=None, retries=0,
            eta=None, expires=None, timelimit=[None, None], argsrepr="…", kwargsrepr="…", ignore_result=call.options.get("ignore_result"),
        )  # fmt: skip
        for name, value in _AS_IT_IS.items():
            setattr(message, name, value)
        message.body = [list(call.args), dict(call.kwargs), {"callbacks": None, "errbacks": None, "chain": None, "chord": None}]
        return message


class _Consumer(Consumer):  # type: ignore[misc] # Celery has no types
    """A consumer that connects to nothing by itself."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[misc] # likewise
        """Without steps: whoever made it does what they do."""

        default_steps = ()


class _Timer:
    """The tasks that have to wait. One after the other is run in its time, when the message that brought it has been taken."""

    def __init__(self) -> None:
        """Nothing waits."""
        self._entries: list[tuple[float, Callable[..., Any], tuple[Any, ...]]] = []

    def call_at(self, eta: float, call: Callable[..., Any], arguments: tuple[Any, ...], **_: Any) -> tuple[Any, ...]:  # noqa: ARG002
        """Let a request be run at its ETA; what Celery makes of that counts by a clock that it may have known before it was replaced."""
        self._entries.append((arguments[0].eta.timestamp(), call, arguments))
        return self._entries[-1]

    def run(self) -> None:
        """Call everything in its time."""
        while self._entries:
            entry = min(self._entries, key=lambda entry: entry[0])
            self._entries.remove(entry)
            eta, call, arguments = entry
            if eta > (now := _now()):
                time.sleep(eta - now)
            call(*arguments)


class _Pool(BasePool):  # type: ignore[misc] # Celery has no types
    """A pool that runs a task at once, as a child would that was forked for it."""

    limit = 1

    def on_apply(
        self, target: Callable[..., Any], args: Any, kwargs: Any, *, callback: Callable[..., Any], accept_callback: Callable[..., Any],
        error_callback: Callable[..., Any], **_: Any,
    ) -> None:  # fmt: skip
        """Run a task, and tell the request how it went."""
        accept_callback(os.getpid(), _now())
        try:
            with in_child():
                result = target(*args, **kwargs)
        except ChildEnded as error:
            error_callback(_lost(error))
        except Exception:  # noqa: BLE001 - as a child tells its parent
            error_callback(ExceptionInfo())
        else:
            callback(result)


def _lost(error: ChildEnded) -> ExceptionInfo:
    """What the pool tells of a child that is gone."""
    lost = WorkerLostError(f"Worker exited prematurely: {error}.")
    return ExceptionInfo((WorkerLostError, lost, error.__traceback__))


def _now() -> float:
    """Virtual time, in seconds; Python's clocks tell this module the real one."""
    process = current_process()
    return time.time() if process is None or process.clock is None else process.clock.now()


def _name() -> str:
    process = current_process()
    return "worker" if process is None else process.name
