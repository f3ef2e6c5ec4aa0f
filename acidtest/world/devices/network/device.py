"""The network between services under test: every message is delivered by a choice of the search.

Nobody is told what becomes of a message. It arrives when the search says so, messages of different senders in any order; it may be
delivered twice, overtake another of the same sender, or get lost, where a scope allows for that. A service handles one thing at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from sqlalchemy.util import greenlet_spawn

from acidtest.errors import ContractError, UsageError
from acidtest.outside import Connected
from acidtest.port import Role
from acidtest.workload import BOUNDED_DELAY, NO_PARTITION, Sites
from acidtest.world.core.device import Device, Owed, Source
from acidtest.world.core.effects import DROPPED, REORDERED, TWICE, Effect
from acidtest.world.core.process import complain, current_task
from acidtest.world.devices.network.channels import Channels, Packet
from acidtest.world.devices.network.silence import AGAIN, FRESH, Detector

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Mapping, Sequence

    from acidtest.world.core.device import Surroundings
    from acidtest.world.core.process import Process

#: How the environment cuts the network, into parts as "north | east south", and mends it.
PARTITION, HEAL = "partition", "heal"
PACKET, TIMEOUT = "packet", "timeout"
#: What is longer than this is left out where a message is shown.
_LONGEST_WORD = 24
SEND_FAULTS = (DROPPED, TWICE)


class Network(Device):
    """The network of a world; its equipment are the `Sites` that talk over it."""

    name: ClassVar[str] = "network"
    kinds: ClassVar[frozenset[str]] = frozenset({"send"})
    changes: ClassVar[tuple[str, ...]] = (PARTITION, HEAL)
    sources: ClassVar[tuple[Source, ...]] = (
        Source(PACKET, Role.HANDLER, faults=(REORDERED,), several=True), Source(TIMEOUT, Role.TIMEOUT),
    )  # fmt: skip

    def __init__(self, surroundings: Surroundings) -> None:
        """Start with nothing on its way."""
        super().__init__(surroundings)
        sites: Sites | None = surroundings.equipment
        self._names = () if sites is None else sites.names
        self._lifted = frozenset(surroundings.scope.lifted)
        self._part: dict[str, int] = {}
        self._channels = Channels(self._apart)
        self._detector = Detector(self._names)
        self._up: dict[str, int] = {}
        self._fallen: dict[str, int] = {}
        self._busy: frozenset[str] = frozenset()
        self._giving_up: dict[str, str] = {}
        self._broken: frozenset[str] = frozenset()
        self._over = False

    def offers(self) -> Mapping[str, Any]:
        """`env.network`."""
        return {"network": self}

    def offers_awaited(self) -> Mapping[str, Any]:
        """`env.aio.network`."""
        return {"network": AwaitedNetwork(self)}

    def key(self) -> Hashable:
        """What distinguishes two states of it."""
        return (
            self._channels.key(), self._detector.key(), tuple(sorted(self._up.items())), self._busy, self._broken,
            tuple(self._part.items()), self._over,
        )  # fmt: skip

    def seen(self) -> Connected:
        """Who is up, who has ever died, which assumptions did not hold, what is on its way, and whether nothing will come by itself."""
        coming = tuple([(sender, receiver, _text(packet.message)) for sender, receiver, packet in self._channels.waiting()])
        return Connected(frozenset(self._up), frozenset(self._fallen), self._broken, coming, self._is_quiet())

    def progress(self) -> Hashable:
        """What is on its way, and who is to be told that somebody is silent."""
        return self._channels.key(), self._detector.key()

    def changed(self, before: Connected, after: Connected) -> Iterator[str]:
        """What has set out."""
        for sender, receiver, text in after.coming:
            if (sender, receiver, text) not in before.coming:
                yield f"on its way to {receiver}: {text}"

    # What code under test does:

    def send(self, site: str, message: Any) -> None:  # noqa: ANN401 - whatever services tell each other
        """Send a message; see `acidtest.environment.Network`."""
        task = current_task()
        if task is None:
            error = f"network.send() to {site!r} was called outside of any call, for example in a constructor; no process sends it."
            raise ContractError(error)
        sender = task.process.service
        self._check(site, sender, message)
        effect = Effect(
            "send", "network", f"{_text(message)} to {site}", (site, repr(message)), local=set(self._names) <= self._up.keys() | {sender},
            faults=SEND_FAULTS, lasting=True,
        )  # fmt: skip
        fault = task.park(effect)
        if site not in self._reachable():
            self._detector.sent_in_vain(sender, site, again=self._giving_up.get(sender) == site)
        elif self._apart(sender, site):
            pass
        elif fault == DROPPED:
            self._broken |= {BOUNDED_DELAY}
        else:
            for _ in range(1 + (fault == TWICE)):
                self._channels.put(sender, site, Packet(task.process.incarnation, message))
        task.saw(effect, None, fault)

    def _check(self, site: str, sender: str, message: Any) -> None:  # noqa: ANN401 - likewise
        """Refuse what cannot be sent.

        Raises:
            ContractError: there is no network, or the message cannot be compared.
            UsageError: there is no such site.
        """
        if not self._names:
            complain(ContractError(f"network.send({site!r}, …) was called, and this pattern has no network: its processes talk by other ways."))
        if site not in self._names or site == sender:
            what = "other site"
            complain(UsageError.unknown(what, str(site), [name for name in self._names if name != sender]))
        try:
            hash(message)
        except TypeError as error:
            complain(ContractError(f"network.send({site!r}, {message!r}): {error}. Send values that are hashable: text, numbers, tuples."))

    # What it notices:

    def notices(self, service: str) -> bool:
        """Others notice when one of its sites is dead."""
        return service in self._names

    def began(self, process: Process) -> None:
        """A site is there."""
        name = process.service
        if name not in self._names:
            return
        self._up[name] = process.incarnation
        if process.incarnation > 1:
            self._detector.is_heard(name)
            for other, incarnation in self._fallen.items():
                if other not in self._up:
                    self._detector.fell_silent(name, other, incarnation)

    def died(self, process: Process) -> None:
        """A site is not there any more."""
        name = process.service
        if name not in self._names:
            return
        self._up.pop(name, None)
        self._fallen[name] = process.incarnation
        self._busy -= {name}
        self._channels.lose_to(name)
        self._detector.forget(name)
        for other in self._up:
            self._detector.fell_silent(other, name, process.incarnation)

    def change(self, what: str, argument: Any = None) -> None:  # noqa: ANN401 - the parts
        """Cut the network, or mend it."""
        self._part = {}
        if what == HEAL:
            self._detector.forget_cuts()
            return
        self._part = {name: number for number, part in enumerate(str(argument).split("|")) for name in part.split()}
        self._broken |= {NO_PARTITION}
        self._channels.lose()
        for name in self._up:
            for other in self._up:
                if self._apart(name, other):
                    self._detector.fell_silent(name, other)

    def restore(self) -> None:
        """The network is whole, and delays are bounded."""
        super().restore()
        self.change(HEAL)
        self._over = True

    # What comes to sites:

    def has(self, source: Sequence[str], process: Process) -> bool:
        """Whether a message of a sender is there, or a time-out on it is due."""
        other, kind = source
        if kind == PACKET:
            return self._channels.count(other, process.service) > 0
        return self._is_due(process.service, other) or self._is_late(process.service, other)

    def faults_of(self, source: Sequence[str], process: Process) -> tuple[str, ...]:
        """A message may overtake those before it."""
        other, kind = source
        return (REORDERED,) if kind == PACKET and self._channels.count(other, process.service) > 1 else ()

    def given(self, source: Sequence[str], process: Process, fault: str) -> Hashable:
        """A message arrives, with who has sent it; or somebody is found silent."""
        other, kind = source
        due = kind == TIMEOUT and self._is_due(process.service, other)
        self._busy |= {process.service}
        if kind == PACKET:
            packet = self._channels.take(other, process.service, last=fault == REORDERED)
            self._detector.took_in(process.service)
            return other, packet.message
        if not due:
            self._broken |= {BOUNDED_DELAY}
        self._giving_up[process.service] = other
        self._detector.noticed(process.service, other)
        return other

    def ended(self, source: Sequence[str], process: Process, given: Any, *, known: bool) -> None:  # noqa: ANN401, ARG002
        """The site can handle something else. What it has failed to handle is gone."""
        self._busy -= {process.service}
        self._giving_up.pop(process.service, None)

    def owed(self) -> Iterator[Owed]:
        """What is on its way, and the time-outs that are due."""
        processes = {process.service: process for process in self.surroundings.processes().values() if process.ready}
        for sender, receiver, _ in list(self._channels.waiting()):
            if receiver in processes and self._channels.count(sender, receiver):
                yield Owed(processes[receiver].name, f"{sender} {PACKET}", Role.HANDLER)
        for name, other, _ in list(self._detector.silences()):
            if name in processes and self._is_due(name, other):
                yield Owed(processes[name].name, f"{other} {TIMEOUT}", Role.TIMEOUT)

    # Inside:

    def _reachable(self) -> set[str]:
        """The services that are there, or are starting."""
        return {process.service for process in self.surroundings.processes().values() if process.alive}

    def _apart(self, one: str, other: str) -> bool:
        """Whether the network is cut between two sites; one that no part names is a part of its own."""
        return bool(self._part) and self._part.get(one, one) != self._part.get(other, other)

    def _is_due(self, name: str, other: str) -> bool:
        """Whether a site may give up another that is dead, or cut off."""
        silence = self._detector.silence(name, other)
        if silence is None:
            return False
        if silence.status == FRESH:
            return not self._channels.is_sending(other, silence.incarnation)
        return silence.status == AGAIN and self._channels.is_empty() and not self._busy and not self._is_fresh_somewhere()

    def _is_fresh_somewhere(self) -> bool:
        return any(silence.status == FRESH and name in self._up for name, _, silence in self._detector.silences())

    def _is_late(self, name: str, other: str) -> bool:
        """Whether a site may give up another that is there: where delay has no bound, or something was lost."""
        if self._over or other not in self._up or self._apart(name, other):
            return False
        return BOUNDED_DELAY in self._lifted

    def _is_quiet(self) -> bool:
        """Whether nothing will happen any more unless somebody starts again, or is asked for something."""
        starting = any(process.alive and not process.ready for process in self.surroundings.processes().values())
        due = any(silence.status in (FRESH, AGAIN) and name in self._up for name, _, silence in self._detector.silences())
        return not starting and not due and not self._busy and self._channels.is_empty()


class AwaitedNetwork:
    """See `acidtest.environment.AsyncNetwork`."""

    def __init__(self, network: Network) -> None:
        """Stand before `network`."""
        self._network = network

    async def send(self, site: str, message: Any) -> None:  # noqa: ANN401 - whatever services tell each other
        """Send a message."""
        await greenlet_spawn(self._network.send, site, message)


def _text(message: Any) -> str:  # noqa: ANN401 - likewise
    """A message, short enough for a column of a report: what is long in it is left out."""
    words = [str(word) for word in message] if isinstance(message, tuple) else [str(message)]
    return " ".join(word if len(word) <= _LONGEST_WORD else "…" for word in words if word)
