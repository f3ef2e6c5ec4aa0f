"""Mutants of a resource manager: PATTERNS 4, the rows about resource managers, and the switches of the model."""

from __future__ import annotations

from acidtest.impl.broken import Mutant
from acidtest.impl.broken.xa_resource.records import (
    ForgetsByItself,
    HeuristicAnsweredNota,
    RecoverSkipsHeuristics,
    RecoverSkipsPrepared,
    RecoverWholeCluster,
)
from acidtest.impl.broken.xa_resource.sessions import (
    CommitForgetsAfterwards,
    CommitsUnprepared,
    NotaKillsActive,
    PreparedNotDurable,
    PreparesAtWork,
    TimeoutAfterPrepare,
    UsedNameTaken,
)

MUTANTS: tuple[Mutant, ...] = (
    Mutant("nota-kills-active", NotaKillsActive, ("XA1", "XA9"), scope="from a branch at work"),
    Mutant("commits-unprepared", CommitsUnprepared, ("XA1",), scope="from a branch at work"),
    Mutant("prepares-at-work", PreparesAtWork, ("XA1",)),
    Mutant("dupid-unchecked", UsedNameTaken, ("XA9",), scope="from a prepared branch"),
    Mutant("prepared-not-durable", PreparedNotDurable, ("XA1", "XA8")),
    Mutant("commit-forgets-afterwards", CommitForgetsAfterwards, ("XA1",), scope="crash in a second phase"),
    Mutant("timeout-after-prepare", TimeoutAfterPrepare, ("XA10",)),
    Mutant("recover-whole-cluster", RecoverWholeCluster, ("XA5",)),
    Mutant("recover-skips-heuristics", RecoverSkipsHeuristics, ("XA8",), scope="decided alone"),
    Mutant("recover-skips-prepared", RecoverSkipsPrepared, ("XA8",)),
    Mutant("forgets-by-itself", ForgetsByItself, ("XA7", "XA8"), scope="decided alone"),
    Mutant("heuristic-answered-nota", HeuristicAnsweredNota, ("XA7",), scope="decided alone"),
)

NOT_HERE: dict[str, str] = {
    "rmerr-for-rmfail": "a session has no connection that could fail between it and the resource manager; its other half is in xa",
}
