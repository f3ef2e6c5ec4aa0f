"""What of a statement is changed on its way to the server, and what is left alone."""

from __future__ import annotations

import pytest

from acidtest.world.databases.postgresql.prepared import own_of

OWN = own_of("acidtest_7_1_bank", "7.1", "acidtest_7_0_functions")
NOW = 'acidtest_7_0_functions."current_timestamp"()'


@pytest.mark.parametrize(
    ("sql", "sent"),
    [
        ("PREPARE TRANSACTION 'a'", "PREPARE TRANSACTION '7.1:a'"),
        ("commit  prepared E'a\\\\b'", "commit  prepared E'7.1:a\\\\b'"),
        ("ROLLBACK PREPARED 'it''s'", "ROLLBACK PREPARED '7.1:it''s'"),
        ("SELECT gid FROM pg_prepared_xacts", "SELECT gid FROM acidtest_7_1_bank_own.pg_prepared_xacts"),
        (
            "SELECT pg_prepared_xacts.gid FROM pg_catalog.pg_prepared_xacts",
            "SELECT acidtest_7_1_bank_own.pg_prepared_xacts.gid FROM acidtest_7_1_bank_own.pg_prepared_xacts",
        ),
        ("INSERT INTO log VALUES (CURRENT_TIMESTAMP)", f"INSERT INTO log VALUES ({NOW})"),
        ("SELECT localtimestamp(3)", 'SELECT acidtest_7_0_functions."localtimestamp"(3)'),
    ],
)
def test_names_of_prepared_transactions_their_list_and_syntax_for_the_time_are_changed(sql: str, sent: str) -> None:
    assert OWN.sent(sql) == sent


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'CURRENT_TIMESTAMP', \"current_date\", t.localtime FROM t -- pg_prepared_xacts",
        "PREPARE plan AS SELECT 1",
        "UPDATE prepared SET current_date_of = 1",
        "SELECT now()",
    ],
)
def test_text_in_quotes_comments_columns_and_everything_else_are_left_alone(sql: str) -> None:
    assert OWN.sent(sql) == sql


def test_errors_and_statements_are_given_back_as_the_code_knows_them() -> None:
    assert OWN.given('transaction identifier "7.1:a" is already in use') == 'transaction identifier "a" is already in use'
    assert OWN.given(OWN.sent("SELECT gid FROM pg_prepared_xacts")) == "SELECT gid FROM pg_prepared_xacts"
