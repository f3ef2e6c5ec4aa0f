"""Effects that were late, and have yet to take effect."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable

    from acidtest.world.core.backend import Landing


class Late(NamedTuple):
    """An effect that was late and has yet to take effect; call it to let it.

    Arguments:
        land: lets it take effect.
        fact: determines what it will do: part of the key of a state.
        connection: what holds the transaction and its locks; None for what is not of a database.
    """

    land: Callable[[], None]
    fact: Hashable
    connection: Landing | None = None

    def __call__(self) -> None:
        """Let it take effect."""
        self.land()


class LateEffects(dict[str, Late]):
    """All of them, by a label that schedules name."""

    _count = 0

    def postpone(self, label: str, land: Callable[[], None], fact: Hashable, connection: Landing | None = None) -> None:
        """Keep an effect for later."""
        self._count += 1
        self[f"{label} (late {self._count})"] = Late(land, fact, connection)

    def postpone_commit(self, connection: Landing, fact: Hashable) -> None:
        """Keep a COMMIT for later."""
        self.postpone(f"{connection.database.name}: COMMIT", connection.land, fact, connection)

    def key(self) -> Hashable:
        """What distinguishes two sets of them."""
        return tuple([(label, late.fact) for label, late in self.items()])

    def land(self, label: str) -> bool:
        """Let one take effect; False where there is none of that label."""
        late = self.pop(label, None)
        if late is None:
            return False
        late()
        return True

    def lose_transactions(self, databases: Collection[str] | None = None) -> None:
        """The database server has died, or these databases were set back: what was to be committed never will be."""
        for label, late in list(self.items()):
            if late.connection is not None and (databases is None or late.connection.database.name in databases):
                late.connection.hang_up()
                del self[label]
