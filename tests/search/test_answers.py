"""What code does on contents on which it was never seen is told by the answer that its statement gets there."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
import tiny_contract as tiny
from test_script import all_of, explored
from tiny_contract import Tiny, add, alone, scope

from acidtest.environment import Outcome
from acidtest.world.databases.sqlite.query import Said, query_of

TWO = scope(alone("app-1", add("w1", 5)), alone("app-2", add("w2", 7)))
FAULTY = scope(alone("app-1", add("w1", 5, retries=1)), faults=1, kinds={"crash", "lost", "unacknowledged", "refused"})


class StepByStep(Tiny):
    """Each statement is a transaction of its own; that of the other process changes contents, but no answer."""

    def install(self, accounts: Any) -> None:
        super().install(accounts)
        self.connect().execute("CREATE TABLE steps (key TEXT, step INTEGER, PRIMARY KEY (key, step))")

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("INSERT INTO steps VALUES (?, 1) ON CONFLICT DO NOTHING", (key,))
        connection.execute("SELECT count(*) FROM steps WHERE key = ?", (key,)).fetchall()
        return super().add(key, amount)


class ReadsLater(StepByStep):
    """Some rows are read only after another statement, which does not answer what they are."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("BEGIN")
        rows = connection.execute("SELECT 0, '' UNION ALL SELECT 1, key FROM steps ORDER BY 1, 2")
        rows.fetchone()
        connection.execute("SELECT 1").fetchall()
        others = len(rows.fetchall())
        connection.execute("COMMIT")
        connection.execute("INSERT INTO steps VALUES (?, ?) ON CONFLICT DO NOTHING", (key, others))
        return super().add(key, amount)


class InOneTransaction(StepByStep):
    """Savepoints, several rows at once, statements that fail, rows that are returned."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM steps").fetchall()
        connection.execute("SAVEPOINT s")
        connection.executemany("INSERT INTO steps VALUES (?, ?) ON CONFLICT DO NOTHING", [(key, 1), (key, 2)])
        try:
            connection.execute("INSERT INTO steps VALUES (?, 1)", (key,))
        except sqlite3.IntegrityError:
            connection.execute("ROLLBACK TO s")
        connection.execute("INSERT INTO steps VALUES (?, 3) ON CONFLICT DO UPDATE SET step = 3 RETURNING step", (key,)).fetchall()
        connection.execute("COMMIT")
        return super().add(key, amount)


class AsksWhatItsConnectionRemembers(StepByStep):
    """The answer does not depend on contents alone."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        connection.execute("INSERT INTO steps VALUES (?, 9) ON CONFLICT DO NOTHING RETURNING step", (key,)).fetchall()
        connection.execute("SELECT last_insert_rowid()").fetchall()
        return super().add(key, amount)


class ReturnsRowsByItself(StepByStep):
    """A write that is over only when its rows are read."""

    def add(self, key: str, amount: int) -> Outcome:
        connection = self.connect()
        returned = connection.execute("INSERT INTO steps VALUES (?, 7) ON CONFLICT DO NOTHING RETURNING step", (key,))
        connection.execute("SELECT 1").fetchall()
        returned.fetchall()
        return super().add(key, amount)


@pytest.mark.parametrize(
    "factory", [Tiny, StepByStep, ReadsLater, InOneTransaction, AsksWhatItsConnectionRemembers, ReturnsRowsByItself]
)
@pytest.mark.parametrize("small", [TWO, FAULTY], ids=["two processes", "one fault"])
def test_what_is_told_by_answers_is_what_the_code_does(factory: Any, small: Any) -> None:
    by_answers, by_contents = explored(factory, small), explored(factory, small, by_answers=False)
    assert all_of(by_answers) == all_of(by_contents)
    assert by_answers.executed <= by_contents.executed  # not so where a script was given up, because it was wrong


def test_code_is_run_for_new_answers_and_not_for_new_contents() -> None:
    by_answers, by_contents = explored(StepByStep, TWO), explored(StepByStep, TWO, by_answers=False)
    assert by_answers.complete
    assert by_answers.executed * 3 < by_contents.executed * 2


def answer(values: tuple[Any, ...], sql: str = "SELECT ?") -> Any:
    return query_of((), Said(sql, values), begun=False, commits=False)


def test_queries_are_equal_only_if_their_parameters_are_so_in_type() -> None:
    assert answer((1,)) == answer((1,))
    assert answer((1,)) != answer((1.0,))
    assert answer((1,)) != answer((True,))


def test_nobody_can_say_what_depends_on_the_connection_or_on_the_time() -> None:
    for sql in ("SELECT last_insert_rowid()", "SELECT random()", "INSERT INTO t VALUES (CURRENT_TIMESTAMP)", "PRAGMA user_version"):
        assert answer((), sql) is None
    assert answer((object(),)) is None


def test_what_a_dead_process_had_seen_is_forgotten() -> None:
    from acidtest.search.harness import Harness
    from acidtest.search.run import Run
    from acidtest.world.core.effects import Decision

    def after_death(*amounts: int) -> Any:
        run = Run(harness, harness.world())
        try:
            for name in ["app-1"] * 3:
                run.world.perform(Decision("advance", name))
            run.world.crash("app-1")
            return run.world.key()[2]
        finally:
            run.close()

    harness = Harness(tiny.TinyContract(), Tiny)
    try:
        harness.prepare(scope(alone("app-1", add("w1", 5))))
        one = after_death()
        harness.prepare(scope(alone("app-1", add("w1", 6))))
        assert after_death() == one
    finally:
        harness.close()
