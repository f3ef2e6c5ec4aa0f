"""What must hold of an event store, as predicates over views."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from acidtest.models.event_sourcing.store import (
    CONFLICT,
    Append,
    Asked,
    Begun,
    Event,
    Handed,
    Stored,
    StoreView,
    clashes,
    is_known,
    versions_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_UNTOLD = ("new", "open", "unknown")


def _stored(view: StoreView, append: Append) -> tuple[Stored, ...]:
    return dict(view.streams)[append.stream]


def _others(view: StoreView, one: Asked) -> bool:
    """Whether somebody else has asked for the same events."""
    mine = one.append
    return any(
        other.append.name != mine.name and other.status != "new" and (other.append.stream, other.append.events) == (mine.stream, mine.events)
        for other in view.appends
    )


def _fresh(before: StoreView, after: StoreView) -> Iterator[tuple[Asked, Begun]]:
    """The appends whose clients have just been told something definite, with how things stood when they were asked for."""
    for was, one, begun in zip(before.appends, after.appends, after.begun, strict=False):
        if was.status == "open" and one.status not in _UNTOLD and begun is not None:
            yield one, begun


# In every state:


def is_numbered(view: StoreView) -> bool:
    """ES2."""
    return all([row.version for row in rows] == list(range(1, len(rows) + 1)) for _, rows in view.streams)


def has_phantoms(view: StoreView) -> bool:
    """G8: something is stored that nobody appended, as it is."""
    asked = {(one.append.stream, event) for one in view.appends if one.status != "new" for event in one.append.events}
    return any((name, row.event) not in asked for name, rows in view.streams for row in rows)


def is_whole(view: StoreView) -> bool:
    """ES4: of no append a part is stored, or in pieces; but for what another append has brought."""
    for name, rows in view.streams:
        covered: set[int] = set()
        for one in view.appends:
            size = len(one.append.events)
            if one.append.stream == name:
                covered |= {n for end in map(int, versions_of(one.append, rows)) for n in range(end - size, end)}
        if len(covered) < len(rows):
            return False
    return True


def is_where_expected(view: StoreView) -> bool:
    """ES3: an append that expects a version is stored right behind it; but for those that others ask for, too, with another one."""
    for one in view.appends:
        append = one.append
        if append.expected is None or one.status == "new" or _others(view, one):
            continue
        right = str(append.expected + len(append.events))
        found = versions_of(append, _stored(view, append))
        if any(version != right for version in found):
            return False
    return True


def is_unique(view: StoreView) -> bool:
    """ES9: no id is stored twice in a stream."""
    return all(max(Counter(row.id for row in rows).values(), default=0) <= 1 for _, rows in view.streams)


def told_versions_are_true(view: StoreView) -> bool:
    """G4: whose client was told a version, its events are stored up to it."""
    told = [one for one in view.appends if one.status not in (*_UNTOLD, CONFLICT)]
    return all(one.status in versions_of(one.append, _stored(view, one.append)) for one in told)


def told_alike(view: StoreView) -> bool:
    """ES9: clients that asked for the same events were told the same version."""
    told: dict[tuple[str, tuple[Event, ...]], set[str]] = {}
    for one in view.appends:
        if one.status not in (*_UNTOLD, CONFLICT):
            told.setdefault((one.append.stream, one.append.events), set()).add(one.status)
    return all(len(versions) == 1 for versions in told.values())


def was_read(view: StoreView) -> bool:
    """Whether a stream has just been read."""
    return view.read is not None and bool(view.read.stream)


def read_is_true(view: StoreView) -> bool:
    """ES5: a read of a stream gives all of it behind `after`, as it was at some instant while the read ran."""
    assert view.read is not None  # noqa: S101 - asked only where something was read
    read = view.read
    states = [dict(streams).get(read.stream, ()) for streams in view.window]
    return any(read.rows == tuple([row for row in rows if row.version > read.after]) for rows in states)


def were_all_read(view: StoreView) -> bool:
    """Whether all streams have just been read."""
    return view.read is not None and not view.read.stream


def all_read_is_true(view: StoreView) -> bool:
    """ES8: a read of all streams gives no more than asked for, in order, of what was stored while it ran.

    It may give less than there is: what lies behind a number that is in flight, or may be, has to wait.
    """
    assert view.read is not None  # noqa: S101 - asked only where something was read
    rows, limit, after = view.read.rows, view.read.limit, view.read.after
    positions = [row.position for row in rows]
    stored = [{(name, *row) for name, found in streams for row in found} for streams in view.window]
    in_order = positions == sorted(set(positions)) and all(position > after for position in positions)
    genuine = {(row.stream, row.version, *row.event) for row in rows} <= set().union(*stored)
    return len(rows) <= limit and in_order and genuine


def handed_what_is_stored(view: StoreView) -> bool:
    """G8: subscribers have nothing that is not stored."""
    stored = {(name, row.version, row.event) for name, rows in view.streams for row in rows}
    return all((row.stream, row.version, row.event) in stored for row in (*view.handed, *view.told))


def handed_in_order(view: StoreView) -> bool:
    """ES8: of no stream a subscriber has an event before an earlier one, or one twice; positions grow."""
    positions = [row.position for row in view.handed if row.position]
    return positions == sorted(set(positions)) and _in_order(view.handed) and _in_order(view.told)


def _in_order(rows: Sequence[Handed]) -> bool:
    seen: dict[str, int] = {}
    for row in rows:
        if row.version != seen.get(row.stream, 0) + 1:
            return False
        seen[row.stream] = row.version
    return True


def some_are_refused(view: StoreView) -> bool:
    """Whether a client was told that its append was refused, and it is not stored."""
    return any(one.status == CONFLICT and not versions_of(one.append, _stored(view, one.append)) for one in view.appends)


# In every step:


def only_grows(before: StoreView, after: StoreView) -> bool:
    """ES1."""
    return all(now[: len(then)] == then for (_, then), (_, now) in zip(before.streams, after.streams, strict=True))


def some_refused(before: StoreView, after: StoreView) -> bool:
    """Whether a client has just been told that its append was refused."""
    return any(one.status == CONFLICT for one, _ in _fresh(before, after))


def refused_with_reason(before: StoreView, after: StoreView) -> bool:
    """ES3: the version was another one at some time since the append was asked for, or an id is used for something else."""
    for one, begun in _fresh(before, after):
        append, stored = one.append, _stored(after, one.append)
        if one.status != CONFLICT or clashes(append, stored):
            continue
        if append.expected is None or begun.version == append.expected == len(stored):
            return False
    return True


def refused_is_not_done(before: StoreView, after: StoreView) -> bool:
    """G4: what was asked for once, and by nobody else, and was refused, is not stored; not when that is told, and not later."""
    told = {one.append.name: begun.again for one, begun in _fresh(before, after) if one.status == CONFLICT}
    for was, one in zip(before.appends, after.appends, strict=True):
        if one.status != CONFLICT or _others(after, one):
            continue
        if versions_of(one.append, _stored(after, one.append)):
            later = was.status == CONFLICT and not versions_of(one.append, _stored(before, one.append))
            if told.get(one.append.name) is False or later:
                return False
    return True


def recognised(before: StoreView, after: StoreView) -> bool:
    """ES9: an append whose events are stored is not refused; unless it was refused before they were."""
    for one, begun in _fresh(before, after):
        append = one.append
        if one.status != CONFLICT or not versions_of(append, _stored(after, append)):
            continue
        if begun.stored or append.expected in (None, begun.version):
            return False
    return True


def serves(before: StoreView, after: StoreView) -> bool:
    """G11: an append that nothing disturbs, on the version that it expects and with ids of its own, is stored.

    Not where an earlier one may still take effect, of which its client was told nothing.
    """
    if any(one.status == "unknown" for one in before.appends):
        return True
    for was, one in zip(before.appends, after.appends, strict=True):
        stored = _stored(before, one.append)
        fits = one.append.expected in (None, len(stored)) and not is_known(one.append, stored)
        if fits and was.status == "open" and one.status == CONFLICT and one.alone:
            return False
    return True


def answers(before: StoreView, after: StoreView) -> bool:
    """G11: an append that nothing disturbs is stored or refused; it does not end in an error of which its client learns nothing."""
    return not any(
        was.status == "open" and one.status == "unknown" and one.alone for was, one in zip(before.appends, after.appends, strict=True)
    )


# At rest:


def _is_complete(view: StoreView, rows: Sequence[Handed]) -> bool:
    return {(row.stream, row.event.id) for row in rows} >= {(name, row.id) for name, found in view.streams for row in found}


def follower_is_complete(view: StoreView) -> bool:
    """ES8: a subscriber that reads on from where it stopped has all that is stored."""
    return _is_complete(view, view.handed)


def subscriber_is_complete(view: StoreView) -> bool:
    """ES8: so has the store's own."""
    return not view.polls or _is_complete(view, view.told)
