"""The devices of every world, in one table. A new device is a module, or a folder, and a row here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.world.devices.answers import Answers
from acidtest.world.devices.broker.device import SimulatedBroker
from acidtest.world.devices.cache.device import Cache
from acidtest.world.devices.clock import Clock
from acidtest.world.devices.externals.device import Externals
from acidtest.world.devices.network.device import Network
from acidtest.world.devices.resource.device import Resources
from acidtest.world.devices.services.device import Services
from acidtest.world.devices.shared.device import Shared
from acidtest.world.devices.subscriber import Subscriber
from acidtest.world.devices.turns import Turns
from acidtest.world.devices.web.device import Web

if TYPE_CHECKING:
    from acidtest.world.core.device import Device

DEVICES: tuple[type[Device], ...] = (
    Externals,
    Services,
    SimulatedBroker,
    Network,
    Subscriber,
    Cache,
    Resources,
    Shared,
    Web,
    Answers,
    Turns,
    Clock,
)
