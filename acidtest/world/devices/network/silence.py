"""Who may give up whom: a failure detector that is perfect, unless a scope lifts that.

Each service may time out once on each death of another, as soon as all that the dead one had sent has arrived; also after it
has started again, for what it was waited for is lost. So may who sends something to a dead service, which is lost as well; but code that
answers each time-out by sending once more is not told for ever. While one stays dead, others that have taken something in may time out
on it once more when nothing else is left to happen, as a timer would run out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

#: How a silence stands: not noticed yet; noticed; noticed, and something has happened since then.
FRESH, NOTICED, AGAIN = "fresh", "noticed", "again"
#: How often a service may time out on another once more.
REPEATS = 2


class Silence(NamedTuple):
    """A service that another one does not hear from: `incarnation` is the one that died, 0 where it has not died but is cut off."""

    incarnation: int
    status: str = FRESH
    repeats: int = 0


class Detector:
    """What each service has noticed of the silence of others."""

    def __init__(self, names: tuple[str, ...]) -> None:
        """Everybody is there."""
        self._of: dict[str, dict[str, Silence]] = {name: {} for name in names}

    def key(self) -> Hashable:
        """What distinguishes two states."""
        return tuple([tuple(sorted(silences.items())) for silences in self._of.values()])

    def silences(self) -> Iterator[tuple[str, str, Silence]]:
        """Whoever is silent, with who does not hear from it."""
        for name, silences in self._of.items():
            for other, silence in sorted(silences.items()):
                yield name, other, silence

    def silence(self, name: str, other: str) -> Silence | None:
        """What `name` has noticed of the silence of `other`; None where there is nothing to notice."""
        return self._of[name].get(other)

    def fell_silent(self, name: str, other: str, incarnation: int = 0) -> None:
        """From now on `name` hears nothing from `other`."""
        self._of[name][other] = Silence(incarnation)

    def is_heard(self, other: str) -> None:
        """`other` is there again: nobody times out on it any more who has done so."""
        for silences in self._of.values():
            if other in silences and silences[other].status != FRESH:
                del silences[other]

    def forget(self, name: str) -> None:
        """`name` has died, and with it what it has noticed."""
        self._of[name].clear()

    def forget_cuts(self) -> None:
        """The network is whole again."""
        for silences in self._of.values():
            for other in [other for other, silence in silences.items() if not silence.incarnation]:
                del silences[other]

    def noticed(self, name: str, other: str) -> None:
        """`name` times out on `other`."""
        silence = self._of[name].get(other)
        if silence is None:
            return
        if silence.status == FRESH:
            self.took_in(name)
            self._of[name][other] = silence._replace(status=NOTICED)
        else:
            self._of[name][other] = silence._replace(status=NOTICED, repeats=silence.repeats + 1)

    def took_in(self, name: str) -> None:
        """Something has happened at `name`: a timer of its may run out again."""
        for other in list(self._of[name]):
            self.may_repeat(name, other)

    def sent_in_vain(self, name: str, other: str, *, again: bool) -> None:
        """`name` has sent something to `other`, which is dead; `again` where that is all that it does about its silence."""
        silence = self._of[name].get(other)
        if silence is not None and silence.status != FRESH and not (again and silence.repeats >= REPEATS):
            self._of[name][other] = silence._replace(status=FRESH, repeats=silence.repeats + again)

    def may_repeat(self, name: str, other: str) -> None:
        """`name` may time out on `other` once more, if it has, and has not too often."""
        silence = self._of[name].get(other)
        if silence is not None and silence.status == NOTICED and silence.repeats < REPEATS:
            self._of[name][other] = silence._replace(status=AGAIN)
