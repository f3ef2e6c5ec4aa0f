"""What the reading methods of a port gave, as values that can be compared; and whether it is what they must give.

Money is whole minor units. What stands for a whole number exactly is taken for it: an `int` of any library, and a `Decimal`
without a fraction, as drivers make it of NUMERIC. A `float` is a finding about the code under test (G12), also where it is
whole; and so is NULL that appears while it runs. All else is no amount, and the adapter's mistake.
"""

from __future__ import annotations

import math
import operator
import reprlib
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from acidtest.errors import ContractError, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What SQLite and PostgreSQL say of a table that is not there.
_NO_TABLE = ("no such table", "does not exist")
_SHORT = reprlib.Repr()
_SHORT.maxstring, _SHORT.maxother = 60, 120
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = 8


class Reading(NamedTuple):
    """What a reading method gave of that which `install` was asked for.

    Arguments:
        call: the method, as it was called.
        given: (account, amount) pairs; or other values, of which there must be none at the start.
        asked: what it must give right after `install`.
    """

    call: str
    given: tuple[Any, ...]
    asked: tuple[Any, ...] = ()


def shown(value: object) -> str:
    """A value of the adapter's in a message: short, and whatever its `__repr__` does."""
    try:
        return _SHORT.repr(value)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - it may raise anything
        return f"an object of {type(value).__name__} that cannot be shown: {text_of(error)}"


def amounts_of(value: object, call: str) -> tuple[tuple[str, Any], ...]:
    """Amounts by account, as sorted (account, amount) pairs.

    Arguments:
        value: what the adapter returned.
        call: by which method, as it was called.

    Raises:
        ContractError: it is not a mapping from account names to amounts.
    """
    expected = "it must return a dict from account to minor units, for example {'A': 100}"
    items: Iterable[Any] | None = getattr(value, "items", lambda: None)() if not isinstance(value, type) else None
    if items is None:
        message = f"{call} returned {shown(value)}; {expected}."
        raise ContractError(message)
    found: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, tuple) or len(item) != 2:  # noqa: PLR2004 - a pair
            message = f"{call} returned {shown(value)}, whose items() are no pairs; {expected}."
            raise ContractError(message)
        name = str(item[0])
        if name in found:
            message = f"{call} gives two amounts for account {name!r}: {shown(value)}; {expected}, each account once."
            raise ContractError(message)
        found[name] = amount_of(item[1], f"{call} gives", f" for account {name!r}")
    return tuple(sorted(found.items(), key=operator.itemgetter(0)))


def texts_of(value: object, call: str) -> tuple[str, ...]:
    """Sentences, in their order.

    Arguments:
        value: what the adapter returned.
        call: by which method, as it was called.

    Raises:
        ContractError: it is no collection of strings.
    """
    if isinstance(value, Collection) and not isinstance(value, (str, bytes)) and all(isinstance(text, str) for text in value):
        return tuple(map(str, value))
    message = f"{call} returned {shown(value)}; it must return a list of sentences, empty for none."
    raise ContractError(message)


def amount_of(value: Any, what: str, where: str = "") -> Any:  # noqa: ANN401 - whatever the adapter returned
    """An amount of money: whole where it is exactly that, and otherwise a fraction, a float or None, which G12 is about.

    Arguments:
        value: what the adapter returned.
        what: said it, for a message.
        where: it stands there, for a message.

    Raises:
        ContractError: it is no amount of anything.
    """
    if value is None or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Decimal) and value.is_finite():
        return int(value) if value == value.to_integral_value() else value
    if not isinstance(value, (bool, float, Decimal, str, bytes)) and hasattr(value, "__index__"):
        return operator.index(value)
    message = f"{what} {shown(value)}{where}; an amount is a whole number of minor units, for example 100."
    raise ContractError(message)


def names_of(value: object, call: str, expected: str) -> tuple[str, ...]:
    """Names, sorted, each once.

    Arguments:
        value: what the adapter returned.
        call: by which method, as it was called.
        expected: what it must return.

    Raises:
        ContractError: it is no collection of names.
    """
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Collection):
        message = f"{call} returned {shown(value)}; it must return {expected}, for example {{'k1'}}."
        raise ContractError(message)
    return tuple(sorted({str(name) for name in value}))


def compare_with_install(readings: Iterable[Reading]) -> None:
    """Whether all that was read right after `install`, over another connection, is what it was asked for.

    Raises:
        ContractError: it is not; says what differs.
    """
    for reading in readings:
        if reading.given == reading.asked:
            continue
        if not reading.asked:
            message = f"Right after install(), {reading.call} gives {shown(reading.given)}, and nothing has been asked for yet: it must be empty."
            raise ContractError(message)
        given, asked = dict(reading.given), dict(reading.asked)
        if not given:
            message = (
                f"After install() there is no account: {reading.call} gives none over another connection, and it was to open "
                f"{_pairs(asked)}. Most likely a COMMIT is missing in install(): what is not committed is rolled back."
            )
            raise ContractError(message)
        message = (
            f"After install() the accounts are not as asked for: by {reading.call} over another connection, "
            f"{_differences(given, asked)}. It was to open {_pairs(asked)}, and commit that."
        )
        raise ContractError(message)


def hint_at_commit(error: ContractError) -> ContractError:
    """An error of a read right after `install`; where a table is not there, with what is most likely the reason."""
    if not any(text in str(error) for text in _NO_TABLE):
        return error
    return ContractError(f"{error} Most likely a COMMIT is missing in install(): what is not committed is rolled back, tables too.")


def compare_names(readings: Iterable[Reading]) -> None:
    """Whether the reading methods give all accounts that `install` was asked for, whatever is in them by now.

    Raises:
        ContractError: one is missing.
    """
    for reading in readings:
        missing = sorted({name for name, _ in reading.asked} - {name for name, _ in reading.given}) if reading.asked else ()
        if missing:
            message = (
                f"{reading.call} gives no account {missing[0]!r}, which install() was asked to open: {shown(dict(reading.given))}. "
                "Accounts do not go away: give all of them, also those that are empty."
            )
            raise ContractError(message)


def _differences(given: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    missing = [f"{name!r} is missing" for name in asked if name not in given]
    wrong = [f"{name!r} has {given[name]} instead of {asked[name]}" for name in asked if name in given and given[name] != asked[name]]
    more = [f"{name!r} was not asked for" for name in given if name not in asked]
    return ", ".join([*missing, *wrong, *more])


def _pairs(amounts: Mapping[str, Any]) -> str:
    return ", ".join(f"{name!r} with {amount}" for name, amount in amounts.items())
