"""CQRS, a cache beside a view: the runs that leave it stale."""

from __future__ import annotations

from runs import witness

from acidtest.checker.check import check
from acidtest.models.cqrs.cache_aside import CQ8, N4, CacheAside


def test_a_cache_filled_with_what_was_read_before_the_invalidation_stays_stale():
    model = CacheAside(leases=False)
    assert witness(model, N4) == ["Get(0)", "ReadRow(0)", "Update", "Invalidate", "Fill(0)"]


def test_no_lease_helps_where_the_cache_is_invalidated_before_the_commit():
    model = CacheAside(updates=1, leases=True, delete_first=True)
    assert witness(model, CQ8) == ["Invalidate", "Get(0)", "ReadRow(0)", "Update", "Fill(0)"]


def test_that_nothing_was_found_is_a_value_that_creation_must_invalidate():
    last = check(CacheAside(updates=1, creation_invalidates=False), [CQ8]).findings[0].trace.last
    assert (last.row, last.cache) == (1, 0)
