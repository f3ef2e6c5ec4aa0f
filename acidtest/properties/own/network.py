"""The network of a contract of one's own: `network = ("north", "east")` names the services that talk by messages over it.

Each of them is given what others have sent by what is declared as handler, and is told who is silent by what is declared as timeout.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from acidtest.errors import ContractError, UsageError
from acidtest.port import Role
from acidtest.properties.own.declared import Declared
from acidtest.properties.shared.network import MESSAGES, PARTITION, TIMEOUTS, hears, misses, pairs
from acidtest.workload import BOUNDED_DELAY, ENVIRONMENT, NO_PARTITION, Client, service_of
from acidtest.workload import Scope as Built

#: What befalls a network where a scope says only how many faults there are: sites are fail-stop, so no statement of theirs fails alone.
USUAL_OF_NETWORK = ("crash", "twice", "reordered")
#: What may be assumed of a network unless a scope lifts it.
ASSUMPTIONS = (NO_PARTITION, BOUNDED_DELAY)
#: Roles whose methods the network calls, with what it gives them.
_CALLED = {Role.HANDLER: ("sender", "message"), Role.TIMEOUT: ("waiting_for",)}
_EMPTY: Mapping[str, str] = {}


class Wiring(NamedTuple):
    """Who talks to whom, and by which methods.

    Arguments:
        sites: the services that talk over the network.
        heard: of each site the method that is given messages.
        missed: likewise the one that is told who is silent, of those that have one.
    """

    sites: tuple[str, ...] = ()
    heard: Mapping[str, str] = _EMPTY
    missed: Mapping[str, str] = _EMPTY

    def __bool__(self) -> bool:
        """Whether there is a network."""
        return bool(self.sites)

    def calls(self, one: Declared) -> bool:
        """Whether the network calls a method, and no client does."""
        return bool(self) and one.role in _CALLED

    def given(self, one: Declared) -> tuple[str, ...]:
        """The arguments that the network gives a method."""
        return _CALLED[one.role] if self.calls(one) else ()

    def sites_in(self, scope: Built) -> tuple[str, ...]:
        """The sites that there are in a scope, in their order."""
        there = {service_of(process) for process in scope.processes()}
        return tuple([site for site in self.sites if site in there])

    def connected(self, scope: Built, sites: Iterable[str] = ()) -> Built:
        """A scope in which every site hears every other, and times out on it where that can be.

        Arguments:
            scope: what clients do there.
            sites: those that there are; empty for those that are in the scope.

        Raises:
            ContractError: a message is called for by hand, or a process is not the one of a site.
        """
        if not self:
            return scope
        there = tuple(sites) or self.sites_in(scope)
        self._check(scope, there)
        cut = any(operation.method == PARTITION for client in scope.clients for operation in client.operations)
        lifted = tuple([name for name in ASSUMPTIONS if name in scope.lifted or (cut and name == NO_PARTITION)])
        kept = [client for client in scope.clients if not _is_of_network(client)]
        heard = [hears(site, other, MESSAGES, self.heard[site]) for site, other in pairs(there)]
        times = TIMEOUTS if "crash" in scope.kinds else 1 if lifted else 0
        missed = [misses(site, other, times, self.missed[site]) for site, other in pairs(there) if site in self.missed and times]
        return replace(scope, clients=(*kept, *heard, *missed), lifted=lifted)

    def _check(self, scope: Built, there: tuple[str, ...]) -> None:
        for name in there:
            if name not in self.sites:
                what = f"site (in the scope {scope.name!r})"
                raise UsageError.unknown(what, name, self.sites)
        for process in scope.processes():
            site = service_of(process)
            if site in self.sites and (process != f"{site}-1" or site not in there):
                message = (
                    f"The scope {scope.name!r} has a process {process!r}, and that is not one of its sites. A site that talks over the "
                    f"network is one process: {', '.join(f'{site}-1' for site in there)}."
                )
                raise ContractError(message)
        by_hand = {*self.heard.values(), *self.missed.values()}
        for client in scope.clients:
            for operation in client.operations:
                if operation.method in by_hand and not _is_of_network(client):
                    message = (
                        f"The scope {scope.name!r} lets a client call {operation.method!r}, which the network calls: every site hears "
                        "every other in each scope. Leave the call out."
                    )
                    raise ContractError(message)


def sites_of(name: str, network: Any) -> tuple[str, ...]:
    """The sites that a contract names.

    Arguments:
        name: of the contract, for messages.
        network: what it says.

    Raises:
        ContractError: it names no sites, or one that has nobody to talk to.
    """
    if isinstance(network, str) or len(set(network)) == 1:
        message = f"{name}.network is {network!r}. It names the services that talk to each other, at least two: ('north', 'east')."
        raise ContractError(message)
    return tuple(network)


def wiring(name: str, network: tuple[str, ...], services: tuple[str, ...], declared: Iterable[Declared]) -> Wiring:
    """The network of a contract.

    Arguments:
        name: of the contract, for messages.
        network: the services that talk over it, as the contract says.
        services: all services under test.
        declared: all methods.

    Raises:
        ContractError: there is none, and a time-out is declared; or there are no handlers, or too few sites.
    """
    known = list(declared)
    if not network:
        late = next((one for one in known if one.role == Role.TIMEOUT), None)
        if late is not None:
            message = f"{name}.{late.name} is told who is silent on the network, and there is none. Write network = ('north', 'east', …)."
            raise ContractError(message)
        return Wiring()
    for site in network:
        if site not in services:
            what = f"service, named in {name}.network"
            raise UsageError.unknown(what, site, services)
    heard, missed = (_by_site(network, known, role) for role in _CALLED)
    deaf = [site for site in network if site not in heard]
    if deaf:
        message = (
            f"{name}.network names {deaf[0]!r}, which has nothing that takes in messages. Declare on_message = handler('on_message'), "
            "for on_message(sender, message)."
        )
        raise ContractError(message)
    return Wiring(network, heard, missed)


def _by_site(network: Iterable[str], declared: Iterable[Declared], role: Role) -> dict[str, str]:
    return {site: one.method for one in declared if one.role == role for site in network if not one.services or site in one.services}


def _is_of_network(client: Client) -> bool:
    """Whether it stands for what the network brings."""
    brought = [operation.source.rpartition(" ")[2] in ("packet", "timeout") for operation in client.operations]
    return client.process != ENVIRONMENT and bool(brought) and all(brought)


