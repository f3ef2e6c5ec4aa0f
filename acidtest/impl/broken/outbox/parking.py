"""Mutants of relays that declare a policy, and do not keep to what is then owed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa

from acidtest.impl.broken.outbox.relays import FailedIsTerminal, IdPerAttempt
from acidtest.impl.outbox import outbox

if TYPE_CHECKING:
    from collections.abc import Sequence

_parked = sa.and_(~outbox.c.published, outbox.c.not_before == math.inf)
_again = sa.update(outbox).where(outbox.c.id == sa.bindparam("i"), _parked).values(not_before=0.0, attempts=0)


class Parking(FailedIsTerminal):
    """Gives a message up after five attempts, parks it for all to see, and sends it again when it is told to: right, where that is declared."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"fenced", "ordered", "gives_up"})

    def parked(self) -> Sequence[str]:
        """What was given up."""
        with self.engine.connect() as connection:
            return connection.execute(sa.select(outbox.c.id).where(_parked)).scalars().all()

    def send_again(self, key: str) -> None:
        """Owe it again."""
        with self.engine.begin() as connection:
            connection.execute(_again, {"i": key})


class ParkedOutOfSight(Parking):
    """Gives messages up and shows none of them, so that nobody sends them again (OB7)."""

    def parked(self) -> Sequence[str]:
        """Nothing."""
        return ()


class SentAgainInVain(Parking):
    """Sends what was given up again without forgetting the attempts, in a state that no relay looks for (OB7)."""

    def send_again(self, key: str) -> None:
        """Owe it again, as it was."""
        with self.engine.begin() as connection:
            connection.execute(sa.update(outbox).where(outbox.c.id == key, _parked).values(not_before=math.inf, attempts=0))


class SentAgainAsAnother(Parking):
    """Sends what was given up again as a new message, and leaves the old one, which goes out as well, long after (OB10)."""

    def send_again(self, key: str) -> None:
        """Owe another one like it."""
        columns = [c for c in outbox.columns if c.name not in ("seq", "not_before", "attempts")]
        copy = sa.select(*columns, sa.literal(0.0), sa.literal(0)).where(outbox.c.id == key, _parked)
        with self.engine.begin() as connection:
            connection.execute(sa.insert(outbox).from_select([*(c.name for c in columns), "not_before", "attempts"], copy))
            connection.execute(_again, {"i": key})


class AnotherIdEachTime(IdPerAttempt):
    """Promises copies that anybody can drop, and gives each an id of its own (OB6)."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"fenced", "ordered", "at_least_once"})


class HeldUpForEver(FailedIsTerminal):
    """Lets a refused message hold up others, and never tries it again, although the broker would take it by now (OB3, OB9, OB11)."""

    most = 1
    capabilities: ClassVar[frozenset[str]] = frozenset({"fenced", "ordered", "blocks_on_poison"})
