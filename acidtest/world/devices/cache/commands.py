"""The commands of Redis that the simulated server takes, and what each does to it.

What is not listed is refused by name: its answer would depend on something that no schedule controls (chance, a wait in the
server, other clients of the server), or nobody has compared it with a real server.
"""

from __future__ import annotations

from typing import TypeAlias

from acidtest.errors import UsageError

#: A command as it goes over the wire: its name and its arguments, each as bytes.
Command: TypeAlias = tuple[bytes, ...]

#: The kinds of what is sent at once: it only reads, or it may change something.
FETCH, STORE = "fetch", "store"

READING = frozenset(
    ["PING", "ECHO", "GET", "MGET", "GETRANGE", "STRLEN", "EXISTS", "TTL", "PTTL", "EXPIRETIME", "PEXPIRETIME", "TYPE", "KEYS", "SCAN", "DBSIZE", "HGET", "HMGET", "HGETALL", "HEXISTS", "HKEYS", "HVALS", "HLEN", "LRANGE", "LLEN", "LINDEX", "SMEMBERS", "SISMEMBER", "SMISMEMBER", "SCARD", "ZSCORE", "ZRANGE", "ZRANGEBYSCORE", "ZRANK", "ZCARD", "ZCOUNT", "WATCH", "SCRIPT"]
)  # fmt: skip
WRITING = frozenset(
    ["SET", "SETEX", "PSETEX", "SETNX", "MSET", "MSETNX", "GETSET", "GETDEL", "GETEX", "APPEND", "INCR", "INCRBY", "DECR", "DECRBY", "DEL", "UNLINK", "RENAME", "EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT", "PERSIST", "FLUSHDB", "FLUSHALL", "HSET", "HSETNX", "HMSET", "HDEL", "HINCRBY", "LPUSH", "RPUSH", "LPOP", "RPOP", "LREM", "LTRIM", "SADD", "SREM", "ZADD", "ZREM", "ZINCRBY", "ZREMRANGEBYSCORE", "EVAL", "EVALSHA"]
)  # fmt: skip
#: What ends the watching of keys.
ENDING = frozenset({"EXEC", "DISCARD", "UNWATCH"})
_OF_TRANSACTIONS = frozenset({"MULTI", *ENDING})

_WAITS = "it waits in the server, for what another client does; ask again and again instead, as with LPOP"
_CHANCE = "its answer depends on chance, which no schedule controls; choose with env.random"
_TOLD = "what a server tells by itself is part of no schedule; use env.broker, or let readers ask"
_WHY = {
    **dict.fromkeys(["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE", "PUBLISH", "SPUBLISH", "PUBSUB", "MONITOR"], _TOLD),
    **dict.fromkeys(["BLPOP", "BRPOP", "BLMOVE", "BRPOPLPUSH", "BLMPOP", "BZPOPMIN", "BZPOPMAX", "BZMPOP", "WAIT", "WAITAOF"], _WAITS),
    **dict.fromkeys(["RANDOMKEY", "SPOP", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"], _CHANCE),
}  # fmt: skip
_UNKNOWN = "nobody has compared it with a real server"
#: How much of a key stands in the name of an effect.
_LONGEST = 60


def name_of(command: Command) -> str:
    """The name of a command, in capital letters."""
    return command[0].decode("ascii", "replace").upper()


def kind_of(commands: tuple[Command, ...]) -> str:
    """What is sent at once: fetch where it only reads, store where it may change something; empty where it concerns its session alone.

    Raises:
        UsageError: a command is not simulated, or MULTI is sent by itself.
    """
    names = [name_of(command) for command in commands]
    for name in names:
        if name not in READING and name not in WRITING and name not in _OF_TRANSACTIONS:
            raise UsageError(_refusal(name))
    if any(name == "SCAN" and command[1:2] not in ((), (b"0",)) for name, command in zip(names, commands, strict=True)):
        message = (
            "SCAN came to a second page, whose contents a server promises nothing of while others write. Ask for all keys at once, "
            "by a larger count."
        )
        raise UsageError(message)
    if "MULTI" in names and not ENDING & set(names):
        message = (
            "MULTI was sent to the cache by itself, and the simulated server takes a transaction only as a whole. Use "
            "client.pipeline(transaction=True), which sends it so."
        )
        raise UsageError(message)
    if any(name in WRITING for name in names):
        return STORE
    return FETCH if any(name in READING for name in names) else ""


def _refusal(name: str) -> str:
    return f"The cache was sent {name}, which is not simulated: {_WHY.get(name, _UNKNOWN)}."


def shown(commands: tuple[Command, ...]) -> str:
    """What is sent at once, short enough for the name of an effect: each command with its key."""
    inner = [command for command in commands if name_of(command) not in _OF_TRANSACTIONS] or commands
    return ", ".join(map(_shown, inner))


def _shown(command: Command) -> str:
    name = name_of(command)
    if name in ("EVAL", "EVALSHA"):
        keys = command[3 : 3 + int(command[2])] if len(command) > 2 and command[2].isdigit() else ()  # noqa: PLR2004 - script, number
        return " ".join(["EVAL", *[_text(key) for key in keys]])
    return " ".join([name, *[_text(key) for key in command[1:2]]])


def _text(value: bytes) -> str:
    text = value.decode("utf-8", "backslashreplace")
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
