"""What must hold of CQRS, as predicates over views: PATTERNS section 9."""

from __future__ import annotations

from acidtest.models.cqrs.service import PHANTOM, WRONG, CqrsView, Read, Row, account_of
from acidtest.properties.shared.predicates import has_reason, serves


def events_of(view: CqrsView, account: str) -> int:
    """How many events an account has."""
    about = {call.request.name: account_of(call.request) for call in view.calls}
    return sum([about.get(name) == account for name in view.accepted])


def is_exact(view: CqrsView) -> bool:
    """Money is whole numbers, on either side, and nothing invalid took effect."""
    valid = {call.request.name: call.request.valid for call in view.calls}
    amounts = [balance for _, balance in view.balances] + [row.balance for row in view.shown if row.balance is not None]
    return all(type(amount) is int for amount in amounts) and all(valid.get(name, True) for name in view.accepted)


def is_decided_by_commands(before: CqrsView, after: CqrsView) -> bool:
    """What was decided changes only while a command is open, or one of which its client was told nothing may still take effect."""
    at_work = any(call.status in ("open", "unknown") for call in before.calls)
    return at_work or (before.balances, before.closed) == (after.balances, after.closed)


def stays_closed(before: CqrsView, after: CqrsView) -> bool:
    """An account that is closed stays closed, and so is what it was closed with."""
    return set(before.closed) <= set(after.closed) and all(
        then == now for then, now in zip(before.balances, after.balances, strict=True) if then[0] in before.closed
    )


def serves_open(before: CqrsView, after: CqrsView) -> bool:
    """An undisturbed command that can be carried out is: closing can always, and others where nobody has asked for that."""
    return serves(_without_closing(before, after), _without_closing(after, after))


def has_reason_or_is_closed(view: CqrsView) -> bool:
    """Nobody was told rejected who asked for something valid and could pay in any case, of an account that nobody closes."""
    return has_reason(_without_closing(view, view))


def _without_closing(view: CqrsView, asked: CqrsView) -> CqrsView:
    """The view without the commands on accounts that somebody has asked to close, but for the closing."""
    closing = {account_of(c.request) for c in asked.calls if not c.request.deltas and c.status != "new"}
    kept = tuple([c for c in view.calls if not c.request.deltas or account_of(c.request) not in closing])
    return view._replace(calls=kept)


def shows_prefixes(view: CqrsView) -> bool:
    """Each row is what some prefix of its account's events amounts to, and so was every answer of a query."""
    return all(row.version >= 0 for row in (*view.shown, *view.served)) and all(read.version >= 0 for read in view.reads)


def shows_no_phantom(view: CqrsView) -> bool:
    """No row, and no answer, shows what was not committed."""
    return all(row.version != PHANTOM for row in (*view.shown, *view.served)) and all(read.version != PHANTOM for read in view.reads)


def goes_forward(before: CqrsView, after: CqrsView) -> bool:
    """No row goes back to an earlier version."""
    return all(then.version <= now.version for then, now in zip(before.shown, after.shown, strict=True) if now.version >= 0)


def shows_all(view: CqrsView) -> bool:
    """Each row is what all of its account's events amount to."""
    return all(row.version == events_of(view, row.account) for row in view.shown)


def is_fresh(view: CqrsView) -> bool:
    """What is served is what the view shows."""
    return view.served == view.shown


def is_gone(view: CqrsView) -> bool:
    """No account is shown that is closed, although all that came before is shown."""
    return not any(row.version == events_of(view, row.account) - 1 for row in view.shown if row.account in view.closed)


def resurrects(before: CqrsView, after: CqrsView) -> bool:
    """A closed account that the view did not show any more is shown again."""
    gone = {row.account for row in before.shown if row.balance is None and row.account in before.closed}
    return any(row.balance is not None for row in after.shown if row.account in gone)


def reads_what_was_written(view: CqrsView) -> bool:
    """A query that was given the position of a command shows at least that."""
    return all(read.version >= read.least for read in view.reads if not read.after_query)


def reads_what_was_read(view: CqrsView) -> bool:
    """A query that was given the position of another shows at least as much."""
    return all(read.version >= read.least for read in view.reads if read.after_query)


def shown_rows(rows: tuple[Row, ...]) -> tuple[str, ...]:
    """Rows for a report."""
    return tuple([f"{row.account}: {'none' if row.balance is None else row.balance}" for row in rows])


def shown_reads(reads: tuple[Read, ...]) -> tuple[str, ...]:
    """Those answers of queries for a report that a session hangs on, or that are wrong."""
    wrong = {PHANTOM: "what was not committed", WRONG: "what was never so"}
    told = [read for read in reads if read.version < 0 or read.least >= 0]
    return tuple([f"{r.query}: {wrong.get(r.version, f'version {r.version}, asked for {r.least}')}" for r in told])
