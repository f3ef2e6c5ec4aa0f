"""What install and the reading methods of an adapter do wrong is told as the adapter's mistake, of every contract alike."""

from __future__ import annotations

import gc
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy as sa

from acidtest.errors import ContractError
from acidtest.impl.outbox import Outbox, accounts, metadata
from acidtest.patterns import coded, pattern
from acidtest.properties.shared.reading import amount_of, amounts_of, names_of, shown
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness

if TYPE_CHECKING:
    from collections.abc import Callable


class Altered:
    """The reference implementation, with what goes into a method or comes out of it altered."""

    def __init__(self, env: Any, stem: str, method: str, before: Any = None, after: Any = None) -> None:
        self._it = pattern(stem).reference_factory()(env)
        self._method, self._before, self._after = method, before or (lambda given: given), after or (lambda value: value)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._it, name)
        return found if name != self._method else lambda *given: self._after(found(*map(self._before, given)))


def altered(stem: str, method: str, **changed: Callable[[Any], Any]) -> Harness:
    return Harness(pattern(stem).contract_class()(), partial(Altered, stem=stem, method=method, **changed))


def mistake(stem: str, method: str, **changed: Callable[[Any], Any]) -> str:
    """What is said of a reference that is altered, before anything of a scope has run."""
    harness = altered(stem, method, **changed)
    try:
        with pytest.raises(ContractError) as told:
            harness.prepare(harness.contract.scopes[0])
    finally:
        harness.close()
    return str(told.value)


def everywhere(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], Any]:
    """Change the accounts, which two-phase commit is given per database."""

    def changed(accounts: dict[str, Any]) -> Any:
        nested = any(isinstance(value, dict) for value in accounts.values())
        return {name: change(own) for name, own in accounts.items()} if nested else change(accounts)

    return changed


#: Who opens accounts: not a transaction manager, whose resource managers have them already.
OPENING = [e.stem for e in coded() if "accounts" in e.contract_class().interface().signature("install").parameters and e.stem != "xa"]
#: Contracts that read all accounts at once, with a method that does, and how it is told.
READING = {
    "acid": ("balances", "balances()"),
    "outbox": ("balances", "balances()"),
    "tcc": ("available", "available()"),
    "two_phase_commit": ("balances", "balances('left')"),
    "saga_choreography": ("balances", "balances() of payment"),
}


# What install has left:


@pytest.mark.parametrize("stem", OPENING)
def test_an_account_that_is_opened_with_something_else_is_the_adapters_mistake(stem: str) -> None:
    told = mistake(stem, "install", before=everywhere(lambda accounts: {name: n + 1 for name, n in accounts.items()}))
    assert "After install() the accounts are not as asked for" in told
    assert " instead of " in told


@pytest.mark.parametrize("stem", READING)
def test_an_account_that_nobody_asked_for_is_named(stem: str) -> None:
    assert "'Z' was not asked for" in mistake(stem, "install", before=everywhere(lambda accounts: accounts | {"Z": 7}))


@pytest.mark.parametrize("stem", [stem for stem in READING if stem != "outbox"])  # which has one account
def test_an_account_that_is_not_opened_is_named(stem: str) -> None:
    told = mistake(stem, "install", before=everywhere(lambda accounts: dict(list(accounts.items())[1:])))
    assert " is missing" in told


class Uncommitted(Outbox):
    """Opens the accounts in a transaction that it does not end."""

    def install(self, opening: dict[str, int]) -> None:
        metadata.create_all(self.engine)
        self.connection = self.engine.connect()
        self.connection.execute(sa.insert(accounts), [{"id": name, "balance": sum_} for name, sum_ in opening.items()])


class TablesUncommitted(Outbox):
    """Makes the tables in it as well."""

    def install(self, opening: dict[str, int]) -> None:
        del opening
        self.connection = self.engine.connect()
        metadata.create_all(self.connection)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
