"""Steps and their marks: a mark says what happened so far."""

from __future__ import annotations

from acidtest.models.shared.steps import MARKS, cancelled, performed


def test_a_mark_says_what_happened_so_far():
    for mark, (did, undid, _) in MARKS.items():
        following = performed(mark, idempotent=False)
        assert following is None or MARKS[following][:2] == (did + 1, undid)
        following = cancelled(mark, idempotent=False)
        assert following in {None, "X"} or MARKS[following][:2] == (did, undid + 1)
