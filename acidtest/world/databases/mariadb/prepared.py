"""Transactions that are prepared: the server has one list of them, and each database of the world has its own.

The databases of a world may stand for servers of their own. So two of them may prepare under one xid, and none sees or decides what
another has prepared. On its way to the server the first part of an xid gets a mark of its database, and XA RECOVER tells of those alone
that have it, without the mark.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from acidtest.errors import UsageError
from acidtest.world.core.process import complain
from acidtest.world.databases.mariadb.statement import parts_of

_NAMING = re.compile(r"(\s*XA\s+(?:START|BEGIN|END|PREPARE|COMMIT|ROLLBACK)\s+)(X'|0x|')", re.IGNORECASE)
#: How many bytes each part of an xid may have.
_LONGEST = 64

#: What XA RECOVER gives: the number of the format, the lengths of both parts, and these, one after the other or as SQL.
Row = tuple[Any, ...]


class Own(NamedTuple):
    """What of the server's list belongs to a database: what has its mark."""

    mark: str

    def sent(self, sql: str) -> str:
        """A statement as it is sent to the server.

        Raises:
            UsageError: with the mark the xid is too long.
        """
        naming = _NAMING.match(sql)
        if naming is None:
            return sql
        used = len(parts_of(sql[naming.end(1) :])[0].encode())
        if _LONGEST - len(self.mark) < used <= _LONGEST:
            message = (
                f"{sql!r}: the first part of the xid has {used} bytes. The databases of a world are on one server, and {len(self.mark)} of its "
                f"{_LONGEST} bytes say which of them a transaction is prepared in. Use an xid whose first part is shorter."
            )
            complain(UsageError(message))
        plain = naming[2] == "'"
        return f"{naming[1]}{naming[2]}{self.mark if plain else self._in_hexadecimals()}{sql[naming.end() :]}"

    def listed(self, rows: tuple[Row, ...]) -> tuple[Row, ...]:
        """What XA RECOVER tells of, as code under test sees it."""
        return tuple([self._without(row) for row in rows if self._known(row)])

    def _in_hexadecimals(self) -> str:
        return self.mark.encode().hex()

    def _begins(self) -> tuple[str, str, str]:
        """How the xids of the database begin: by themselves, and as SQL has them."""
        return self.mark, f"'{self.mark}", f"X'{self._in_hexadecimals()}"

    def _known(self, row: Row) -> bool:
        return _text(row[3]).startswith(self._begins())

    def _without(self, row: Row) -> Row:
        number, first, second, data = row
        begin = next(begin for begin in self._begins() if _text(data).startswith(begin))
        left = begin[: 0 if begin == self.mark else begin.index("'") + 1]
        rest: Any = left.encode() + data[len(begin) :] if isinstance(data, bytes) else left + data[len(begin) :]
        return number, first - len(self.mark), second, rest


def _text(data: Any) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)


def own_of(process: int, number: str) -> Own:
    """What belongs to one database.

    Arguments:
        process: which process of the system it is of, for others may use the same server.
        number: which of the databases of that.
    """
    return Own(f"{process:x}.{number}:")
