"""The simulated cache answers as a real server of Redis does, to every command that it takes."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import redis

from acidtest.world.devices.cache.commands import READING, WRITING
from acidtest.world.devices.cache.server import Failed, Server, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Commands one after the other, a line each; each paragraph begins with nothing in the server.
PARAGRAPHS = """
PING | PING hello | ECHO x | GET k | SET k v | GET k | SET k w NX | SET k w XX GET | SET k v NX GET | STRLEN k | GETRANGE k 0 0 | TYPE k | DBSIZE
SETNX n 1 | SETNX n 2 | INCR n | INCRBY n 5 | DECR n | DECRBY n 2 | APPEND n 0 | GET n | GETSET n 7 | GETDEL n | GETDEL n | INCR n
SETEX k 100 v | TTL k | PSETEX k 100000 v | TTL k | SET k v EX 100 | TTL k | SET k v KEEPTTL | TTL k | PERSIST k | TTL k | PTTL k | EXPIRE k 100 NX | TTL k
EXPIRE k 50 GT | EXPIREAT k 4102444800 | SET k v | EXPIREAT k 4102444800 | EXPIRETIME k | PEXPIREAT k 4102444800001 | PEXPIRETIME k | GETEX k PERSIST | TTL k
SET k v | PEXPIRE k 100000 | TTL k | EXPIRE k 0 | EXISTS k | TTL k | EXPIRE k 5 | SET k v PX 0 | SET k v EX -1 | SET k v PXAT 1 | GET k
MSET a 1 b 2 | MGET a b c | MSETNX b 3 c 4 | MGET b c | KEYS * | SCAN 0 COUNT 100 | EXISTS a b c | DEL a c | UNLINK b | KEYS *
SET a 1 | RENAME a b | GET b | RENAME a b | SET c 1 | FLUSHDB | DBSIZE | SET c 1 | FLUSHALL | DBSIZE
HSET h a 1 b 2 | HSET h a 3 | HSETNX h a 4 | HSETNX h c 5 | HMSET h d 6 | HGET h a | HGET h z | HMGET h a z | HGETALL h | HEXISTS h a | HKEYS h | HVALS h | HLEN h
HINCRBY h n 5 | HDEL h n | TYPE h | HDEL h z | GET h | HINCRBY h n x
RPUSH l a b c | LPUSH l z | LRANGE l 0 -1 | LLEN l | LINDEX l 0 | LPOP l | RPOP l | LREM l 0 a | LTRIM l 0 0 | LRANGE l 0 -1 | RPOP l | RPOP l | EXISTS l | INCR l
SADD s a | SADD s a b | SISMEMBER s a | SMISMEMBER s a z | SCARD s | SREM s b | SMEMBERS s | SREM s a | EXISTS s | SADD s
ZADD z 1 a 2 b | ZADD z NX 5 a | ZADD z GT CH 7 a | ZSCORE z a | ZRANGE z 0 -1 | ZRANGE z 0 -1 WITHSCORES | ZRANGEBYSCORE z 2 (7 | ZRANK z a | ZCARD z | ZCOUNT z -inf +inf
ZADD z 1.5 a | ZINCRBY z 2 a | ZREM z b | ZREMRANGEBYSCORE z 0 10 | EXISTS z | ZSCORE z a
MULTI | SET k v | INCR k | GET k | EXEC | MULTI | SET k w | DISCARD | GET k | EXEC | MULTI | GET | EXEC
WATCH k | MULTI | SET k v | EXEC | WATCH k | SET k w | MULTI | SET k x | EXEC | GET k | WATCH k | SET k y | UNWATCH | MULTI | SET k z | EXEC | WATCH k | DEL k | SET k z | MULTI | GET k | EXEC
EVAL _1 1 k a | GET k | EVAL _2 1 k a | GET k | EVAL _2 1 k a | EVAL _3 0 | EVAL _4 2 a b x | EVALSHA nothing 0 | SCRIPT LOAD _3 | EVALSHA _sha3 0 | SCRIPT EXISTS _sha3 nothing | EVAL _5 1 k
GET | SET k | EXPIRE k x | SET k v FOO | GET k k
""".strip().splitlines()
#: Scripts, which have spaces in them.
SCRIPTS = {
    "_1": "return redis.call('SET', KEYS[1], ARGV[1])",
    "_2": "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0",
    "_3": "return {1, 'two', false, {3}}",
    "_4": "redis.call('MSET', KEYS[1], ARGV[1], KEYS[2], 2) return redis.call('MGET', KEYS[1], KEYS[2])",
    "_5": "redis.call('SET', KEYS[1], 'text') return redis.call('INCR', KEYS[1])",
    "_sha3": "e36a8fdd09d0234c52bc3802a84826857b5529b4",
}


@pytest.fixture(scope="module")
def real() -> Iterator[redis.Redis]:
    """A client of a private server, which ends with the tests."""
    program = shutil.which("redis-server") or shutil.which("redis-check-rdb")  # one program, which goes by its name
    if program is None:
        reason = "there is no redis-server here"
        if os.environ.get("ACIDTEST_REQUIRE_REDIS"):
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    folder = tempfile.mkdtemp(prefix="acidtest-redis-")
    socket = f"{folder}/s"
    command = ["redis-server", "--port", "0", "--unixsocket", socket, "--dir", folder, "--save", ""]
    with subprocess.Popen(command, executable=program, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert any("eady to accept" in line for line in server.stdout)
        with redis.Redis(unix_socket_path=socket, protocol=2) as client:
            yield client
        server.kill()
    shutil.rmtree(Path(folder))


def commands_of(paragraph: str) -> list[tuple[bytes, ...]]:
    words = [command.split() for command in paragraph.split(" | ")]
    return [tuple(SCRIPTS.get(word, word).encode() for word in command) for command in words]


def simulated(commands: list[tuple[bytes, ...]], protocol: int) -> list[Any]:
    server = Server(lambda: 1_767_225_600.0)
    session = server.session(protocol)
    return [server.run(session, (command,))[0] for command in commands]


def really(client: redis.Redis, commands: list[tuple[bytes, ...]], protocol: int) -> list[Any]:
    client.flushall()
    client.script_flush()
    pool = redis.ConnectionPool(**{**client.connection_pool.connection_kwargs, "protocol": protocol}, connection_class=redis.UnixDomainSocketConnection)
    connection = pool.make_connection()
    answers = []
    for command in commands:
        connection.send_command(*command)
        try:
            answer: Any = connection.read_response(disable_decoding=True)
        except redis.ResponseError as error:
            answer = error
        answers.append(plain(answer))
    connection.disconnect()
    return answers


def compared(command: tuple[bytes, ...], answer: Any) -> Any:
    """Of an answer what every version of Redis promises: not the words of errors, and no order of keys."""
    if isinstance(answer, Failed):
        return answer.kind
    keys = answer[1] if command[0] == b"SCAN" else answer
    return sorted(keys) if command[0] in (b"KEYS", b"SCAN") else answer


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("paragraph", PARAGRAPHS)
def test_it_answers_as_a_real_server_does(real: redis.Redis, paragraph: str, protocol: int) -> None:
    commands = commands_of(paragraph)
    pairs = zip(commands, simulated(commands, protocol), really(real, commands, protocol), strict=True)
    assert [(command, ours, theirs) for command, ours, theirs in pairs if compared(command, ours) != compared(command, theirs)] == []


def test_every_command_that_it_takes_is_compared() -> None:
    found = {command[0].decode() for paragraph in PARAGRAPHS for command in commands_of(paragraph)}
    assert (READING | WRITING) - found == set()
