"""Mutants of a chain: what comes of a service that is restored from a backup."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa

from acidtest.impl.dialects import Name
from acidtest.impl.outbox import outbox
from acidtest.impl.outbox_inbox import (
    OrderedMiddle,
    OrderedSink,
    OrderedSource,
    OrderedTransfers,
    RestorableMiddle,
    RestorableSink,
    RestorableSource,
    RestorableTransfers,
    sent,
    sequences,
)

if TYPE_CHECKING:
    from acidtest.environment import Delivery
    from acidtest.impl.outbox import Row

_PROMISED: frozenset[str] = frozenset({"ordered", "restorable"})


# Who compares with whom.


class _SourceAlone(OrderedSource):
    """A source."""

    capabilities: ClassVar[frozenset[str]] = _PROMISED


class _MiddleAlone(OrderedMiddle):
    """A middle."""

    capabilities: ClassVar[frozenset[str]] = _PROMISED


class _SinkAlone(OrderedSink):
    """A sink."""

    capabilities: ClassVar[frozenset[str]] = _PROMISED


class Unnoticed(OrderedTransfers):
    """Goes on from the backup, and compares with nobody: what was acknowledged before is gone (EO8)."""

    source = _SourceAlone
    middle = _MiddleAlone
    sink = _SinkAlone


_told = sa.Table("told", sa.MetaData(), sa.Column("what", Name, primary_key=True))


class _KeepsMark(RestorableSink):
    """A sink."""

    def install(self, opening: dict[str, int]) -> None:
        """Create the table of what was told, too."""
        super().install(opening)
        _told.create(self.engine)

    def reconcile(self) -> None:
        """Look up what was told the last time, and keep what is told now."""
        with self.engine.connect() as connection:
            what = connection.execute(sa.select(_told.c.what)).scalar_one_or_none()
        self._told = None if what is None else json.loads(what)
        super().reconcile()
        with self.engine.begin() as connection:
            connection.execute(sa.delete(_told))
            connection.execute(sa.insert(_told), {"what": json.dumps(self._told)})


class MarkGoesBack(RestorableTransfers):
    """Keeps in its database what it has told the others: that goes back with the backup, so it has nothing new to tell (EO8)."""

    sink = _KeepsMark


# What is owed again.


class _NamesAgain(RestorableMiddle):
    """A middle."""

    def _compare(self, connection: sa.Connection, come_to: dict[str, int], *, started: bool) -> None:
        for account, number in come_to.items() if started else ():
            for row in connection.execute(sent, {"account": account}).all():
                if int(row.id.rpartition(".")[2]) > number:
                    again = sa.select(outbox.c.id + "+", outbox.c.key, outbox.c.payload, outbox.c.created, sa.false(), sa.literal(0), sa.literal(0.0))
                    names = ["id", "key", "payload", "created", "published", "attempts", "not_before"]
                    connection.execute(sa.insert(outbox).from_select(names, again.where(outbox.c.seq == row.seq)))


class SentAgainAsNew(RestorableTransfers):
    """Owes again what the sink has forgotten, as a message of its own under another id (EO3)."""

    middle = _NamesAgain


class _DeletesPublished(RestorableMiddle):
    """A middle."""

    def _mark(self, row: Row, token: str) -> None:
        with self.engine.begin() as connection:
            connection.execute(sa.delete(outbox).where(outbox.c.seq == row[0], outbox.c.owner == token))


class DeletedWhenPublished(RestorableTransfers):
    """Deletes a message when it is published: nothing is left that could be sent again to a sink that was restored (EO8)."""

    middle = _DeletesPublished


# What is noticed.


class _AlarmsAtAll(RestorableSource):
    """A source."""

    def _compare(self, connection: sa.Connection, come_to: dict[str, int], *, started: bool) -> None:
        mine = {row.id: row.sequence for row in connection.execute(sequences)}
        super()._compare(connection, {name: 2 * mine[name] - min(n, mine[name]) for name, n in come_to.items()}, started=False)
        super()._compare(connection, come_to, started=started)


class AlarmAtAnyDifference(RestorableTransfers):
    """Raises the alarm also where the middle has not come as far yet: messages are just on their way (EO8)."""

    source = _AlarmsAtAll


class _Logs(RestorableSource):
    """A source."""

    _log: Any = None

    def _compare(self, connection: sa.Connection, come_to: dict[str, int], *, started: bool) -> None:
        mine = {row.id: row.sequence for row in connection.execute(sequences)}
        self._log = [name for name, number in come_to.items() if number > mine[name]] or self._log
        super()._compare(connection, {name: min(number, mine[name]) for name, number in come_to.items()}, started=started)

    def alarms(self) -> list[str]:
        """What this process has noticed."""
        return self._log or []


class AlarmOnlyLogged(RestorableTransfers):
    """Keeps the alarm in memory: the next start forgets it, and nobody else can ask (EO8)."""

    source = _Logs


class _ComparesNothing(RestorableMiddle):
    """A middle."""

    def _fingerprint(self, message: Delivery) -> str:  # noqa: ARG002
        return ""


class NumberUsedAgain(RestorableTransfers):
    """Takes any message whose number is known for a copy: a source that was restored uses numbers again, for other transfers (EO8)."""

    middle = _ComparesNothing
