"""Outboxes that fail, and what a search finds of them, filmed; one of them attacks whoever looks at it."""

from acidtest.impl.outbox import Outbox
from acidtest.search.check import check_scope, find_scope
from acidtest.search.explain import explain_failure
from acidtest.search.filming import film_of
from acidtest.search.harness import Harness

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\" a='\u202egnp.exe\0"


class MarksFirst(Outbox):
    """Marks a row before it publishes it."""

    def _deliver(self, row, token):
        self._mark(row, token)
        self._publish(row)


class Hostile(MarksFirst):
    """Says what no page should obey, and a megabyte of it."""

    def _message(self, key, account, amount):
        return {**super()._message(key, account, amount), "payload": HOSTILE.replace("\0", "\\0") + "x" * 1_000_000}

    def _mark(self, row, token):
        super()._mark(row, token)
        raise RuntimeError(HOSTILE)


def filmed(contract, factory, scope, implementation="my_module:MyOutbox"):
    """What a search of one scope finds, explained and filmed."""
    harness = Harness(contract, factory)
    try:
        result = check_scope(harness, find_scope(contract, scope))
        failure = explain_failure(harness, result, implementation)
        return failure, film_of(harness, result.scope, result.schedule, failure.beside)
    finally:
        harness.close()
