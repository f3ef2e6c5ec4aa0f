"""The names of branches: as X/Open has them, and as servers keep them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

from acidtest.environment import Xid
from acidtest.errors import ContractError
from acidtest.world.core.process import complain

_LONGEST = 64  #: of both parts of a name, in bytes, as X/Open has it


def xid_of(xid: Any) -> Xid:
    """The name of a branch, as X/Open has it.

    Raises:
        ContractError: it is none.
    """
    try:
        given = Xid(*xid)
        fits = isinstance(given.format_id, int) and all(isinstance(part, str) for part in given[1:])
        fits = fits and all(len(part.encode()) <= _LONGEST for part in given[1:])
    except TypeError:
        fits = False
    if not fits:
        complain(ContractError(
            f"A branch was named {xid!r}; the name of a branch is Xid(format_id, gtrid, bqual): a number and two texts of at most {_LONGEST} bytes."
        ))  # fmt: skip
    return given


def named(resource: str, xid: Xid) -> str:
    """The name of a branch on a server that several resource managers share; it needs no quotes and has no percent signs."""
    return "|".join([resource, str(xid.format_id), *(quote(part, safe="").replace("%", "=") for part in xid[1:])])


def prepared_name(name: str) -> tuple[str, Xid] | None:
    """The resource manager and the name of a branch, as PostgreSQL or MariaDB tell of one that is prepared; None for what is none of ours."""
    found = parsed(name)
    if found is not None or name.count(",") < len(("gtrid", "number")):
        return found
    gtrid, whole, number = name.rsplit(",", 2)
    resource, bar, bqual = whole.partition("|")
    return (resource, Xid(int(number), gtrid, bqual)) if bar else None


def parsed(name: str) -> tuple[str, Xid] | None:
    """The resource manager and the name of a branch; None for what is none of ours."""
    parts = name.split("|")
    if len(parts) != len(("resource", *Xid._fields)) or not parts[1].lstrip("-").isdigit():
        return None
    gtrid, bqual = (unquote(part.replace("=", "%")) for part in parts[2:])
    return parts[0], Xid(int(parts[1]), gtrid, bqual)
