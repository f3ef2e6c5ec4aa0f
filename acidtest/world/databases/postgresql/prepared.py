"""Transactions that are prepared: the server has one list of them, and each database of the world has its own.

The databases of a world are schemas, which may stand for servers of their own. So two of them may prepare under one identifier, and none
sees or decides what another has prepared. On its way to the server an identifier gets a mark of its database, and what reads
`pg_prepared_xacts` reads a view in which there are only those of the database, without the mark.

What asks for the time by syntax, as CURRENT_TIMESTAMP, is changed on the same way (`moment.py`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from acidtest.world.databases.postgresql.moment import SYNTAX

_LIST = "pg_prepared_xacts"
#: What may have to be changed; what is in quotes or a comment comes first, and is left alone.
_NAMES = re.compile(
    rf"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|(?:\bpg_catalog\s*\.\s*)?\b(?P<list>{_LIST})\b|"""
    rf"""(?<![.\w])(?P<time>{"|".join(SYNTAX)})\b(?P<given>\s*\()?""",
    re.IGNORECASE,
)
_DECISION = re.compile(r"(\s*(?:PREPARE\s+TRANSACTION|COMMIT\s+PREPARED|ROLLBACK\s+PREPARED)\s+E?')", re.IGNORECASE)
_QUICK = re.compile(r"\bprepared?\b|pg_prepared|\bcurrent_|\blocaltime", re.IGNORECASE)


class Own(NamedTuple):
    """What of the server's list belongs to a database.

    Arguments:
        schema: where its view is.
        mark: what the identifiers begin with that it sends to the server.
        functions: the schema of the functions that tell the time.
    """

    schema: str
    mark: str
    functions: str

    @property
    def view(self) -> str:
        """The list that code under test sees."""
        return f"{self.schema}.{_LIST}"

    def creation(self) -> str:
        """What makes the view."""
        return (
            f"CREATE SCHEMA {self.schema}; CREATE VIEW {self.view} AS SELECT transaction, substr(gid, {len(self.mark) + 1}) AS gid, prepared, "
            f"owner, database FROM pg_catalog.{_LIST} WHERE starts_with(gid, '{self.mark}')"
        )

    def sent(self, sql: str) -> str:
        """A statement as it is sent to the server."""
        return _sent(sql, self) if _QUICK.search(sql) else sql

    def given(self, text: str) -> str:
        """A statement, or what an error says, as code under test knows it."""
        return text.replace(self.view, _LIST).replace(self.mark, "")


def own_of(schema: str, number: str, functions: str) -> Own:
    """What belongs to the database in a schema.

    Arguments:
        schema: its name.
        number: what no other database on the server has; short, for an identifier has at most 199 bytes.
        functions: the schema of the functions that tell the time.
    """
    return Own(f"{schema}_own", f"{number}:", functions)


@lru_cache(maxsize=4096)
def _sent(sql: str, own: Own) -> str:
    if decision := _DECISION.match(sql):
        return f"{decision[1]}{own.mark}{sql[decision.end() :]}"
    return _NAMES.sub(lambda found: _instead(found, own), sql)


def _instead(found: re.Match[str], own: Own) -> str:
    if found["list"]:
        return own.view
    if found["time"]:  # syntax, in place of which no function can be put
        return f'{own.functions}."{found["time"].lower()}"{found["given"] or "()"}'
    return found[0]
