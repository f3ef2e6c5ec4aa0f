"""The services that the harness plays to a coordinator: perfect participants.

Each has accounts and a row per branch, and does everything in one step. Its calls mean what they mean in the port of the
participants: a Try holds, a Confirm books, a Cancel releases and fences, each once; repetitions are answered as before.
It keeps the refused calls, too: that a coordinator asked for what it must not ask for shows where nothing came of it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.environment import CallRefused, Outcome
from acidtest.models.tcc.coordinator import REFUSED
from acidtest.models.tcc.protocol import CANCEL, CANCELLED, CONFIRM, CONFIRMED, NONE, TOMBSTONE, TRIED

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

#: The methods of a service, with their arguments.
METHODS = {"try_": ("gid", "branch", "account", "amount"), CONFIRM: ("gid", "branch"), CANCEL: ("gid", "branch")}


class Row(NamedTuple):
    """What a service keeps of a branch; account and amount are empty and 0 where no Try has come."""

    gid: Any
    branch: Any
    account: Any = ""
    amount: Any = 0
    status: str = NONE
    told: tuple[str, ...] = ()


class Books(NamedTuple):
    """The balances of a service, holds included, and its rows, in the order of their ids."""

    balances: tuple[tuple[str, int], ...]
    rows: tuple[Row, ...] = ()

    def row(self, gid: object, branch: object) -> Row:
        """The row of a branch; an empty one where there is none."""
        return next((row for row in self.rows if (row.gid, row.branch) == (gid, branch)), Row(gid, branch))

    def available(self, account: object) -> int | None:
        """What may be spent of an account; None where there is no such account."""
        balance = dict(self.balances).get(str(account))
        held = sum(row.amount for row in self.rows if row.status == TRIED and row.account == account)
        return None if balance is None else balance - held

    def keep(self, row: Row) -> Books:
        """The books with this row in the place of the one that there was."""
        others = [other for other in self.rows if (other.gid, other.branch) != (row.gid, row.branch)]
        return self._replace(rows=tuple(sorted([*others, row], key=lambda r: (str(r.gid), str(r.branch)))))


class AccountService:
    """One service.

    Arguments:
        name: for messages.
        accounts: (account, balance) pairs.
    """

    def __init__(self, name: str, accounts: Iterable[tuple[str, int]]) -> None:
        """Keep the opening balances."""
        self.name = name
        self._opening = Books(tuple(accounts))

    def initial(self) -> Books:
        """Nothing has been asked of it."""
        return self._opening

    def answer(self, state: Books, method: str, arguments: tuple[Any, ...]) -> tuple[Hashable, Hashable]:
        """Carry out a call.

        Raises:
            CallRefused: no service has such a method, or it takes other arguments.
        """
        expected = METHODS.get(method)
        if expected is None or len(arguments) != len(expected):
            known = ", ".join(f"{name}({', '.join(names)})" for name, names in METHODS.items())
            message = f"{self.name} knows no call {method}{arguments!r}. Each service has: {known}."
            raise CallRefused(message)
        row = state.row(*arguments[:2])
        if method == "try_":
            return _tried(state, row, *arguments[2:])
        row = row._replace(told=tuple(sorted({*row.told, method})))
        return (_confirmed if method == CONFIRM else _cancelled)(state, row)


@lru_cache(maxsize=8)
def services_of(accounts: tuple[tuple[str, int], ...]) -> dict[str, AccountService]:
    """The services that have these (service/account, balance) pairs, by name."""
    found: dict[str, list[tuple[str, int]]] = {}
    for name, balance in accounts:
        service, _, account = name.partition("/")
        found.setdefault(service, []).append((account, balance))
    return {service: AccountService(service, own) for service, own in found.items()}


def _tried(books: Books, row: Row, account: Any, amount: Any) -> tuple[Books, Outcome]:  # noqa: ANN401 - whatever comes
    if row.status == TOMBSTONE and not row.account:
        return books.keep(row._replace(account=account, amount=amount)), Outcome.REJECTED
    if row.status != NONE:
        same = (row.account, row.amount) == (account, amount)
        return books, Outcome.OK if same and row.status in (TRIED, CONFIRMED) else Outcome.REJECTED
    available = books.available(account)
    funded = available is not None and type(amount) is int and 0 < amount <= available
    row = row._replace(account=account, amount=amount, status=TRIED if funded else REFUSED)
    return books.keep(row), Outcome.OK if funded else Outcome.REJECTED


def _confirmed(books: Books, row: Row) -> tuple[Books, Outcome]:
    if row.status == TRIED:
        balances = tuple([(name, sum_ - row.amount * (name == row.account)) for name, sum_ in books.balances])
        return Books(balances, books.rows).keep(row._replace(status=CONFIRMED)), Outcome.OK
    return books.keep(row), Outcome.OK if row.status == CONFIRMED else Outcome.REJECTED


def _cancelled(books: Books, row: Row) -> tuple[Books, Outcome]:
    status = {NONE: TOMBSTONE, TRIED: CANCELLED}.get(row.status, row.status)
    return books.keep(row._replace(status=status)), Outcome.REJECTED if status == CONFIRMED else Outcome.OK