@pytest.mark.parametrize(("factory", "told"), [
    (Uncommitted, r"balances\(\) gives none over another connection.*a COMMIT is missing in install"),
    (TablesUncommitted, r"could not read the committed state after install.*a COMMIT is missing in install"),
])  # fmt: skip
def test_a_forgotten_commit_in_install_is_told_as_that(
    factory: Any, told: str, backend: str, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    if backend == "postgresql":
        request.getfixturevalue("postgresql")
    harness = Harness(pattern("outbox").contract_class()(), factory, backend)
    try:
        with pytest.raises(ContractError, match=f"(?s){told}"):
            harness.prepare(harness.contract.scopes[0])
    finally:
        harness.close()
    gc.collect()  # the connection that it has left
    assert not caplog.records


@pytest.mark.parametrize("stem", [entry.stem for entry in coded()])
def test_the_reference_opens_what_it_is_asked_for_in_every_scope(stem: str) -> None:
    harness = Harness(pattern(stem).contract_class()(), pattern(stem).reference_factory())
    try:
        for scope in harness.contract.scopes:
            harness.prepare(scope)
    finally:
        harness.close()


# What reading methods give:

WRONG = {
    "None": lambda _: None,
    "a list": lambda accounts: list(accounts.items()),
    "True": lambda accounts: dict.fromkeys(accounts, True),
    "NaN": lambda accounts: dict.fromkeys(accounts, float("nan")),
    "infinity": lambda accounts: dict.fromkeys(accounts, float("inf")),
    "Decimal NaN": lambda accounts: dict.fromkeys(accounts, Decimal("nan")),
    "texts": lambda accounts: {name: str(n) for name, n in accounts.items()},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("stem", READING)
def test_what_is_no_dict_of_amounts_is_told_with_the_method_that_gave_it(stem: str, wrong: Any) -> None:
    method, call = READING[stem]
    told = mistake(stem, method, after=lambda accounts: wrong(accounts) if accounts else accounts)
    assert told.startswith(call)
    assert "minor units" in told


OTHERS = [
    ("compensation", "state", lambda _: None, "state() returned None"),
    ("compensation", "state", lambda state: state | {"balances": list(state["balances"])}, "state()['balances'] returned ["),
    ("compensation", "state", lambda state: state | {"parked": None}, "state()['parked'] returned None"),
    ("compensation", "state", lambda state: state | {"parked": "k1"}, "state()['parked'] returned 'k1'"),
    ("compensation", "state", lambda state: state | {"parked": ["k1"]}, "Right after install(), state()['parked'] gives ('k1',)"),
    ("compensation", "state", lambda state: state | {"history": [1]}, "state()['history'] is [1]"),
    ("two_phase_commit", "in_doubt", lambda _: None, "in_doubt('left') returned None"),
    ("two_phase_commit", "in_doubt", lambda _: "k1", "in_doubt('left') returned 'k1'"),
    ("two_phase_commit", "in_doubt", lambda _: {"k1"}, "Right after install(), in_doubt('left') gives ('k1',)"),
    ("reserve_confirm", "account", lambda _: None, "account('A') returned None"),
    ("reserve_confirm", "account", lambda account: account | {"held": "0"}, "account('A') gives '0' as held"),
    ("reserve_confirm", "account", lambda account: account | {"held": 5}, "by account(user)['held'] over another connection, 'A' has 5 instead of 0"),
    ("reserve_confirm", "status", lambda _: "settled", "returned 'settled'"),
    ("reserve_confirm", "status", lambda _: "pending", "Right after install(), status(client_key) gives (('k1', 'pending')"),
    ("saga_choreography", "ledger", lambda _: None, "ledger() of payment returned None"),
    ("saga_choreography", "ledger", lambda _: [("k1", "do", "A", True)], "ledger() of payment gives True for 'A'"),
    ("saga_orchestration", "status", lambda _: ["running"], "status('k1') returned ['running']"),
    ("saga_orchestration", "status", lambda _: "running", "Right after install(), status(key) gives"),
]  # fmt: skip


@pytest.mark.parametrize(("stem", "method", "wrong", "text"), OTHERS, ids=[f"{stem}-{text}" for stem, _, _, text in OTHERS])
def test_what_another_reading_method_gives_is_told_likewise(stem: str, method: str, wrong: Any, text: str) -> None:
    assert text in mistake(stem, method, after=wrong)


def test_a_read_that_leaves_out_empty_accounts_is_told_when_one_becomes_empty() -> None:
    opening = {150, 50}
    harness = altered("acid", "balances", after=lambda accounts: {name: n for name, n in accounts.items() if n in opening})
    try:
        with pytest.raises(ContractError, match=r"balances\(\) gives no account 'A'.*also those that are empty"):
            check_scope(harness, find_scope(harness.contract, "one transfer"))
    finally:
        harness.close()


# What is an amount:


def test_what_is_exactly_a_whole_number_is_one() -> None:
    class Whole:
        def __index__(self) -> int:
            return 100

    given = {"A": Decimal("100.00"), "B": Whole(), "C": Decimal("-0")}
    assert amounts_of(given, "balances()") == (("A", 100), ("B", 100), ("C", 0))
    assert all(type(n) is int for _, n in amounts_of(given, "balances()"))


def test_fractions_floats_and_null_are_left_to_the_property_of_money() -> None:
    found = [amount_of(value, "balances() gives") for value in (Decimal("0.5"), 100.0, -0.0, None)]
    assert list(map(type, found)) == [Decimal, float, float, type(None)]


def test_keys_that_are_no_texts_are_named_by_theirs_and_each_only_once() -> None:
    assert amounts_of({1: 2}, "balances()") == (("1", 2),)
    with pytest.raises(ContractError, match="two amounts for account '1'"):
        amounts_of({1: 2, "1": 3}, "balances()")


def test_a_mapping_whose_items_are_no_pairs_is_refused() -> None:
    class Odd:
        def items(self) -> list[int]:
            return [1]

    with pytest.raises(ContractError, match="are no pairs"):
        amounts_of(Odd(), "balances()")


def test_a_value_that_cannot_be_shown_is_told_by_its_type() -> None:
    class Mute:
        def __repr__(self) -> str:
            raise ValueError

    assert "Mute" in shown(Mute())
    with pytest.raises(ContractError, match="Mute"):
        names_of(Mute(), "in_doubt('left')", "keys")
