"""Mutants of a resource manager: what a session knows of its branches, and what calls answer that come at the wrong time."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from acidtest.environment import Xa, XaError, Xid
from acidtest.impl.xa_resource import ACTIVE, IDLE, ResourceManager, Work, apply, text_of

if TYPE_CHECKING:
    from acidtest.environment import Environment


class NotaKillsActive(ResourceManager):
    """To roll back a branch that it does not know rolls back the one at work (XA1, XA9)."""

    def rollback(self, xid: Xid) -> None:
        """Roll back, or what is at work."""
        if xid not in self.work and self._state(xid) is None:
            self.work = {known: work for known, work in self.work.items() if work.status != ACTIVE}
        super().rollback(xid)


class UsedNameTaken(ResourceManager):
    """Begins a branch under a name of which one is prepared (XA9)."""

    def start(self, xid: Xid) -> None:
        """Begin a branch, where the session has none of that name."""
        if xid in self.work:
            raise XaError.of(Xa.DUPID, f"there is a branch {xid}")
        if self._at_work() is not None:
            raise XaError.of(Xa.PROTO, "another branch is at work")
        self.work[xid] = Work()


class CommitsUnprepared(ResourceManager):
    """Commits a branch in two phases that was never prepared (XA1)."""

    def commit(self, xid: Xid, one_phase: bool = False) -> None:  # noqa: FBT001, FBT002 - as the port has it
        """Commit what is there."""
        super().commit(xid, one_phase or xid in self.work)


class PreparesAtWork(ResourceManager):
    """Prepares a branch whose work was not ended (XA1)."""

    def prepare(self, xid: Xid) -> Xa:
        """Promise what was done so far."""
        if xid in self.work:
            self.work[xid].status = IDLE
        return super().prepare(xid)


class PreparedNotDurable(ResourceManager):
    """Keeps what is prepared in the session that has prepared it: it is lost with that (XA1, XA8)."""

    def prepare(self, xid: Xid) -> Xa:
        """Promise, in memory."""
        work = self._ended(xid)
        if not work.changes:
            return super().prepare(xid)
        work.status = "prepared"
        return Xa.OK

    def commit(self, xid: Xid, one_phase: bool = False) -> None:  # noqa: FBT001, FBT002 - as the port has it
        """Commit what is prepared."""
        if not one_phase and xid in self.work and self.work[xid].status == "prepared":
            self.work[xid].status = IDLE
            super().commit(xid, one_phase=True)
        else:
            super().commit(xid, one_phase)


class CommitForgetsAfterwards(ResourceManager):
    """Applies a branch in one transaction and drops it in another: after a crash it is applied again (XA1)."""

    def commit(self, xid: Xid, one_phase: bool = False) -> None:  # noqa: FBT001, FBT002 - as the port has it
        """Apply, then drop."""
        if one_phase or self._state(xid) != "prepared":
            super().commit(xid, one_phase)
            return
        with self.engine.begin() as connection:
            connection.execute(apply, {"x": text_of(xid)})
        self.rollback(xid)


class TimeoutAfterPrepare(ResourceManager):
    """The timer of a branch is set when it begins, and goes on when it is prepared: what was promised is rolled back after an hour (XA10)."""

    patience = 3600.0

    def __init__(self, env: Environment) -> None:
        """No timer is set."""
        super().__init__(env)
        self.clock = env.clock
        self.timers: dict[Xid, float] = {}

    def start(self, xid: Xid) -> None:
        """Begin a branch, and set its timer."""
        super().start(xid)
        self.timers[xid] = self.clock.now() + self.patience

    def tick(self) -> None:
        """Roll back what has taken too long; what has ended needs no timer any more."""
        for xid in [xid for xid, due in self.timers.items() if due <= self.clock.now()]:
            del self.timers[xid]
            with suppress(XaError):
                self.rollback(xid)
