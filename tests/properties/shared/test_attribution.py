"""Which request something is about that carries no more than words."""

import pytest

from acidtest.models.shared.ledger import Request
from acidtest.properties.shared.attribution import narrowed, words_of

FIRST = Request("w1", "k1", ("A", 61), (("A", -61),))
SECOND = Request("w2", "k2", ("A", 13), (("A", -13),))


@pytest.mark.parametrize("text", ["k1", "withdraw:k1", '{"key": "k1", "amount": 61}', "k1/A", "a.k1.b"])
def test_a_key_is_found_in_any_notation(text):
    assert "k1" in words_of(text)


@pytest.mark.parametrize("text", ["", "k11", "pre-k1", "k1_2"])
def test_a_part_of_a_word_is_no_word(text):
    assert "k1" not in words_of(text)


def test_the_strongest_test_decides_first():
    assert narrowed([FIRST, SECOND], lambda r: r.key == "k1", lambda r: r.payload == ("A", 13)) == [FIRST]


def test_a_test_that_nothing_passes_is_left_out():
    assert narrowed([FIRST, SECOND], lambda r: r.key == "k9", lambda r: r.payload == ("A", 13)) == [SECOND]


def test_where_nothing_speaks_for_any_all_remain():
    assert narrowed([FIRST, SECOND], lambda r: r.key == "k9") == [FIRST, SECOND]


def test_without_candidates_there_is_none():
    assert narrowed([], lambda _: True) == []
