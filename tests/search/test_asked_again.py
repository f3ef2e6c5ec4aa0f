"""A client that was told nothing asks again when all has come to rest, and what it asks for then is its own."""

from acidtest.impl.broken.event_store.appends import Unguarded
from acidtest.properties.event_store.contract import EventStoreContract
from acidtest.properties.event_store.scopes import append
from acidtest.properties.shared.scopes import client
from acidtest.search.check import check_scope
from acidtest.search.harness import Harness
from acidtest.search.verdict import Verdict
from acidtest.workload import Scope


class ByVersionsAlone(Unguarded):
    """A store that stores again what it is asked for again, and says so."""

    capabilities = frozenset({"versions_only"})

    def _recognised(self, connection, stream, new):
        return None


TWICE_UNTOLD = Scope(
    "twice untold", "an append that is told nothing, and again", (), (client("app-1", append("a1", "a", None, "e1")),),
    faults=2, kinds=frozenset({"unacknowledged"}),
)  # fmt: skip


def test_what_takes_effect_while_a_client_asks_again_was_asked_for():
    harness = Harness(EventStoreContract(), ByVersionsAlone)
    try:
        result = check_scope(harness, TWICE_UNTOLD)
    finally:
        harness.close()
    assert (result.violation, result.verdict) == (None, Verdict.PASS)
