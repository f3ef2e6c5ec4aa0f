"""The contract of the inbox: PATTERNS section 11, and what every pattern shares (section 0)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from acidtest.errors import ContractError
from acidtest.models.inbox.service import Answer, Copy, InboxModel, InboxView
from acidtest.properties.inbox.port import InboxPort
from acidtest.properties.inbox.properties import PROPERTIES
from acidtest.properties.inbox.scopes import MONTHS, SCOPES, SLOW_SCOPES
from acidtest.properties.inbox.stories import workloads
from acidtest.properties.inbox.view import DEAD, DEPOSITS, WITHDRAWALS, mails_of, view_of
from acidtest.properties.shared.contract import Contract
from acidtest.properties.shared.reading import Reading, amounts_of, shown
from acidtest.properties.shared.scopes import DAY
from acidtest.workload import Queueing

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from acidtest.checker.machine import Action
    from acidtest.properties.shared.seen import Seen
    from acidtest.workload import Scope

#: What is declared by those who refuse old messages, and the attribute that says from which age, in seconds.
WINDOW = "window"


class InboxContract(Contract):
    """Deposits and withdrawals that come as messages. Subclass it and give `implementation(env)`."""

    pattern: ClassVar[str] = "inbox"
    port = InboxPort
    known_capabilities: ClassVar[dict[str, str]] = {
        "replies": (
            'every message that is handled is answered on the topic "replies", by JSON with an "outcome" ("ok" or "rejected") and '
            "with the id and the topic of the message; whoever asks again gets the same answer, under the same id (IB7)"
        ),
        "ordered": "messages of one account take effect in the order of their sequence (IB10)",
        WINDOW: (
            "messages older than the seconds in the attribute `window` are refused, and are to be seen among the dead letters; "
            "records need to be kept only so long (IB5)"
        ),
        "parks": (
            "what cannot be handled is among the dead letters after at most ten attempts, also what kills whoever looks into it; "
            "when it is repaired and sent again, it is handled (G9, IB6)"
        ),
    }
    properties = PROPERTIES
    scopes = SCOPES
    slow_scopes = SLOW_SCOPES
    stateful_kinds: ClassVar[tuple[str, ...]] = (
        "crash", "unacknowledged", "lost", "refused", "late", "duplicated", "redelivered", "reordered",
    )  # fmt: skip
    stateful_changes: ClassVar[tuple[tuple[str, float], ...]] = (("jump", 2 * DAY), ("jump", MONTHS))

    #: What the implementation has declared.
    declared: frozenset[str] = frozenset()
    #: The age in seconds from which it refuses a message.
    window = float("inf")

    @classmethod
    def check_port(cls, implementation: object, member: str = "") -> None:
        """Refuse an implementation that lacks a method of the port, or has both `handle` and `consume`.

        Raises:
            ContractError: names what is missing, and the whole port.
        """
        super().check_port(implementation, member)
        offered = [name for name in ("handle", "consume") if hasattr(implementation, name)]
        if len(offered) != 1:
            what = "has both handle and consume" if offered else "has neither handle nor consume"
            message = (
                f"{type(implementation).__name__} {what}, and must have one of them: handle(message) where messages are pushed, "
                "consume() where it pulls them by env.broker.receive."
            )
            raise ContractError(message)

    def capabilities(self, implementation: object) -> frozenset[str]:
        """What the implementation declares, and its window.

        Raises:
            ContractError: it declares what there is not, or a window without saying how long it is.
        """
        self.declared = super().capabilities(implementation)
        window = getattr(implementation, WINDOW, None)
        if WINDOW in self.declared and not (isinstance(window, (int, float)) and window > 0):
            message = (
                f"It declares a window, and its attribute `window` is {shown(window)}. It must be the age in seconds from which "
                "messages are refused, for example 30 * 86_400: nobody can tell otherwise which may be."
            )
            raise ContractError(message)
        self.window = float(window) if WINDOW in self.declared and isinstance(window, (int, float)) else float("inf")
        return self.declared

    def equipment(self, scope: Scope) -> Mapping[str, Any]:  # noqa: ARG002
        """The two subscriptions, for which processes compete."""
        return {"broker": Queueing((DEPOSITS, WITHDRAWALS), DEAD)}

    def fitted(self, scope: Scope, offered: Mapping[str, frozenset[str]]) -> Scope:
        """The scope, with polls where an implementation pulls; without cleaning where it never cleans."""
        has = offered[""]
        clients = []
        for client in scope.clients:
            operations = [op for op in client.operations if op.method != "purge" or "purge" in has]
            if "consume" in has:
                operations = [op._replace(method="consume", source="") if op.method == "handle" else op for op in operations]
            clients.append(client._replace(operations=tuple(operations)))
        return replace(scope, clients=tuple(clients))

    def model(self, scope: Scope) -> InboxModel:
        """The inbox over the messages of `scope`."""
        resends = any(op.method == "resend" for client in scope.clients for op in client.operations)
        return InboxModel(scope.accounts, mails_of(scope), resends=resends)

    def observe(self, implementation: Any) -> Hashable:  # noqa: ANN401
        """The committed balances."""
        return amounts_of(implementation.balances(), "balances()")

    def readings(self, scope: Scope, observed: Any, member: str = "") -> tuple[Reading, ...]:  # noqa: ANN401, ARG002
        """The balances."""
        return (Reading("balances()", observed, tuple(sorted(scope.accounts))),)

    def view(self, scope: Scope, seen: Seen, before: InboxView | None) -> InboxView:
        """Say of balances, answers and dead letters which message they are about."""
        return view_of(scope, seen, before, self.declared, self.window)

    def abstract(self, view: InboxView) -> Hashable:
        """Without what answers carry, how often what was tried, and what befell the run."""
        copies = tuple([Copy(copy.about, copy.status) for copy in view.copies])
        answers = tuple(sorted({Answer(answer.about, answer.outcome) for answer in view.answers}))
        return InboxView(view.opening, view.balances, view.mails, copies, view.accepted, answers, view.letters)

    def shown(self, view: InboxView) -> Mapping[str, Any]:
        """Balances, what has become of each message, answers and dead letters."""
        several = len({answer.about for answer in view.answers}) < len(view.answers)
        told = [f"{a.about}: {a.outcome}" + (f" as {a.id}: {a.payload.replace(chr(0), ' ')}" if several else "") for a in view.answers]
        return {
            "balances": view.balances, "messages": tuple([f"{copy.about} {copy.status}" for copy in view.copies]),
            "took effect": view.accepted, "answers": tuple(told), "dead letters": view.letters,
        }  # fmt: skip

    def actions(self, scope: Scope, kind: str, subject: str, value: object) -> Sequence[Action]:  # noqa: ARG002
        """None: calls of handlers tell nobody anything."""
        return ()

    @classmethod
    def stateful_workloads(cls) -> Sequence[Sequence[Scope]]:
        """Stories of messages, alone and one after the other."""
        return workloads(cls.stateful_kinds)
