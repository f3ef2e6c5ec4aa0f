"""What every test of the world starts from: a site of its own, with two accounts in the database "bank"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import install

from acidtest.world import interpose
from acidtest.world.databases.table import open_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.site import Site


@pytest.fixture
def site() -> Iterator[Site]:
    interpose.install()
    made = open_site()
    install(made)
    yield made
    made.close()


def two_accounts(env: Any) -> None:
    connection = env.connect("bank")
    connection.execute("CREATE TABLE accounts (id TEXT PRIMARY KEY, balance INTEGER NOT NULL)")
    connection.execute("INSERT INTO accounts VALUES ('A', 100), ('B', 100)")
    connection.commit()
    connection.close()


@pytest.fixture
def pg(postgresql: Any) -> Iterator[Site]:
    """The same on PostgreSQL."""
    del postgresql
    interpose.install()
    made = open_site("postgresql")
    install(made, two_accounts)
    yield made
    made.close()


@pytest.fixture
def private(postgresql: Any) -> None:
    """For what takes a server whose processes are ours to stop and to kill."""
    if not postgresql.private:
        pytest.skip("ACIDTEST_POSTGRESQL_URL names a server whose processes are not ours to stop and to kill")
