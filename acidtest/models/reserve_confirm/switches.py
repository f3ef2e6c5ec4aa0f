"""What may be assumed of a payment provider, and the rules that a bank may keep or break which deals with it."""

from __future__ import annotations

from acidtest.checker.theory import Switch

PROVIDER = (
    Switch("idempotent", "the provider carries out an order once, however often it is called", default=True),
    Switch("queryable", "the provider answers inquiries", default=True),
    Switch("voidable", "the provider voids, and from then on refuses, an order that it has not got", default=True),
    Switch("callbacks", "the provider calls back", default=True),
    Switch("cooperative", "the provider answers in the end", default=True),
    Switch("device_duplicates", "the device sends an order twice, under two authorisations"),
)

BANK = (
    Switch("reconciliation", "the bank compares its books with the provider's statement", default=True),
    Switch("recovery", "a bank that crashed looks after what it had in hand", default=True),
    Switch("keep_key", "a call is repeated under the key that was noted before the first", default=True),
    Switch("client_key", "a customer who asks again is told what became of the first time", default=True),
    Switch("secured", "a hold is taken off what may be spent", default=True),
    Switch("once", "only what is not resolved yet is posted or released", default=True),
    Switch("blind_retry", "the bank repeats calls though the provider is not idempotent"),
    Switch("timeout_is_failure", "a call that is not answered in time counts as declined"),
    Switch("expire_by_time", "a hold is released after a time, without asking"),
    Switch("absent_is_failure", "a hold is released when an inquiry knows of no order"),
    Switch("regress", "a late callback that the order is under way makes it pending again"),
    Switch("full_capture", "what was reserved is posted, whatever was paid"),
    Switch("ignore_flag", "a reply is a success, whatever it says"),
    Switch("capture_first", "the bank posts before it calls"),
    Switch("credit_release", "a release is booked as a credit"),
    Switch("refund_is_release", "the books know one way to undo: a refund is booked as a release"),
    Switch("by_amount", "entries of the statement are matched by their amounts, so that one reversal undoes all"),
    Switch("reconcile_in_flight", "what the statement does not show is released, though it may be under way"),
)

SWITCHES = PROVIDER + BANK
