"""A resource manager as a service: each call is answered as the state table says, and a session takes with it what it has not prepared."""

from acidtest.models.xa.branch import ACTIVE, HEUR, IDLE, NON_EXISTENT
from acidtest.models.xa.resource import Held, Told, answers, lost


def told(call, session="app-1"):
    return Told("one", session, call, 0)


def test_a_name_that_is_used_is_refused():
    assert answers(Held("prepared", "app-1", 1), told("start"), busy=False) == (("XAER_DUPID", Held("prepared", "app-1", 1)),)


def test_a_branch_that_changed_nothing_is_done_when_it_is_prepared():
    assert answers(Held(IDLE, "app-1"), told("prepare"), busy=False) == (("XA_RDONLY", Held()),)


def test_what_is_decided_alone_is_told_until_it_is_forgotten():
    ((answer, decided),) = answers(Held("prepared", "app-1", 1), told("decide to commit"), busy=False)
    assert (answer, decided.status, decided.applied) == ("XA_OK", HEUR, 1)
    assert answers(decided, told("rollback"), busy=False) == (("XA_HEURCOM", decided),)
    assert answers(decided, told("forget"), busy=False) == (("XA_OK", Held(applied=1)),)


def test_another_session_may_be_told_that_there_is_no_such_branch():
    codes = [code for code, _ in answers(Held("prepared", "app-1", 1), told("commit", "app-2"), busy=False)]
    assert codes == ["XA_OK", "XAER_NOTA", "XAER_PROTO"]


def test_a_session_that_dies_loses_what_it_has_not_prepared():
    assert lost(Held(ACTIVE, "app-1", 2), "app-1").status == NON_EXISTENT
    assert lost(Held("prepared", "app-1", 2), "app-1") == Held("prepared", "", 2)
