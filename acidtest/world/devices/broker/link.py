"""How a process reaches the broker by `kombu`: the URL, and what the transport finds the broker of its process by."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from acidtest.errors import UsageError
from acidtest.world.core.locks import genuine
from acidtest.world.core.process import complain, current_process

if TYPE_CHECKING:
    from acidtest.environment import Broker
    from acidtest.world.core.process import Process

SCHEME = "acidtest"
_TRANSPORT = "acidtest.world.devices.broker.transport:Transport"
_ENVIRONMENT = "environment of kombu"


def link(environment: Any, process: Process) -> str:  # noqa: ANN401 - an environment
    """Let `kombu` know the transport, and the transport the broker of a process.

    Returns:
        the URL. It names the process, so that the library's pools, which are shared by URL, share nothing between processes.

    Raises:
        UsageError: kombu is not installed.
    """
    if "kombu" not in sys.modules and find_spec("kombu") is None:
        message = "env.broker_url was asked for, and kombu cannot be imported: it speaks by that. Install acidtest[kombu]."
        complain(UsageError(message))
    with genuine():  # libraries make locks of their own when they are imported
        from kombu.transport import TRANSPORT_ALIASES
    TRANSPORT_ALIASES[SCHEME] = _TRANSPORT
    if _ENVIRONMENT not in process.belongings:
        process.belongings[_ENVIRONMENT] = environment
        _forget_pools(process.name)
    return f"{SCHEME}://{process.name}/"


def _forget_pools(name: str) -> None:
    """Drop what the library's pools keep of an earlier process of that name: its connections died with it."""
    pools = sys.modules.get("kombu.pools")
    for group in [] if pools is None else pools._groups:  # noqa: SLF001 - its own reset would close the connections
        for key in [key for key in group if isinstance(key, list) and key[:2] == [SCHEME, name]]:
            dict.__delitem__(group, key)  # its own looks for the hash of a key


def current_broker() -> Broker:
    """The broker of the process whose code is running.

    Raises:
        UsageError: none is, or it has not asked for `env.broker_url`.
    """
    process = current_process()
    environment = None if process is None else process.belongings.get(_ENVIRONMENT)
    if environment is None:
        message = (
            "The broker of acidtest was used outside of any process that has asked for env.broker_url. A connection is one "
            "process's: ask for the URL in the constructor of the adapter, and connect there or later."
        )
        complain(UsageError(message))
    found: Broker = environment.broker
    return found
