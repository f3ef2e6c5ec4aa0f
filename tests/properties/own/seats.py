"""A booking service, and a contract for it: what the tests of contracts of one's own are about."""

from __future__ import annotations

from typing import Any

from acidtest import (
    Contract,
    Scope,
    always,
    client,
    installation,
    operation,
    read,
    sometimes,
    told_means_done,
)


class Booking:
    """Right: the statement that writes says what must be so."""

    def __init__(self, env: Any) -> None:
        self.env = env

    def connect(self) -> Any:
        return self.env.connect("seats", isolation_level=None)

    def create(self) -> None:
        self.connect().execute("CREATE TABLE seat (id TEXT PRIMARY KEY, who TEXT)")
        self.connect().execute("INSERT INTO seat VALUES ('7', NULL), ('8', NULL)")

    def book(self, seat: str, who: str) -> str:
        update = "UPDATE seat SET who = ? WHERE id = ? AND (who IS NULL OR who = ?)"
        return "yes" if self.connect().execute(update, (who, seat, who)).rowcount else "no"

    def seats(self) -> dict[str, str]:
        return dict(self.connect().execute("SELECT id, who FROM seat WHERE who IS NOT NULL").fetchall())


class LooksFirst(Booking):
    """Looks, and then writes."""

    def book(self, seat: str, who: str) -> str:
        if self.seats().get(seat, who) != who:
            return "no"
        self.connect().execute("UPDATE seat SET who = ? WHERE id = ?", (who, seat))
        return "yes"


class Seats(Contract):
    """What booking must keep to; it says not what to test."""

    create = installation("create")
    book = operation("book", seat=str, who=("ann", "bob"))
    seats = read("seats")

    scopes = (Scope("two for one seat", client("web-1", book("7", "ann")), client("web-2", book("7", "bob"))),)

    done = told_means_done(book, lambda seen, call: seen.seats.get(call["seat"]) == call["who"], "yes")

    @always
    def a_seat_has_somebody_who_asked(self, seen: Any) -> bool:
        return set(seen.seats.items()) <= {(call["seat"], call["who"]) for call in seen.asked(self.book)}

    @sometimes
    def somebody_is_refused(self, seen: Any) -> bool:
        return bool(seen.told(self.book, "no"))
