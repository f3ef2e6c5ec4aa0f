"""What branches in databases have done: what is prepared shows nobody what it would change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from acidtest.world.devices.resource.manager import NAMED_AGAIN, NOT_ALONE

if TYPE_CHECKING:
    from collections.abc import Hashable

    from acidtest.environment import Xid


@dataclass
class Work:
    """The changes of a branch, notes for whoever judges its transaction manager, and whether it has worked and was rolled back."""

    changes: list[tuple[str, int]] = field(default_factory=list)
    notes: set[str] = field(default_factory=set)
    worked: bool = False
    gone: bool = False


class Works:
    """The work of all branches of a world, by resource manager and name."""

    def __init__(self) -> None:
        """There is none."""
        self._all: dict[tuple[str, Xid], Work] = {}

    def key(self) -> Hashable:
        """What distinguishes two states of it."""
        return tuple([(*at, tuple(w.changes), frozenset(w.notes), w.worked, w.gone) for at, w in self._all.items()])

    def of(self, resource: str, xid: Xid) -> Work:
        """The work of a branch."""
        return self._all.get((resource, xid)) or Work()

    def noted(self, resource: str) -> list[tuple[Xid, frozenset[str]]]:
        """The branches of a resource manager of which something was noted."""
        return [(xid, frozenset(work.notes)) for (name, xid), work in self._all.items() if name == resource and work.notes]

    def began(self, resource: str, xid: Xid) -> None:
        """A branch has begun."""
        earlier = self._all.get((resource, xid))
        self._all[resource, xid] = Work(notes={NAMED_AGAIN} if earlier is not None and earlier.worked else set())

    def changed(self, resource: str, xid: Xid, account: str, amount: int) -> None:
        """A branch has changed an account."""
        self._all[resource, xid].changes.append((account, amount))

    def ended(self, resource: str, xid: Xid) -> None:
        """The work of a branch has ended."""
        self._all[resource, xid].worked = True

    def gone(self, resource: str, xid: Xid) -> None:
        """A branch was rolled back."""
        if (resource, xid) in self._all:
            self._all[resource, xid].gone = True

    def told_alone(self, resource: str, xid: Xid) -> None:
        """A branch is told to commit in one phase: note whether another one of its transaction may have work to commit."""
        others = [work for at, work in self._all.items() if at[1].gtrid == xid.gtrid and at != (resource, xid)]
        if any(not work.gone for work in others):
            self._all[resource, xid].notes.add(NOT_ALONE)
