"""Triggers of the code under test fire for its own statements, and not when contents are put back between two runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from small_world import Small, install

if TYPE_CHECKING:
    from collections.abc import Callable

    from acidtest.world.core.cluster import Cluster

TABLES = (
    "CREATE TABLE a_log (what VARCHAR(20))",
    "CREATE TABLE t (id VARCHAR(20) PRIMARY KEY, n INTEGER)",
    "INSERT INTO t VALUES ('A', 100), ('B', 100)",
)
POSTGRESQL = (
    "CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO a_log VALUES (NEW.id); RETURN NEW; END $$",
    "CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
    "CREATE TRIGGER tells AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION tell()",
    "CREATE TRIGGER keeps BEFORE DELETE ON t FOR EACH ROW EXECUTE FUNCTION keep()",
    "ALTER TABLE t ENABLE ALWAYS TRIGGER keeps",
)
MARIADB = (
    "CREATE TRIGGER tells AFTER INSERT ON t FOR EACH ROW BEGIN INSERT INTO a_log VALUES (NEW.id); INSERT INTO a_log VALUES (';'); END",
    "CREATE TRIGGER doubles BEFORE INSERT ON t FOR EACH ROW SET NEW.n = NEW.n * 2",
)


def statements(*texts: str) -> Callable[[Any], None]:
    def work(env: Any) -> None:
        connection = env.connect("bank")
        for text in texts:
            connection.cursor().execute(text)
        connection.commit()
        connection.close()

    return work


def contents(cluster: Cluster) -> dict[str, Any]:
    return {name: sorted(rows) for name, rows in cluster.values()["bank"] if name != "accounts"}


@pytest.mark.parametrize(("backend", "triggers", "logged"), [("pg", POSTGRESQL, 1), ("maria", MARIADB, 2)])
def test_what_is_put_back_is_no_change_of_anyones(request: Any, backend: str, triggers: tuple[str, ...], logged: int) -> None:
    cluster: Cluster = request.getfixturevalue(backend)
    install(cluster, statements(*TABLES, *triggers))
    before = contents(cluster)
    assert before == {"a_log": [], "t": [("A", 100), ("B", 100)]}
    work = statements("INSERT INTO t VALUES ('C', 1)", "UPDATE t SET n = 5 WHERE id = 'A'")
    work.__name__ = "work"
    seen = []
    for _ in range(3):
        world = Small(cluster, work)
        assert contents(cluster) == before
        world.finish("work")
        seen.append(contents(cluster))
        world.close()
    assert len(seen[0]["a_log"]) == logged
    assert seen == [seen[0]] * 3
