"""A Django project is checked as it is: databases of the world, connections for each client, nothing of the project's own touched."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pymysql
import pytest
from django.db import OperationalError, connection, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django_project import Account, Transfer

from acidtest.django import create_tables, use
from acidtest.environment import Outcome
from acidtest.patterns import pattern
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict

CONTRACT = pattern("acid").contract_class()()


class Bank:
    """Transfers by locked rows, in one transaction."""

    def __init__(self, env: Any) -> None:
        use(env)

    def install(self, accounts: dict[str, int]) -> None:
        create_tables(Account, Transfer)
        Account.objects.bulk_create(Account(name=name, balance=sum_) for name, sum_ in accounts.items())

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        with transaction.atomic():
            return self._transfer(key, source, target, amount)

    def _transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        what = f"{source} {target} {amount}"
        transfer, new = Transfer.objects.get_or_create(key=key, defaults={"what": what, "done": False})
        if not new:
            return Outcome.OK if transfer.done and transfer.what == what else Outcome.REJECTED
        rows = Account.objects.filter(name=source, balance__gte=amount)
        if amount <= 0 or source == target or not Account.objects.filter(name=target).exists():
            return Outcome.REJECTED
        if not rows.update(balance=models.F("balance") - amount):
            return Outcome.REJECTED
        Account.objects.filter(name=target).update(balance=models.F("balance") + amount)
        Transfer.objects.filter(key=key).update(done=True)
        return Outcome.OK

    def balances(self) -> dict[str, int]:
        return dict(Account.objects.values_list("name", "balance"))


class WithoutAtomic(Bank):
    """Each query is a transaction of its own."""

    def transfer(self, key: str, source: str, target: str, amount: int) -> Outcome:
        return self._transfer(key, source, target, amount)


def checked(factory: Any, name: str, backend: str = "sqlite") -> Any:
    harness = Harness(CONTRACT, factory, backend)
    try:
        return check_scope(harness, find_scope(CONTRACT, name))
    finally:
        harness.close()


def test_a_right_project_passes() -> None:
    assert checked(Bank, "one transfer").verdict == Verdict.PASS
    assert checked(Bank, "one process").verdict == Verdict.PASS


def test_one_without_a_transaction_fails() -> None:
    result = checked(WithoutAtomic, "one transfer")
    assert result.verdict == Verdict.FAIL
    assert result.violation.property in ("G1", "G2", "ACID-A", "ACID-C")


@pytest.mark.parametrize("backend", ["postgresql", "mariadb"])
def test_it_is_the_same_on_a_server(backend: str, request: pytest.FixtureRequest) -> None:
    request.getfixturevalue(backend)
    assert checked(Bank, "read and read again", backend).verdict == Verdict.PASS
    assert checked(WithoutAtomic, "read and read again", backend).violation.property == "ACID-A"


def test_errors_of_pymysql_are_the_same_whatever_it_passes_for(mariadb: Any) -> None:
    del mariadb
    checked(Bank, "rejected requests", "mariadb")
    assert pymysql.err is pymysql.connections.err is sys.modules["MySQLdb.err"]


def test_the_projects_own_database_is_what_it_was_for_everybody_else() -> None:
    checked(Bank, "rejected requests")
    with pytest.raises(OperationalError, match="unable to open"):
        connection.ensure_connection()


def test_a_project_that_is_not_set_up_is_told_so() -> None:
    program = "from acidtest.django import use\nuse(None)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "django.setup()" in ended.stderr.splitlines()[-1]


def test_what_keeps_other_tests_from_databases_does_not_keep_code_under_test(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blocker:
        """As that of pytest-django."""

        _real_ensure_connection = BaseDatabaseWrapper.ensure_connection

        def block(self, *_: Any) -> None:
            raise AssertionError

    blocker = Blocker()
    blocker._real_ensure_connection = BaseDatabaseWrapper.ensure_connection
    monkeypatch.setattr(BaseDatabaseWrapper, "ensure_connection", blocker.block)
    assert checked(Bank, "rejected requests").verdict == Verdict.PASS
