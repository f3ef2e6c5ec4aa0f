"""Mutants."""
from acidtest.impl.broken import Mutant
from acidtest.impl.broken.saga_orchestration import steps as s
MUTANTS = tuple(Mutant(c.__name__, c, ()) for c in vars(s).values() if isinstance(c, type) and issubclass(c, s.Orchestrator) and c is not s.Orchestrator)
NOT_HERE: dict[str, str] = {}
