"""PostgreSQL's own clock and chance: `now()`, `gen_random_uuid()` and the like are those of the world.

Functions of the same names lie before `pg_catalog` on the search path of its connections, so that queries and defaults of columns come to
them. The clock is a sequence, which is not part of any snapshot: it is set when the virtual clock has moved. `now()` is the time at which a
transaction first asks for it. Chance is a sequence as well, that begins anew with each run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_MICROSECONDS = 1_000_000
#: What is syntax, and no function: it is replaced by a function of that name.
SYNTAX = ("current_timestamp", "current_date", "current_time", "localtimestamp", "localtime")

_FUNCTION = "CREATE FUNCTION {schema}.{head} {how} LANGUAGE sql AS $$SELECT {body}$$"
_AT = "timestamptz 'epoch' + {} * interval '1 microsecond'"
_ROUNDED = "timestamptz 'epoch' + pg_catalog.round(extract(epoch FROM {schema}.now()), $1) * interval '1 second'"
_DRAWN = (
    "pg_catalog.md5('acidtest' || CASE WHEN pg_catalog.current_setting('transaction_read_only') = 'on' "
    "THEN (SELECT last_value FROM {schema}.acidtest_chance) ELSE pg_catalog.nextval('{schema}.acidtest_chance') END)"
)
_BEGUN = (
    "coalesce(nullif(pg_catalog.current_setting('acidtest.begun', true), ''), "
    "pg_catalog.set_config('acidtest.begun', (SELECT last_value FROM {schema}.acidtest_clock)::text, true))::bigint"
)
#: Heads of functions, how they behave, and what they return.
_FUNCTIONS = (
    ("clock_timestamp() RETURNS timestamptz", "VOLATILE", _AT.format("last_value") + " FROM {schema}.acidtest_clock"),
    ("statement_timestamp() RETURNS timestamptz", "STABLE", "{schema}.clock_timestamp()"),
    ("now() RETURNS timestamptz", "STABLE", _AT.format(_BEGUN)),
    ("transaction_timestamp() RETURNS timestamptz", "STABLE", "{schema}.now()"),
    ('"current_timestamp"() RETURNS timestamptz', "STABLE", "{schema}.now()"),
    ('"current_timestamp"(integer) RETURNS timestamptz', "STABLE", _ROUNDED),
    ('"localtimestamp"() RETURNS timestamp', "STABLE", "{schema}.now()::timestamp"),
    ('"localtimestamp"(integer) RETURNS timestamp', "STABLE", f"({_ROUNDED})::timestamp"),
    ('"current_date"() RETURNS date', "STABLE", "{schema}.now()::date"),
    ('"current_time"() RETURNS timetz', "STABLE", "{schema}.now()::timetz"),
    ('"localtime"() RETURNS time', "STABLE", "{schema}.now()::time"),
    ("gen_random_uuid() RETURNS uuid", "VOLATILE", f"overlay(overlay({_DRAWN} PLACING '4' FROM 13) PLACING '8' FROM 17)::uuid"),
    ("random() RETURNS double precision", "VOLATILE", f"('x' || pg_catalog.substr({_DRAWN}, 1, 13))::bit(52)::bigint / (1::bigint << 52)::double precision"),
)


class Moment:
    """The functions of a server that tell its databases what time it is, and what comes by chance."""

    def __init__(self, schema: str, execute: Callable[[str], Any]) -> None:
        """Know the schema that they are in; `execute` runs statements of the world's own."""
        self.schema = schema
        self._execute = execute
        self._told: float | None = None
        self._is_new = True

    def create(self) -> Moment:
        """Create them; chance first has nothing to do with any run."""
        statements = [f"CREATE SCHEMA {self.schema}", *(f"CREATE SEQUENCE {self.schema}.acidtest_{name}" for name in ("clock", "chance"))]
        statements += [_FUNCTION.format(schema=self.schema, head=head, how=how, body=body.format(schema=self.schema)) for head, how, body in _FUNCTIONS]
        self._execute("; ".join(statements))
        return self

    def begin(self) -> None:
        """A run begins: chance begins anew."""
        self._told, self._is_new = None, True

    def come_back(self) -> None:
        """The server has died and was started again."""
        self._told = None

    def tell(self, time: float) -> None:
        """Set the clock to a time, in seconds; nothing where it is that."""
        if time == self._told:
            return
        chance = f", setval('{self.schema}.acidtest_chance', 1)" if self._is_new else ""
        self._execute(f"SELECT setval('{self.schema}.acidtest_clock', {max(1, round(time * _MICROSECONDS))}){chance}")
        self._told, self._is_new = time, False

    def close(self) -> None:
        """Remove them."""
        self._execute(f"DROP SCHEMA IF EXISTS {self.schema} CASCADE")
