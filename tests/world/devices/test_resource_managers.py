"""Played resource managers: X/Open's state table, funds that are held back, and what they do by themselves."""

from acidtest.environment import Xa, XaError, Xid
from acidtest.world.devices.resource.faults import possible
from acidtest.world.devices.resource.manager import ABORTED, NAMED_AGAIN, TOLD_AGAIN, Manager

ONE, TWO = Xid(1, "g1", "left"), Xid(1, "g2", "left")


def prepared(*changes):
    manager = Manager("left", [("A", 100), ("B", 0)])
    manager.start("session", ONE)
    for account, amount in changes or [("A", -60)]:
        manager.change("session", account, amount)
    manager.end("session", ONE)
    manager.prepare(ONE)
    return manager


def test_both_phases_change_an_account():
    manager = prepared()
    assert manager.recover() == (ONE,)
    assert manager.commit(ONE, one_phase=False) == Xa.OK
    assert (manager.accounts["A"], manager.recover()) == (40, ())


def test_what_is_promised_is_held_back_from_others():
    manager = prepared()
    manager.start("other", TWO)
    assert manager.change("other", "A", -41) == Xa.INVAL
    assert manager.change("other", "A", -40) == Xa.OK


def test_a_branch_that_only_read_is_done_and_notes_who_tells_it_more():
    manager = Manager("left", [("A", 100)])
    manager.start("session", ONE)
    assert manager.read("session", "A") == 100
    manager.end("session", ONE)
    assert manager.prepare(ONE) == Xa.RDONLY
    manager.branches[ONE].known = True
    assert manager.commit(ONE, one_phase=False) == Xa.NOTA
    assert manager.branches[ONE].notes == {TOLD_AGAIN}


def test_a_name_is_refused_while_there_is_such_a_branch_and_noted_afterwards():
    manager = prepared()
    assert manager.start("session", ONE) == Xa.DUPID
    manager.rollback(ONE)
    assert manager.start("session", ONE) == Xa.OK
    assert manager.branches[ONE].notes == {NAMED_AGAIN}


def test_a_decision_in_part_is_kept_until_it_is_forgotten():
    manager = prepared(("A", -60), ("B", 60))
    manager.decide(ONE, "heurmix", commits=False)
    assert (manager.accounts, manager.commit(ONE, one_phase=False)) == ({"A": 40, "B": 0}, Xa.HEURMIX)
    assert manager.recover() == (ONE,)
    assert manager.forget(ONE) == Xa.OK
    assert manager.recover() == ()


def test_a_connection_takes_with_it_what_is_not_prepared():
    manager = prepared()
    manager.start("session", TWO)
    manager.disconnect("session")
    assert (manager.branches[TWO].status, manager.recover()) == (ABORTED, (ONE,))


def test_only_what_can_befall_a_branch_befalls_it():
    manager = prepared()
    assert "heurrb" in possible(manager, "commit", ONE)
    assert "heurmix" not in possible(manager, "commit", ONE)
    assert "timed out" not in possible(manager, "prepare", ONE)


def test_an_error_is_named_after_its_code():
    error = XaError.of(Xa.RMFAIL, "left was told to commit g1/left")
    assert (type(error).__name__, error.code, str(error)) == ("XAER_RMFAIL", Xa.RMFAIL, "XAER_RMFAIL: left was told to commit g1/left")
    assert type(error) is type(XaError.of(Xa.RMFAIL, ""))
