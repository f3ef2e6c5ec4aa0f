"""`ExecuteTCC` of the overview (section 7), from Go, statement for statement.

    func ExecuteTCC(services []TCCService) error {
        txID := generateTxID()
        for _, svc := range services {
            if err := svc.Try(context.Background(), txID); err != nil {
                for _, s := range services {
                    s.Cancel(context.Background(), txID)
                }
                return err
            }
        }
        for _, svc := range services {
            if err := svc.Confirm(context.Background(), txID); err != nil {
                // Partial failure - need manual intervention
                log.Error("TCC confirm failed", err)
                return err
            }
        }
        return nil
    }

The id is the one that the port gives, the account and the amount are the port's; a service is told of a transaction and
not of branches, as in the text. No is an error of a Try, and whoever gets an error back takes it for a failure. The text
keeps nothing, so there is nothing to recover and nothing to look after.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from acidtest.environment import CallRefused, CallTimeout, Outcome
from acidtest.impl.naive import Defect

if TYPE_CHECKING:
    from collections.abc import Sequence

    from acidtest.environment import Environment


class TccError(Exception):
    """An error of a service, as Go returns it."""


class NaiveCoordinator:
    """The overview's coordinator.

    Arguments:
        env: gives the way to the services.
    """

    def __init__(self, env: Environment) -> None:
        """Keep the way to the services."""
        self.env = env

    def install(self) -> None:
        """Create nothing."""

    def run(self, gid: str, branches: Sequence[tuple[str, str, int]]) -> Outcome:
        """`err := ExecuteTCC(services)`."""
        try:
            self.execute(gid, branches)
        except TccError:
            return Outcome.REJECTED
        return Outcome.OK

    def execute(self, tx_id: str, services: Sequence[tuple[str, str, int]]) -> None:
        """`ExecuteTCC`."""
        # Phase 1: TRY
        for svc, account, amount in services:
            try:
                self.call(svc, "try_", tx_id, account, amount)
            except TccError:
                # Cancel all
                for s, _, _ in services:
                    with suppress(TccError):
                        self.call(s, "cancel", tx_id)
                raise

        # Phase 2: CONFIRM
        for svc, _, _ in services:
            self.call(svc, "confirm", tx_id)

    def call(self, service: str, method: str, tx_id: str, *arguments: object) -> None:
        """Call a method of a service; anything but ok is an error."""
        try:
            answer = self.env.call(service, method, tx_id, "", *arguments)
        except (CallRefused, CallTimeout) as error:
            raise TccError from error
        if answer != Outcome.OK:
            raise TccError(answer)

    def tick(self) -> None:
        """Nothing."""

    def recover(self) -> None:
        """Nothing."""


DEFECTS: tuple[Defect, ...] = (
    Defect("S7.10", "errors of Cancel are ignored, and nobody cancels again: the money stays held", NaiveCoordinator, ("T8",), "two failures"),
    Defect("S7.11", "a Confirm that fails is left to an operator: confirmed here, held there", NaiveCoordinator, ("T1",), "lost replies"),
    Defect("S7.11 sum", "and money is missing for which nobody got anything", NaiveCoordinator, ("T12",), "lost replies"),
    Defect("S7.11 answer", "the error of a Confirm is passed on as failure, of what is confirmed in part", NaiveCoordinator, ("G4",), "lost replies"),
    Defect("S7.12", "no log: a crash after a Try leaves a hold for ever", NaiveCoordinator, ("T8",), "two failures"),
    Defect("S7.12 half", "no log: a crash between two Confirms is final", NaiveCoordinator, ("T1",), "two failures"),
    Defect("S7.12 recovery", "no log, no recovery", NaiveCoordinator, ("G10",), "two failures"),
    Defect("S7.12 id", "no log: an id that was used is used again for something else", NaiveCoordinator, ("G7",), "one id for several"),
    Defect("S7.15", "one id per transaction: a service that is used twice takes the second Try for the first", NaiveCoordinator, ("G11",), "one service twice"),
)  # fmt: skip

_SERVICE = "about AccountService, the other half: it is exhibited by the naive version of tcc"
_FENCED = "the services that the harness plays fence: a Cancel without a Try does nothing but refuse that Try, however late"
NOT_EXHIBITED: dict[str, str] = {
    **{f"S7.{i}": _SERVICE for i in (1, 3, 4, 5, 6, 7, 8, 16)},
    "S7.2": "amount and account are undefined in the text; a translation has to pass something",
    "S7.9": f"it cancels what was never tried, which is right where services can bear it; {_FENCED}",
    "S7.13": f"it takes silence for failure and cancels, which is right if Cancel may overtake Try; {_FENCED}",
    "S7.14": "a service must not let a hold expire on its own; that nobody else ends it here is S7.12",
    "S7.17": "a claim of the comparison table; the theory of the pattern refutes it",
}
