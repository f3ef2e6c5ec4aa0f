"""A failure as text: as wide as it may be, with repetitions folded, and harmless to a terminal."""

import re
from dataclasses import replace

import pytest

from acidtest.report.columns import meaning, render
from acidtest.report.folding import decisive, fold
from acidtest.report.inert import inert
from acidtest.report.regression import regression_test
from acidtest.search.failure import Failure, Row
from acidtest.world.core.raised import Raised

COMMITTED = ("bank.outbox: 1: attempts 0 → 1, owner null → relay-1.1.1, not_before 0.0 → 1767225630.0",)


def row(process, action, client="", fault="", changes=(), events=()):
    return Row(process, client or process, action, fault, changes, events)


def failure(rows, **more):
    value = Failure(
        pattern="outbox", implementation="my:Outbox", property_id="OB3", name="what was committed is published " * 5, source="",
        scope={"name": "tiny"}, search="exhaustive", rows=tuple(rows), processes=tuple(dict.fromkeys(r.process for r in rows)),
        at_rest=False, rest=(), difference=(), too_late=None, holds=tuple(f"OB{i}" for i in range(40)), broken=("OB3",),
        schedule=("advance app-1 | begin execute('k1', 'A', 61)",), bound="no fault is needed", coverage={}, capabilities=(), versions={},
    )  # fmt: skip
    return replace(value, **more)


@pytest.mark.parametrize(("action", "words"), [
    ("left: prepare k1/left", "refused: it votes no, and has rolled back"), ("left: PREPARE TRANSACTION", "refused: it votes no, and has rolled back"),
    ("left: commit one phase k1/left", "refused: it votes no, and has rolled back"), ("left: commit k1/left", "refused: error, no effect"),
    ("left: COMMIT PREPARED", "refused: error, no effect"), ("bank: UPDATE prepare", "refused: error, no effect"),
])  # fmt: skip
def test_a_vote_that_is_refused_is_a_rollback(action, words):
    assert meaning(row("app-1", action, fault="refused")) == words


def polls(number):
    for i in range(1, number + 1):
        yield row("environment", f"jump({3600.0 * i})", f"pause {i}")
        yield row("relay-1", "relay()", f"poll {i}")
        yield row("relay-1", "bank: SELECT outbox", f"poll {i}")


@pytest.mark.parametrize("width", [60, 80, 100])
@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_no_line_is_wider_than_it_may_be(width, processes):
    rows = [row(f"service-{i}", "bank: UPDATE a_table_of_a_very_long_name", "client", "late", COMMITTED, ("w1 ⇒ " + "x" * 90,)) for i in range(processes)]
    error = Raised("ValueError", "a text " * 30, (("a/very/long/path/to/a/file/somewhere/deep/in/a/tree/module.py", 12, "f" * 20),), "client")
    value = failure(
        rows, at_rest=True, rest=COMMITTED, raised=(error,), capabilities=("ordered", "fenced") * 9,
        difference=(("balances", "A 1, B 2, " * 9, "A 1, B 3, " * 9), ("calls", "w1 ok", "w1 unknown")),
    )  # fmt: skip
    told = render(value, width=width).split("Regression test:", maxsplit=1)[0]
    assert max(map(len, told.splitlines())) <= width
    assert "not_before" in told


def test_rounds_that_are_equal_are_told_once_with_their_number():
    lines = list(fold(list(polls(70))))
    assert [line.row.action if line.row else line.remark for line in lines] == [
        "jump(3600.0)", "relay()", "bank: SELECT outbox", "steps 4 to 210: the same 69 times more",
    ]  # fmt: skip


def test_equal_rows_are_one_row_with_their_number():
    (line,) = fold([row("app-1", "bank: SELECT t")] * 5)
    assert line.times == 5
    assert "bank: SELECT t ×5" in render(failure([row("app-1", "bank: SELECT t")] * 5))


def test_rows_that_made_different_things_durable_are_not_folded():
    rows = [row("app-1", "bank: COMMIT", changes=(f"bank.t: A: n {i} → {i + 1}",)) for i in range(3)]
    assert [line.row for line in fold(rows)] == rows


def test_the_opening_is_one_row_and_what_follows_keeps_its_numbers():
    rows = [row("app-1", "reserve()", "before"), row("app-1", "bank: COMMIT", "before"), row("app-1", "reserve()", "w1")]
    told = render(failure(rows, scope={"name": "tiny", "opening": ["before"]}))
    assert "        steps 1 to 2: the opening (before), without faults" in told.splitlines()
    assert "    3   w1: reserve()" in told.splitlines()


