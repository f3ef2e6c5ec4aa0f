"""A contract of one's own that tests of the world have in common: two clients book one seat."""

from __future__ import annotations

from typing import Any

from acidtest import Contract, Scope, always, client, installation, operation, read


class Booked(Contract):
    """Two for one seat: whoever was told that it is theirs has it."""

    install = installation("install")
    book = operation("book", seat=["7"], who=["ann", "bob"])
    taken = read("taken")
    scopes = (Scope("two for one", client("web-1", book("7", "ann")), client("web-2", book("7", "bob")), crashes=1),)

    @always
    def whoever_was_told_yes_has_it(self, seen: Any) -> bool:
        return all(seen.taken.get(call["seat"]) == call["who"] for call in seen.told("book", True))  # noqa: FBT003 - the answer
