"""A full disk is acidtest's trouble: neither an adapter's mistake nor an answer to the code under test."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from acidtest.errors import BackendUnavailable
from acidtest.impl.outbox import Outbox
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import check_scope, find_scope
from acidtest.search.harness import Harness

if TYPE_CHECKING:
    from acidtest.environment import Outcome

FULL = "DO $$BEGIN RAISE EXCEPTION USING ERRCODE = '53100', MESSAGE = 'could not extend file: No space left on device'; END$$"


class Filling(Outbox):
    """Fills the disk, as far as the database can tell."""

    def fill(self) -> None:
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql(FULL)
            connection.exec_driver_sql("PRAGMA max_page_count = 2")
            connection.exec_driver_sql("UPDATE accounts SET id = zeroblob(100000)")


class FillsInInstall(Filling):
    """Wraps what the database says, as libraries do."""

    def install(self, opening: dict[str, int]) -> None:
        super().install(opening)
        try:
            self.fill()
        except Exception as error:
            raise RuntimeError from error


class FillsInCalls(Filling):
    """Goes on as if nothing had happened."""

    def execute(self, key: str, account: str, amount: int) -> Outcome:
        with suppress(Exception):
            self.fill()
        return super().execute(key, account, amount)


@pytest.mark.parametrize("factory", [FillsInInstall, FillsInCalls])
@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
def test_a_full_disk_ends_the_check_with_what_to_do(factory: type[Filling], backend: str, request: pytest.FixtureRequest) -> None:
    if backend == "postgresql":
        request.getfixturevalue("postgresql")
    contract = OutboxContract()
    harness = Harness(contract, factory, backend)
    try:
        with pytest.raises(BackendUnavailable, match=r"The disk is full: .* or name another temporary folder in TMPDIR"):
            check_scope(harness, find_scope(contract, "one process"))
    finally:
        harness.close()
