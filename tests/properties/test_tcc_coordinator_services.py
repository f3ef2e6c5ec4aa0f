"""The services that the harness plays to a coordinator keep what a service that takes part in TCC must keep."""

from __future__ import annotations

import pytest

from acidtest.environment import CallRefused, Outcome
from acidtest.models.tcc.coordinator import Branch
from acidtest.properties.tcc_coordinator.services import AccountService, Books
from acidtest.properties.tcc_coordinator.view import available_of, balances_of, branches_of

BANK = AccountService("bank", (("A", 100),))
TRY, CONFIRM, CANCEL = ("try_", "A", 41), ("confirm",), ("cancel",)


def told(*calls: tuple[object, ...], branch: str = "b1", books: Books | None = None) -> tuple[Books, list[object]]:
    """The books after these calls about a branch of g1, and the answers."""
    books, answers = books or BANK.initial(), []
    for method, *more in calls:
        books, answer = BANK.answer(books, str(method), ("g1", branch, *more))
        answers.append(answer)
    return books, answers


def seen(books: Books) -> tuple[int | None, int | None, list[str]]:
    """Balance, what may be spent, and the statuses of branches."""
    services = [("bank", books)]
    return dict(balances_of(services))["bank/A"], dict(available_of(services))["bank/A"], [b.status for b in branches_of(services, [])]


@pytest.mark.parametrize(
    ("calls", "answers", "left"),
    [
        ([TRY], "y", (100, 59, ["tried"])),
        ([TRY, TRY], "yy", (100, 59, ["tried"])),
        ([TRY, CONFIRM, CONFIRM, TRY], "yyyy", (59, 59, ["confirmed"])),
        ([TRY, CANCEL, CANCEL, TRY], "yyyn", (100, 100, ["cancelled"])),
        ([TRY, CONFIRM, CANCEL], "yyn", (59, 59, ["confirmed"])),
        ([TRY, CANCEL, CONFIRM], "yyn", (100, 100, ["cancelled"])),
        ([CANCEL, TRY, CONFIRM], "ynn", (100, 100, ["tombstone"])),
        ([CONFIRM, TRY], "ny", (100, 59, ["tried"])),
        ([("try_", "A", 101), ("try_", "A", 101), CANCEL], "nny", (100, 100, ["refused"])),
        ([TRY, ("try_", "A", 13), ("try_", "B", 41)], "ynn", (100, 59, ["tried"])),
        ([("try_", "nobody", 5)], "n", (100, 100, ["refused"])),
        ([("try_", "A", 0)], "n", (100, 100, ["refused"])),
        ([("try_", "A", 4.5)], "n", (100, 100, ["refused"])),
    ],
)
def test_calls_are_answered_as_the_port_of_participants_says(calls, answers, left):
    books, got = told(*calls)
    assert got == [{"y": Outcome.OK, "n": Outcome.REJECTED}[letter] for letter in answers]
    assert seen(books) == left


def test_what_is_held_for_one_branch_cannot_be_held_for_another():
    books, _ = told(("try_", "A", 61))
    assert told(TRY, books=books, branch="b2")[1] == [Outcome.REJECTED]


def test_what_a_branch_was_told_is_kept_also_where_it_was_refused():
    books, _ = told(TRY, CANCEL, CONFIRM)
    assert branches_of([("bank", books)], []) == (Branch("g1", "bank b1", "bank/A", 41, "cancelled", ("cancel", "confirm")),)


def test_what_is_on_its_way_counts_as_told():
    books, _ = told(TRY)
    coming = [("bank", "pay", ()), ("bank", "confirm", ("g1",)), ("bank", "confirm", ("g1", "b1")), ("bank", "try_", ("g1", "b3", "A", 1)), ("bank", "cancel", ("g1", "b2"))]
    assert branches_of([("bank", books)], coming) == (
        Branch("g1", "bank b1", "bank/A", 41, "tried", ("confirm",)), Branch("g1", "bank b2", "", 0, "none", ("cancel",)),
    )  # fmt: skip


@pytest.mark.parametrize(("method", "arguments"), [("pay", ("g1", "b1")), ("confirm", ("g1",))])
def test_a_call_that_no_service_has_is_refused_by_it(method, arguments):
    with pytest.raises(CallRefused, match=r"bank knows no call .* Each service has: try_\(gid, branch, account, amount\), confirm"):
        BANK.answer(BANK.initial(), method, arguments)
