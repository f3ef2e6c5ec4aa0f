"""Effects, faults and decisions: the words in which a schedule is written.

An *effect* is one I/O at the boundary of the code under test. A task parks before each of its effects; a *decision*
says which task goes on, and with which *fault*. A schedule is a list of decisions.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

#: Time that has passed stays passed, and what an answer of a database says has happened.
_LASTING = ("sleep", "reply")
#: An answer can be lost of what only reads as well, and that leaves nothing.
_FLEETING = ("fetch",)


class Effect(NamedTuple):
    """One I/O at the boundary.

    Arguments:
        kind: read, write, lock, commit, prepare, decide, reply (to what waited), publish, receive, ack, nack, perform,
            void, inquire, call, fetch and store (of a cache), resource (a call of a resource manager), sleep, wait or other.
        where: the database, topic or other place that it acts on.
        what: the statement or message, short enough for a column of a report.
        detail: parameters; part of what must be equal when the run is replayed.
        local: it neither influences nor is influenced by any other process (it happens inside a transaction that
            already has its snapshot or its lock), so that no other order of events needs to be tried around it.
        faults: the fault kinds that can befall it.
        lasting: it leaves something behind although it cannot be lost, as where a broker remembers what it has delivered.
        timed: what it does may depend on the time.
    """

    kind: str
    where: str
    what: str
    detail: Hashable = ()
    local: bool = False
    faults: tuple[str, ...] = ()
    lasting: bool = False
    timed: bool = False

    @property
    def label(self) -> str:
        """How schedules name the effect."""
        return f"{self.where}: {self.what}"

    @property
    def lasts(self) -> bool:
        """Whether a crash right after it leaves something else than a crash right before it."""
        return self.lasting or (LOST in self.faults and self.kind not in _FLEETING) or self.kind in _LASTING

    @property
    def fingerprint(self) -> Hashable:
        """What is compared when the run is replayed."""
        return self[:4]


#: The ambiguous replies (DESIGN: *refused* is a definite error; the caller sees the same error for the next three).
#: The kind of the effect that lets time pass.
SLEEP = "sleep"

REFUSED = "refused"  #: a definite error, no effect
LOST = "lost"  #: an error, no effect
UNACKNOWLEDGED = "unacknowledged"  #: an error, but it took effect
LATE = "late"  #: an error now, takes effect later
TWICE = "twice"  #: at-least-once channels deliver it twice
DROPPED = "dropped"  #: a message never arrives, and nobody is told
DELAYED = "delayed"  #: a message that is there is not delivered yet; an inquiry is answered by what was known before
REORDERED = "reordered"  #: a later message is delivered before an earlier one
DUPLICATED = "duplicated"  #: a message that was acknowledged is delivered again
REDELIVERED = "redelivered"  #: a message that somebody is handling is delivered again: his connection is taken for lost
CRASH = "crash"  #: it took effect and then the process died
CANCELLED = "cancelled"  #: the call was cancelled while it awaited the effect, which does not happen
CANCELLED_AFTER = "cancelled after"  #: it took effect, and the call was cancelled before the answer came
DEADLOCK = "deadlock"  #: the database chose this task as the victim of a deadlock
TIMEOUT = "timeout"  #: the database gave up waiting for a lock, as it was told to

#: The whole database server dies and is started again: every connection is lost, and what was not committed or prepared.
RESTART_DATABASE = "restart database"
#: The target of the decision for that; where databases are of several kinds, followed by the kind whose server it is.
DATABASE = "database"
#: The servers of a cache die and are started again: all that they held is gone, and every connection is lost.
RESTART_CACHE = "restart cache"
#: A server of a cache drops a key, as it may at any moment.
EVICT = "evict"
#: A service is restored from a backup: its databases go back to what they held at an earlier moment of the run, and its processes end.
BACKUP = "backup"

#: What a resource manager of distributed transactions may do by itself before a call reaches it. It has decided the branch alone,
#: and keeps that: committed, rolled back, in part, or it does not know;
HEURCOM, HEURRB, HEURMIX, HEURHAZ = "heurcom", "heurrb", "heurmix", "heurhaz"
HEURISTIC_FAULTS = (HEURCOM, HEURRB, HEURMIX, HEURHAZ)
ROLLED_BACK = "rolled back"  #: it rolls a prepared branch back, says so, and keeps nothing
FORGOTTEN = "forgotten"  #: it has rolled a prepared branch back alone, and keeps nothing
TIMED_OUT = "timed out"  #: the branch, which is not prepared, has taken too long
RESTART_RESOURCE = "restart resource"  #: it was restarted: what is not prepared is rolled back, whoever's it is, and nobody answers

#: What befalls calls that are coroutines, and no others.
CANCELLATIONS = frozenset({CANCELLED, CANCELLED_AFTER})
FAULT_KINDS = (
    REFUSED, LOST, UNACKNOWLEDGED, LATE, TWICE, DROPPED, DELAYED, REORDERED, DUPLICATED, REDELIVERED, CRASH, CANCELLED, CANCELLED_AFTER,
    *HEURISTIC_FAULTS, ROLLED_BACK, FORGOTTEN, TIMED_OUT, RESTART_RESOURCE,
)  # fmt: skip
COMMIT_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED, LATE)
STATEMENT_FAULTS = (REFUSED,)
PUBLISH_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED, LATE, TWICE)
ACK_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED)
PERFORM_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED, LATE, TWICE)
VOID_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED)
INQUIRE_FAULTS = (REFUSED, DELAYED)
CALL_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED, LATE, TWICE)
FETCH_FAULTS = (REFUSED, LOST)
STORE_FAULTS = (REFUSED, LOST, UNACKNOWLEDGED, LATE)

class Decision(NamedTuple):
    """What the search chooses.

    Arguments:
        kind: advance (a lane), crash or restart (a process, the database or the cache), land (an effect that was late), victim
            (a lane, of a deadlock), evict (a key of a cache), backup (a service, and the number of its backup), deliver or redeliver (a message).
        target: the lane, process, late effect, key or delivery that it acts on.
        fault: for `advance`: what befalls the effect; empty for none.
        effect: the label of the effect that it performs; for the reader, and checked on replay.
    """

    kind: str
    target: str
    fault: str = ""
    effect: str = ""

    def __str__(self) -> str:
        fault = f" [{self.fault}]" if self.fault else ""
        return f"{self.kind} {self.target}{fault} | {self.effect}" if self.effect else f"{self.kind} {self.target}{fault}"

    @property
    def restarts_database(self) -> bool:
        """Whether it is the death of the database server, and not the start of a process."""
        return self.kind == "restart" and self.target.partition(" ")[0] == DATABASE

    @property
    def server(self) -> str:
        """The kind of database whose server dies; empty where there is one kind."""
        return self.target.partition(" ")[2] if self.restarts_database else ""

    @property
    def mishap(self) -> str:
        """The fault kind, where it is one that befalls the outside by itself, and no effect; else empty."""
        if self.kind in (EVICT, BACKUP):
            return self.kind
        if self.restarts_database:
            return RESTART_DATABASE
        whole = f"{self.kind} {self.target}"
        return whole if whole == RESTART_CACHE else ""

    @classmethod
    def parse(cls, text: str) -> Decision:
        """The decision that `str` made this text of.

        Raises:
            ValueError: it is not a decision.
        """
        head, _, effect = text.partition(" | ")
        kind, _, target = head.partition(" ")
        target, bracket, fault = target.partition(" [")
        if not target or (bracket and not fault.endswith("]")):
            message = f"{text!r} is not a decision; one reads like 'advance app-1 [crash] | bank: COMMIT'."
            raise ValueError(message)
        return cls(kind, target, fault.removesuffix("]"), effect)


class RunEnded(Exception):  # noqa: N818 - not an error of anyone
    """Thrown into every task that is parked when a run is given up: unlike a crash it is no event of the run.

    An ordinary exception: libraries drop and reopen connections on others, and that would cost more than the run.
    """


class Aside(BaseException):  # noqa: N818 - not an error of anyone
    """For whoever runs the world: raised in a task, but no business of the code under test."""


class ProcessCrash(BaseException):  # noqa: N818 - not an error of anyone
    """Thrown into every task of a process that has died; no `except Exception` may catch it."""
