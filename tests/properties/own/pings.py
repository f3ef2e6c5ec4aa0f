"""Sites that count what others have told them, and a contract for them: what the tests of networks of one's own are about."""

from __future__ import annotations

from typing import Any

from acidtest import (
    Contract,
    Scope,
    always,
    at_rest,
    client,
    handler,
    installation,
    operation,
    read,
    recovery,
    sometimes,
    step,
    timeout,
)


class Pings:
    """Right: what it is told is written before it is acknowledged, and counted once; who is silent is noted."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def db(self) -> Any:
        return self.env.connect("db", isolation_level=None)

    def create(self) -> None:
        self.db().execute("CREATE TABLE known (what TEXT PRIMARY KEY)")

    def note(self, what: str) -> None:
        self.db().execute("INSERT OR IGNORE INTO known VALUES (?)", (what,))

    def ping(self, name: str) -> str:
        self.note(f"sent {name}")
        self.env.network.send("east", ("ping", name))
        return "sent"

    def on_message(self, sender: str, message: tuple[str, str]) -> None:
        kind, name = message
        if kind == "back":
            self.resend()
            return
        self.note(f"{kind} {name}")
        if kind == "ping":
            self.env.network.send(sender, ("pong", name))

    def on_timeout(self, waiting_for: str) -> None:
        self.note(f"missed {waiting_for}")

    def recover(self) -> None:
        self.resend()
        if self.env.service == "east":
            self.env.network.send("north", ("back", ""))

    def resend(self) -> None:
        for what in sorted(self.known()):
            kind, name = what.split()
            if kind == "sent" and f"pong {name}" not in self.known():
                self.env.network.send("east", ("ping", name))

    def known(self) -> set[str]:
        return {what for (what,) in self.db().execute("SELECT what FROM known")}


class PongsFirst(Pings):
    """Acknowledges, and then writes."""

    def on_message(self, sender: str, message: tuple[str, str]) -> None:
        if message[0] == "ping":
            self.env.network.send(sender, ("pong", message[1]))
            self.note(" ".join(message))
        else:
            super().on_message(sender, message)


class RemembersNothing(Pings):
    """A site that starts again does not take up what it had begun."""

    def recover(self) -> None:
        """Nothing."""


class DoesNotAsk(Pings):
    """A site that starts again does not ask for what was on its way to it when it died, before it had written anything."""

    def recover(self) -> None:
        self.resend()


class MissesNobody(Pings):
    """Does not note who is silent."""

    def on_timeout(self, waiting_for: str) -> None:
        """Nothing."""


class KeepsTheLast(Pings):
    """Takes the ping that comes last for the one that was sent last, and keeps no other."""

    def on_message(self, sender: str, message: tuple[str, str]) -> None:
        super().on_message(sender, message)
        if message[0] == "ping":
            self.db().execute("DELETE FROM known WHERE what LIKE 'ping %' AND what != ?", (" ".join(message),))


class Pinged(Contract):
    """What sites that tell each other something must keep to."""

    network = ("north", "east")
    create = installation("create")
    ping = operation("ping", name=("a", "b")).of("north")
    on_message = handler("on_message")
    on_timeout = timeout("on_timeout")
    recover = recovery("recover")
    known = read("known")
    scopes = (
        Scope("a crash", client("north-1", ping("a")), crashes=1),
        Scope("out of order", client("north-1", ping("a"), ping("b")), faults=1, kinds=("reordered", "twice")),
    )

    @always
    def what_is_acknowledged_is_known(self, seen: Any) -> bool:
        return {what.replace("pong", "ping") for what in seen.known["north"] if "pong" in what} <= seen.known["east"]

    @always(when=lambda _, seen: seen.network.quiet and bool(seen.network.fallen) and len(seen.network.up) == 1)
    def whoever_is_silent_is_missed(self, seen: Any) -> bool:
        (up,), (down,) = seen.network.up, set(seen.known) - seen.network.up
        return f"missed {down}" in seen.known[up]

    @step
    def nothing_is_forgotten(self, before: Any, seen: Any) -> bool:
        return all(known <= seen.known[site] for site, known in before.known.items())

    @at_rest
    def everything_is_acknowledged(self, seen: Any) -> bool:
        sent = {what.split()[1] for what in seen.known["north"] if "sent" in what}
        return {f"pong {name}" for name in sent} <= seen.known["north"]

    @sometimes
    def somebody_is_down_and_another_goes_on(self, seen: Any) -> bool:
        return len(seen.network.up) == 1 and bool(seen.network.fallen)