def test_values_that_differ_are_marked():
    told = render(failure([row("app-1", "x")], difference=(("balances", "A 39, B 100", "A 39, B 93"),)))
    assert ["balances", "A 39, ≠ B 100", "A 39, ≠ B 93"] in [re.split("  +", line.strip()) for line in told.splitlines()]


def test_a_point_of_no_return_at_the_first_step_is_left_out():
    assert "Point of no return" not in render(failure([row("app-1", "x")] * 3, too_late=1))
    assert "Point of no return: step 2." in render(failure([row("app-1", "x")] * 3, too_late=2))


EVIL = "red \x1b[31m, back \u202e, bell \x07, feed \x0b"


def test_what_a_terminal_would_obey_is_shown():
    assert inert(EVIL) == "red \\x1b[31m, back \\u202e, bell \\x07, feed \\x0b"
    assert inert("balance 100 → 39, Straße, 価格") == "balance 100 → 39, Straße, 価格"


def test_no_part_of_a_failure_reaches_a_terminal_unescaped():
    rows = [row("app-1", f"execute({EVIL})", EVIL, "", (EVIL,), (EVIL,))]
    value = failure(
        rows, name=EVIL, bound=EVIL, rest=(EVIL,), at_rest=True, difference=((EVIL, EVIL, EVIL),), capabilities=(EVIL,),
        raised=(Raised("E", f"{EVIL}\n{EVIL}", ((EVIL, 1, EVIL),), EVIL),), schedule=(f"advance app-1 | {EVIL}",), scope={"name": EVIL},
    )  # fmt: skip
    assert all(line.isprintable() for line in render(value).splitlines())
    assert "\\x1b[31m" in render(value)


def test_the_regression_test_says_the_same_however_narrow_it_is():
    scope = {"name": "it's a “tiny” scope", "accounts": [["A", 100], ["B", 7]] * 20, "text": 'a "word" and \\ a space'}
    value = failure([row("app-1", "x")], scope=scope, search="stateful")
    found = {}
    names = {"assert_schedule": lambda *a, **k: found.update(k), "Outbox": None}
    code = regression_test(value, 60).replace("from my import Outbox\n", "").replace("from acidtest import assert_schedule\n", "")
    exec(code, names)  # noqa: S102 - it is our own text
    names["test_outbox_ob3"]()
    assert found["scope"] == scope
    assert max(map(len, code.splitlines())) <= 60


def test_a_copy_too_many_is_marked():
    told = render(failure([row("app-1", "x")], difference=(("copies", "w1, w2", "w1, w2, w1"),)))
    assert ["copies", "w1, w2", "w1, w2, ≠ w1"] in [re.split("  +", line.strip()) for line in told.splitlines()]


def test_where_all_must_be_short_stretches_that_decide_nothing_are_left_out_and_nothing_else() -> None:
    quiet = [Row("app", "app", f"bank: SELECT {i}", "", (), ()) for i in range(3)]
    commit = Row("app", "app", "bank: COMMIT", "", ("bank.a: + 1",), ())
    lost = Row("app", "app", "bank: UPDATE a", "lost", (), ())
    begin = Row("app", "app", "execute('k1')", "", (), ())
    lines = list(decisive(list(fold([begin, *quiet, commit, quiet[0], lost, *quiet[:2]]))))
    assert [line.remark or line.number for line in lines] == [
        1, "steps 2 to 4: nothing becomes durable", 5, 6, 7, "steps 8 to 9: nothing becomes durable",
    ]  # fmt: skip


def test_of_many_values_those_in_the_middle_are_left_out_unless_they_differ() -> None:
    from acidtest.report.columns import _marked

    allowed = [f"w{i} ok" for i in range(40)]
    observed = [value if i != 20 else "w20 unknown" for i, value in enumerate(allowed)]
    left, right = _marked(", ".join(allowed), ", ".join(observed))
    assert left == "w0 ok, w1 ok, w2 ok, w3 ok, w4 ok, w5 ok, … 14 more …, ≠ w20 ok, … 13 more …, w34 ok, w35 ok, w36 ok, w37 ok, w38 ok, w39 ok"
    assert "≠ w20 unknown" in right
    assert _marked("a, b", "a, c") == ("a, ≠ b", "a, ≠ c")
