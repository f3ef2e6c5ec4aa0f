"""What every test of the world starts from: a cluster of its own, with two accounts in the database "bank"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import install

from acidtest.world import interpose
from acidtest.world.databases.table import open_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from acidtest.world.core.cluster import Cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    interpose.install()
    made = open_cluster()
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
def pg(postgresql: Any) -> Iterator[Cluster]:
    """The same on PostgreSQL."""
    del postgresql
    interpose.install()
    made = open_cluster("postgresql")
    install(made, two_accounts)
    yield made
    made.close()


def two_rows(env: Any) -> None:
    with env.connect("bank").cursor() as cursor:
        cursor.execute("CREATE TABLE accounts (id VARCHAR(20) PRIMARY KEY, balance INTEGER NOT NULL)")
        cursor.execute("INSERT INTO accounts VALUES ('A', 100), ('B', 100)")
        cursor.execute("COMMIT")


@pytest.fixture
def maria(mariadb: Any) -> Iterator[Cluster]:
    """The same on MariaDB."""
    del mariadb
    interpose.install()
    made = open_cluster("mariadb")
    install(made, two_rows)
    yield made
    made.close()


@pytest.fixture
def private_mariadb(mariadb: Any) -> None:
    """For what takes a server that is ours alone."""
    if not mariadb.private:
        pytest.skip("ACIDTEST_MARIADB_URL names a server that is not ours alone")


@pytest.fixture
def private(postgresql: Any) -> None:
    """For what takes a server whose processes are ours to stop and to kill."""
    if not postgresql.private:
        pytest.skip("ACIDTEST_POSTGRESQL_URL names a server whose processes are not ours to stop and to kill")
