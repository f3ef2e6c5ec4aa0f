"""What sites of one protocol do in a scope: a client of its own lets a site take in what another sends, or time out on it.

When a message arrives is a choice of the search, as what a client does next is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.workload import Client, Operation

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The changes of the environment that cut the network into parts, as "north | east south", and mend it.
PARTITION, HEAL = "partition", "heal"
#: How many messages of another site, and time-outs on it, a site takes in within a schedule. What is left comes when all rests.
MESSAGES, TIMEOUTS = 6, 2


def hears(site: str, sender: str, times: int = MESSAGES, method: str = "on_message") -> Client:
    """A site takes in what another one has sent."""
    name = f"{site} hears {sender}"
    return Client(name, f"{site}-1", tuple(Operation(f"{name} {i + 1}", method, (), 0, f"{sender} packet") for i in range(times)))


def misses(site: str, other: str, times: int = TIMEOUTS, method: str = "on_timeout") -> Client:
    """A site times out on another."""
    name = f"{site} misses {other}"
    return Client(name, f"{site}-1", tuple(Operation(f"{name} {i + 1}", method, (), 0, f"{other} timeout") for i in range(times)))


def pairs(sites: Sequence[str]) -> list[tuple[str, str]]:
    """Every site with every other."""
    return [(site, other) for site in sites for other in sites if site != other]


def connected(sites: Sequence[str], *, silence: bool = True) -> tuple[Client, ...]:
    """Every site hears every other, and times out on it where there is `silence`."""
    return (*(hears(*pair) for pair in pairs(sites)), *(misses(*pair) for pair in pairs(sites) if silence))
