"""Mutants of a resource manager: what a scan names, and what is kept of decisions that were made alone."""

from __future__ import annotations

import sqlalchemy as sa

from acidtest.environment import Xa, XaError, Xid
from acidtest.impl.xa_resource import PREPARED, ResourceManager, branches, drop_decided, text_of, xid_of

_names = sa.select(branches.c.xid).order_by(branches.c.xid)


class RecoverSkipsHeuristics(ResourceManager):
    """A scan names what is prepared, and not what was decided alone (XA8)."""

    def recover(self) -> tuple[Xid, ...]:
        """What is prepared."""
        with self.engine.connect() as connection:
            return tuple(xid_of(text) for text in connection.execute(_names.where(branches.c.state == PREPARED)).scalars())


class RecoverSkipsPrepared(ResourceManager):
    """A scan names what was decided alone only, so nobody finishes what is prepared (XA8)."""

    def recover(self) -> tuple[Xid, ...]:
        """What was decided alone."""
        with self.engine.connect() as connection:
            return tuple(xid_of(text) for text in connection.execute(_names.where(branches.c.state != PREPARED)).scalars())


class RecoverWholeCluster(ResourceManager):
    """A scan names the branches of other databases of the server as well (XA5)."""

    def recover(self) -> tuple[Xid, ...]:
        """What is in doubt anywhere on the server: another database has a branch whenever this one does."""
        own = super().recover()
        return (*own, *(Xid(xid.format_id, xid.gtrid, "archive") for xid in own))


class ForgetsByItself(ResourceManager):
    """Tells of a decision that was made alone once, and forgets it (XA7, XA8)."""

    def rollback(self, xid: Xid) -> None:
        """Roll back; a decision that was told is dropped."""
        try:
            super().rollback(xid)
        except XaError as error:
            if error.code in (Xa.HEURCOM, Xa.HEURRB):
                with self.engine.begin() as connection:
                    connection.execute(drop_decided, {"x": text_of(xid)})
            raise


class HeuristicAnsweredNota(ResourceManager):
    """Answers that it knows no such branch where it has decided it alone (XA7)."""

    def _wrong(self, xid: Xid, connection: sa.Connection | None = None) -> XaError:
        error = super()._wrong(xid, connection)
        return XaError.of(Xa.NOTA, "it is decided") if error.code in (Xa.HEURCOM, Xa.HEURRB) else error

