"""Addresses of the web. Nothing is kept of them here: what a handler asks of other devices is theirs."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.world.core.device import Device
from acidtest.world.core.locks import genuine
from acidtest.world.devices.web.routes import add

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from acidtest.environment import Request
    from acidtest.world.core.process import Process

#: The libraries that reach them, each with the module that takes it over.
_LIBRARIES = {name: f"acidtest.world.devices.web.of_{name}" for name in ("httpx", "requests")}


class Web(Device):
    """What stands at which address, for each process as its adapter says."""

    name: ClassVar[str] = "web"

    def clients(self, environment: Any, process: Process) -> Mapping[str, Any]:  # noqa: ARG002 - handlers ask the environment
        """`env.route(url, handler)`."""
        take_over()

        def route(url: str, handler: Callable[[Request], Any]) -> None:
            take_over()
            add(process, url, handler)

        return {"route": route}


def take_over() -> None:
    """Take over those of the libraries that are loaded; the others reach nothing but a real network, which is refused."""
    for library, module in _LIBRARIES.items():
        if library in sys.modules and module not in sys.modules:
            with genuine():
                import_module(module).install()
