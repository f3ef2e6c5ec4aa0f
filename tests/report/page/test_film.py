"""A film: after each step what an outsider sees with what changed, what clients know, what is violated."""

from filmed import MarksFirst, filmed

from acidtest.impl.broken.inbox.records import CheckThenInsert
from acidtest.impl.outbox import Outbox
from acidtest.properties.inbox.contract import InboxContract
from acidtest.properties.outbox.contract import OutboxContract
from acidtest.search.check import find_scope
from acidtest.search.filming import film_of
from acidtest.search.harness import Harness
from acidtest.world.core.effects import Decision


def table(shot, place, name=""):
    return next(t for t in shot.tables if (t.place, t.name) == (place, name))


def test_there_is_a_frame_for_each_row_of_the_failure_and_for_what_comes_to_rest(told):
    failure, film = told
    assert [frame.row for frame in film.frames if not frame.resting] == list(failure.rows)
    assert sum(frame.resting for frame in film.frames) > 10


def test_a_commit_changes_what_an_outsider_sees_and_the_statements_before_it_do_not(told):
    _, film = told
    commit = next(n for n, frame in enumerate(film.frames) if frame.shot.kind == "commit")
    before, after = film.frames[commit - 1].shot, film.frames[commit].shot
    assert table(before, "bank", "accounts").rows == (("A", "100"),)
    assert table(after, "bank", "accounts").rows == (("A", "39"),)
    assert (table(after, "bank", "accounts").changed, table(after, "bank", "accounts").cells) == ((0,), ((0, 1),))
    assert (table(after, "bank", "requests").changed, table(after, "bank", "requests").cells) == ((0,), ())
    assert table(film.frames[commit + 1].shot, "bank", "accounts").changed == ()


def test_statements_come_whole_with_their_parameters(told):
    _, film = told
    insert = next(frame.shot for frame in film.frames if frame.row.action == "bank: INSERT requests")
    assert insert.text.startswith("INSERT INTO requests (key, account, amount, outcome)")
    assert insert.parameters == "k1, A, 61"


def test_clients_know_nothing_before_they_are_answered(told):
    _, film = told
    known = [dict(frame.shot.knows)["w1"] for frame in film.frames]
    answered = next(n for n, frame in enumerate(film.frames) if frame.row.events)
    assert known[:answered] == ["open"] * answered
    assert set(known[answered:]) == {"ok"}


def test_the_model_goes_along_until_it_does_not_allow_what_is_seen():
    failure, film = filmed(InboxContract(), CheckThenInsert, "one message")
    assert [frame.shot.states > 0 for frame in film.frames] == [True] * (len(film.frames) - 1) + [False]
    assert (failure.property_id, failure.name) in film.frames[-1].shot.broken
    assert not any(frame.shot.broken for frame in film.frames[:-1])


def test_a_run_that_goes_well_can_be_filmed_as_well():
    harness = Harness(OutboxContract(), Outbox)
    try:
        film = film_of(harness, find_scope(harness.contract, "one withdrawal"), ())
    finally:
        harness.close()
    assert all(frame.resting and not frame.shot.broken for frame in film.frames)
    assert ("accounts", (("A", "100"),)) in [(t.name, t.rows) for t in film.start.tables]


def test_the_nearest_run_that_goes_well_parts_where_it_becomes_too_late(told):
    failure, film = told
    parts = next(n for n, (one, other) in enumerate(zip(film.frames, film.beside.frames, strict=False), 1) if one.row != other.row)
    assert parts == failure.too_late
    assert not any(frame.shot.broken for frame in film.beside.frames)
    assert any(frame.shot.kind == "publish" for frame in film.beside.frames[parts:])


def test_a_run_that_does_not_go_well_is_not_put_beside(told):
    failure, _ = told
    harness = Harness(OutboxContract(), MarksFirst)
    try:
        scope = find_scope(harness.contract, "one withdrawal")
        schedule = [Decision.parse(text) for text in failure.schedule]
        assert film_of(harness, scope, schedule, failure.schedule).beside is None
        assert film_of(harness, scope, schedule, failure.beside).beside is not None
    finally:
        harness.close()
