"""Which request something is about that carries no more than words: a message, an order at an external system.

Implementations name things as they like. What they write there nearly always contains the client's key, an amount or an
account, in some notation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from acidtest.models.shared.ledger import Request


@lru_cache(maxsize=10_000)  # the same texts are looked at again at every step
def words_of(text: str) -> frozenset[str]:
    """The words of `text`, whatever separates them. Hyphens and underscores belong to words, as they do in keys."""
    return frozenset("".join(c if c.isalnum() or c in "_-" else " " for c in text).split())


def narrowed(candidates: Iterable[Request], *tests: Callable[[Request], bool]) -> list[Request]:
    """The requests that pass the tests, applied one after the other. A test that none of them passes is left out.

    Arguments:
        candidates: the requests, in the order in which they are returned.
        tests: what speaks for a request, the strongest first.

    Returns:
        those that remain; none only if there was no candidate.
    """
    remaining = list(candidates)
    for test in tests:
        remaining = [request for request in remaining if test(request)] or remaining
    return remaining
