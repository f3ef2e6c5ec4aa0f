"""What code under test may use: the environment that it is given, and the values that it exchanges with it.

An adapter is any callable that takes an `Environment` and returns an object with the methods of its pattern's port.
Nothing has to be inherited. `Outcome`, and the errors and values of the broker and of external systems, are all that
such code may need to import.
"""

from acidtest.environment.broker import (
    AsyncBroker,
    Broker,
    BrokerRefused,
    BrokerTimeout,
    BrokerUnreachable,
    Delivery,
)
from acidtest.environment.env import Aio, AsyncClock, Clock, Environment
from acidtest.environment.external import (
    AsyncExternal,
    External,
    ExternalRefused,
    ExternalTimeout,
    Receipt,
    Status,
)
from acidtest.environment.outcome import Conflict, Outcome, UnknownEvent
from acidtest.environment.resource import AsyncResource, HeuristicOutcome, Resource, Xa, XaError, Xid
from acidtest.environment.services import AsyncNetwork, CallRefused, CallTimeout, Network, Reply, Request

__all__ = [
    "Aio",
    "AsyncBroker",
    "AsyncClock",
    "AsyncExternal",
    "AsyncNetwork",
    "AsyncResource",
    "Broker",
    "BrokerRefused",
    "BrokerTimeout",
    "BrokerUnreachable",
    "CallRefused",
    "CallTimeout",
    "Clock",
    "Conflict",
    "Delivery",
    "Environment",
    "External",
    "ExternalRefused",
    "ExternalTimeout",
    "HeuristicOutcome",
    "Network",
    "Outcome",
    "Receipt",
    "Reply",
    "Request",
    "Resource",
    "Status",
    "UnknownEvent",
    "Xa",
    "XaError",
    "Xid",
]
