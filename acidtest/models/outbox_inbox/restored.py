"""The chain beside running code, where a service may be restored from a backup.

A service that was restored has forgotten the last of what took effect there. It may be told again, by whoever comes before it; or,
at the source, by its client, or by the services that come after it. Those go on with what they know.

Source: PATTERNS 12, EO8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from acidtest.checker.machine import Transition
from acidtest.models.outbox_inbox.service import TransfersModel, TransfersState
from acidtest.models.shared.ledger import EVENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

#: The services by their places in the chain.
SOURCE, MIDDLE, SINK = PLACES = (0, 1, 2)


class RestorableTransfers(TransfersModel):
    """The chain over a fixed workload, in which services may be restored."""

    name = "transfers through a chain, with backups"
    events = EVENTS | {"restored"}

    def transitions(self) -> Sequence[Transition]:
        """Those of the chain; and services are restored, forget, and are told again."""
        requests = [(i,) for i in range(len(self.ledger.requests))]
        return [
            *super().transitions(),
            Transition("restored", self.restored, [(place,) for place in PLACES]),
            Transition("forget", self.forget, [(place, left) for place in PLACES for left in range(len(requests))]),
            Transition("forget rejection", self.forget_rejection, requests),
            Transition("told again", self.told_again, requests),
        ]

    def restored(self, s: TransfersState, place: int) -> TransfersState:
        """A service is restored; what it has forgotten shows when it does."""
        return s._replace(back=s.back | {place})

    def forget(self, s: TransfersState, place: int, left: int) -> TransfersState | None:
        """All but the first so many transfers have never been, at a service that was restored."""
        if place not in s.back:
            return None
        if place == SOURCE:
            ledger = self.ledger.forget(s.ledger, left)
            return None if ledger is None else s._replace(ledger=ledger)
        known = s.taken[place - 1]
        if left >= len(known):
            return None
        passed, arrived = s.taken
        return s._replace(taken=(known[:left], arrived) if place == MIDDLE else (passed, known[:left]))

    def forget_rejection(self, s: TransfersState, i: int) -> TransfersState | None:
        """The source has forgotten that it rejected a request, or was about to decide about it."""
        ledger = self.ledger.forget_rejection(s.ledger, i) if SOURCE in s.back else None
        return None if ledger is None else s._replace(ledger=ledger)

    def told_again(self, s: TransfersState, i: int) -> TransfersState | None:
        """The source hears again of a transfer that it had told its client ok of."""
        if SOURCE not in s.back or s.ledger.status[i] != "ok":
            return None
        asked = s.ledger._replace(status=(*s.ledger.status[:i], "open", *s.ledger.status[i + 1 :]))
        accepted = self.ledger.accept(asked, i)
        return None if accepted is None else s._replace(ledger=accepted._replace(status=s.ledger.status))

    def pass_on(self, s: TransfersState, i: int) -> TransfersState | None:
        """The middle takes what the source has committed; or had, before it was restored."""
        passed, arrived = s.taken
        known = i in s.ledger.accepted or (SOURCE in s.back and self._was_asked(s, i))
        return s._replace(taken=((*passed, i), arrived)) if known and i not in passed else None

    def arrive(self, s: TransfersState, i: int) -> TransfersState | None:
        """The sink takes what the middle has committed; or had."""
        passed, arrived = s.taken
        known = i in passed or (MIDDLE in s.back and (i in s.ledger.accepted or (SOURCE in s.back and self._was_asked(s, i))))
        return s._replace(taken=(passed, (*arrived, i))) if known and i not in arrived else None

    def _was_asked(self, s: TransfersState, i: int) -> bool:
        """Whether somebody has asked for the transfer, which goes by the number of the first request for it."""
        return any(first == i and s.ledger.status[j] != "new" for j, first in enumerate(self.ledger.first))
