"""Mutants of the financial system: what must change together does not, or a late view is taken for the books."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from acidtest.environment import Outcome
from acidtest.impl.architectures.finance import INTO, OFFICE, Bank, Office, statements
from acidtest.impl.broken import Mutant
from acidtest.impl.tcc import accounts
from acidtest.impl.tcc_coordinator import CONFIRM

if TYPE_CHECKING:
    from acidtest.environment import Environment
    from acidtest.impl.tcc_coordinator import Answer

_of_account = accounts.c.id == sa.bindparam("account")


class TrustsTheStatement(Bank):
    """Looks at the statement to see whether there is enough: it is late."""

    hold = sa.update(accounts).where(_of_account).values(held=accounts.c.held + sa.bindparam("amount"))

    def _hold(self, connection: sa.Connection, account: str, amount: int) -> bool:
        if account.startswith(INTO):
            return super()._hold(connection, account, amount)
        with self.view.connect() as view:
            shown = view.execute(sa.select(statements.c.balance).where(statements.c.account == account)).scalar_one()
        return bool(shown >= amount) and super()._hold(connection, account, amount)


class RecordsAfterwards(Bank):
    """Appends the event in a transaction of its own, after the balance has changed."""

    def confirm(self, gid: str, branch: str) -> Outcome:
        """Book, and then record."""
        self.unrecorded: list[tuple[str, int]] = []
        outcome = super().confirm(gid, branch)
        for account, amount in self.unrecorded:
            with self.engine.begin() as connection:
                super()._record(connection, account, amount)
        return outcome

    def _record(self, connection: sa.Connection, account: str, amount: int) -> None:  # noqa: ARG002 - later
        self.unrecorded.append((account, amount))


class SavesItsPlaceAfterwards(Bank):
    """Remembers how far the statements are in a transaction of its own: whoever dies in between shows events twice."""

    def project(self) -> None:
        """Show, and then remember."""
        self.reached = 0
        super().project()
        if self.reached:
            with self.view.begin() as connection:
                super()._save(connection, self.reached)

    def _save(self, connection: sa.Connection, position: int) -> None:  # noqa: ARG002 - later
        self.reached = position


class ReceiptForTheAsking(Office):
    """Sends the receipt when all have said that they can, before it is decided: somebody else may have cancelled it."""

    def _execute(self, gid: str, work: list[Any]) -> Answer:
        can = self._try_all(work)
        body = json.dumps({"moved": can})
        self.letters.broker.publish(f"receipt {gid}", gid, body, topic=self.letters.topic)
        decision = self._decide(gid, CONFIRM if can else "cancel")
        self._carry_out(gid, work, decision)
        return self._told(decision)

    def _owe(self, connection: sa.Connection, gid: str, decision: str) -> None:
        if decision != CONFIRM:
            super()._owe(connection, gid, decision)


class ConfirmsOnce(Office):
    """Is done with a transfer when every bank was told once, whether it has answered or not."""

    def _tell_all(self, work: list[Any], decision: str) -> bool:
        super()._tell_all(work, decision)
        return True


class CancelsWhatAnswered(Office):
    """Cancels only what has said yes: a bank whose answer was lost keeps its hold."""

    def __init__(self, env: Environment) -> None:
        """Nobody has said yes yet."""
        super().__init__(env)
        self.said_yes: set[Any] = set()

    def _try(self, branch: Any) -> bool:
        said = super()._try(branch)
        if said:
            self.said_yes.add(branch)
        return said

    def _carry_out(self, gid: str, work: list[Any], decision: str) -> None:
        told = work if decision == CONFIRM else [branch for branch in work if branch in self.said_yes]
        super()._carry_out(gid, told, decision)


class NoReceiptForTheOverdue(Office):
    """Owes receipts where it decides, and forgets that what is overdue is decided elsewhere."""

    def _take_over(self, row: Any) -> Any:
        return super(Office, self)._take_over(row)


def _with(office: type[Office] = Office, bank: type[Bank] = Bank) -> Any:
    """The system with another office, or with other banks."""

    def finance(env: Environment) -> Office | Bank:
        return office(env) if env.service == OFFICE else bank(env)

    finance.__doc__ = (bank if office is Office else office).__doc__
    return finance


trusts_the_statement, records_afterwards = _with(bank=TrustsTheStatement), _with(bank=RecordsAfterwards)
saves_its_place_afterwards, receipt_for_the_asking = _with(bank=SavesItsPlaceAfterwards), _with(office=ReceiptForTheAsking)
confirms_once, cancels_what_answered = _with(office=ConfirmsOnce), _with(office=CancelsWhatAnswered)
no_receipt_for_the_overdue = _with(office=NoReceiptForTheOverdue)

MUTANTS = (
    Mutant("trusts-the-statement", trusts_the_statement, ("nobody_spends_what_he_has_not",), scope="money for one of two"),
    Mutant("records-afterwards", records_afterwards, ("the_record_is_complete",), scope="a crash"),
    Mutant("saves-its-place-afterwards", saves_its_place_afterwards, ("statements_catch_up",), scope="statements"),
    Mutant("receipt-for-the-asking", receipt_for_the_asking, ("a_receipt_is_true",), scope="a crash"),
    Mutant("no-receipt-for-the-overdue", no_receipt_for_the_overdue, ("a_receipt_says_what_was_moved",), scope="a crash"),
    Mutant("confirms-once", confirms_once, ("money",), scope="no reply"),
    Mutant("cancels-what-answered", cancels_what_answered, ("nothing_stays_held",), scope="no reply"),
)
