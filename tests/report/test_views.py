"""Views are shown by name, value for value, no wider than a terminal, with the difference marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acidtest.models.shared.steps import SagaSeen
from acidtest.models.tcc.coordinator import Branch
from acidtest.patterns import pattern
from acidtest.properties.saga.view import order_shown
from acidtest.properties.tcc_coordinator.view import branches_shown
from acidtest.report.columns import render
from acidtest.search.check import check_exhaustively, find_scope
from acidtest.search.explain import told

if TYPE_CHECKING:
    from acidtest.search.failure import Failure

#: Per pattern, a mutant whose failure shows its view.
SHOWN = [
    ("saga_orchestration", "refusal-parks"),
    ("saga_orchestration", "skip-failed-step-comp"),
    ("saga_choreography", "fail-event-only-to-previous"),
    ("saga_choreography", "wrong-direction"),
    ("tcc_coordinator", "recovery-cancels-live-try"),
    ("tcc_coordinator", "decision-not-persisted-retry"),
    ("two_phase_commit", "vote-before-log"),
    ("three_phase_commit", "precommit-on-majority-yes"),
    ("compensation", "key-in-progress (X14)"),
    ("compensation", "undone-from-stale-balance"),
    ("reserve_confirm", "expire-timer-on-decline-only"),
    ("outbox", "publish-outside-tx"),
    ("outbox_inbox", "mark-before-publish"),
    ("outbox_inbox", "id-per-attempt"),
    ("tcc", "confirm-twice-debits"),
    ("acid", "rmw-lost-update"),
]


def failure_of(stem: str, name: str) -> Failure:
    mutant = next(mutant for mutant in pattern(stem).mutants() if mutant.name == name)
    contract = pattern(stem).contract_class()()
    scopes = (find_scope(contract, mutant.scope),) if mutant.scope else ()
    for harness, result in check_exhaustively(contract, mutant.factory, scopes=scopes):
        if result.violation is not None:
            return told(harness, result, "my:Code")
    pytest.fail("it passes")


@pytest.mark.parametrize(("stem", "name"), SHOWN, ids=[f"{stem}-{name}" for stem, name in SHOWN])
def test_no_view_is_shown_as_a_raw_tuple_nor_wider_than_a_terminal(stem: str, name: str) -> None:
    failure = failure_of(stem, name)
    assert failure.difference
    assert not [text for row in failure.difference for text in row if "=" in text or "(" in text]
    story = render(failure, width=80, regression=False)
    assert max(map(len, story.splitlines())) <= 80  # noqa: PLR2004 - the width asked for


def test_what_the_model_says_nothing_of_is_not_told_as_a_difference() -> None:
    names = [name for name, _, _ in failure_of("compensation", "undone-from-stale-balance").difference]
    assert names == ["balances", "accepted"]


def test_copies_that_differ_show_what_they_carry() -> None:
    shown = {name: observed for name, _, observed in failure_of("outbox", "id-per-attempt").difference}
    assert shown["copies"].count("w1 as ") == 2  # noqa: PLR2004 - two copies
    assert '"amount": ' in shown["copies"]


def test_the_service_that_differs_is_marked_in_the_order_that_differs() -> None:
    failure = failure_of("saga_choreography", "wrong-direction")
    assert failure.difference == (("order k2", "running, payment done, stock done", "compensated, payment undone, stock done"),)
    assert "≠ payment undone, stock done" in " ".join(render(failure, width=160).split())


@pytest.mark.parametrize(
    ("saga", "shown"),
    [
        (SagaSeen(2, (0, 0), (0, 0), (False, False), ""), ("not known",)),
        (SagaSeen(2, (1, 0), (1, 0), (False, True), "running"), ("running", "payment undone", "stock barred")),
        (SagaSeen(2, (2, 0), (1, 0), (True, False), "parked"), ("parked", "payment done 2 times and undone 1 times and barred")),
    ],
)
def test_an_order_is_shown_by_what_the_services_have_done_for_it(saga: SagaSeen, shown: tuple[str, ...]) -> None:
    assert order_shown(saga) == shown


def test_branches_are_shown_by_account_and_amount_and_a_second_one_by_its_number() -> None:
    tried = Branch("g1", "bank 1", "bank/A", 41, "tried", ("cancel",))
    assert branches_shown([tried, tried._replace(id="bank 2", told=()), Branch("g2", "bank 3", "", 0, "tombstone")]) == {
        "g1 bank/A 41": ("tried", "told cancel"), "g1 bank/A 41 (2)": ("tried",), "g2 bank 3": ("tombstone",),
    }  # fmt: skip
