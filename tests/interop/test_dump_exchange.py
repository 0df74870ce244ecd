"""A data set of all types, in small and large form, that travels between Holdfast and real Redis 7.0 and back.

By dump.rdb, by append-only folder (with and without an RDB preamble), by DUMP and RESTORE, by full resynchronisation; the
measure is DEBUG DIGEST, and for what it does not see the streams' groups and the names of encodings.
"""

import contextlib
import os
import pathlib
import random
import shutil
import signal

import pytest
import redis

from harness import HOLDFAST, REDIS, poll

PLAIN = 'save ""\nenable-debug-command yes\n'
LOGGED = PLAIN + "appendonly yes\nauto-aof-rewrite-percentage 0\n"
PAIRS = [(HOLDFAST, REDIS), (REDIS, HOLDFAST), (HOLDFAST, HOLDFAST)]
SIZES = [1, 2, 7, 100, 127, 128, 129, 511, 512, 513, 3000]


def end_with_children(server):
    """kill -9 of a node and of what it has forked, if it forks: it must not write on."""
    children = pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children")
    forked = [int(pid) for pid in children.read_text().split()] if children.exists() else []
    server.kill()
    for pid in forked:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def bare(server):
    return redis.Redis("127.0.0.1", server.port, socket_timeout=30, single_connection_client=True)


def texts(random_, count):
    """Distinct texts of all kinds: numbers of every width, words, binary, compressible, a few long ones."""
    kinds = [
        lambda i: b"%d" % (i - 50),
        lambda i: b"%d" % (i * 70_001),
        lambda i: b"-%d" % (i * 5_000_000_011),
        lambda i: b"word-%d" % i,
        lambda i: random_.randbytes(9) + b"%d" % i,
        lambda i: b"ab" * 28 + b"%d" % i,
        lambda i: b"z" * (60 + i % 9) + b"%d" % i,
    ]
    return [kinds[random_.randrange(len(kinds) - 1 if count < 200 or i % 29 else len(kinds))](i) for i in range(count)]


def scores(random_, count):
    kinds = [lambda: random_.randrange(-9, 9), lambda: random_.random() * 1e3, lambda: 10.0 ** random_.randrange(-30, 300),
             lambda: random_.randrange(-(2**60), 2**60), lambda: float("inf"), lambda: -random_.random() / 3]
    return [random_.choice(kinds)() for _ in range(count)]


def fill_streams(client, random_, sizes):
    for size in sizes:
        key = f"stream:{size}"
        pipeline = client.pipeline(transaction=False)
        for i in range(size):
            fields = {b"a": b"%d" % i, b"b": b"text"} if i % 5 else dict(zip(texts(random_, 3), texts(random_, 3)))
            pipeline.xadd(key, fields, id=f"{1000 + i // 3}-{i % 3 + 1}")
        for i in range(0, size, 7):
            pipeline.xdel(key, f"{1000 + i // 3}-{i % 3 + 1}")
        pipeline.xgroup_create(key, "from the start", "0")
        pipeline.xgroup_create(key, "from the end", "$")
        for consumer in ("alice", "bob"):
            pipeline.xreadgroup("from the start", consumer, {key: ">"}, count=size // 3 + 1)
        pipeline.xgroup_createconsumer(key, "from the end", "idle")
        pipeline.execute()
    client.xgroup_create("stream:empty", "group", "$", mkstream=True)
    client.xadd("stream:emptied", {"a": 1}, id="5-5")
    client.xdel("stream:emptied", "5-5")


def fill(client, seed=1, sizes=tuple(SIZES)):
    random_ = random.Random(seed)
    for name, value in {"number": b"-12345", "text": b"some text", "binary": bytes(range(256)), "long": b"ab" * 40_000}.items():
        client.set(f"string:{name}", value)
    for size in sizes:
        pipeline = client.pipeline(transaction=False)
        elements = texts(random_, size)
        pipeline.rpush(f"list:{size}", *elements)
        pipeline.sadd(f"set:{size}", *elements)
        pipeline.sadd(f"set:16 bits:{size}", *random_.sample(range(-30_000, 30_000), size))
        pipeline.sadd(f"set:64 bits:{size}", *(random_.randrange(-(2**62), 2**62) for _ in range(size)))
        pipeline.zadd(f"zset:{size}", dict(zip(elements, scores(random_, size))))
        pipeline.zadd(f"zset:ranks:{size}", {element: rank for rank, element in enumerate(elements)})
        pipeline.hset(f"hash:{size}", mapping=dict(zip(elements, reversed(elements))))
        pipeline.pexpire(f"hash:{size}", 10**9)
        pipeline.execute()
    client.rpush("list:huge elements", b"x" * 100_000, b"y", random_.randbytes(70_000))
    client.hset("hash:huge value", "field", b"v" * 100_000)
    fill_streams(client, random_, sizes)
    client.execute_command("SELECT", 9)
    client.rpush("list:elsewhere", "a", "b")
    client.execute_command("SELECT", 0)


def groups(client):
    seen = {}
    for key in sorted(client.scan_iter("stream:*", count=1000)):
        seen[key] = [
            (group["name"], group["last-delivered-id"], group["entries-read"], group["lag"],
             client.xpending_range(key, group["name"], "-", "+", 100_000) and [
                 (p["message_id"], p["consumer"], p["times_delivered"])
                 for p in client.xpending_range(key, group["name"], "-", "+", 100_000)],
             [consumer["name"] for consumer in client.xinfo_consumers(key, group["name"])])
            for group in client.xinfo_groups(key)
        ]
        info = client.xinfo_stream(key)
        seen[key].append([info[name] for name in ("length", "last-generated-id", "max-deleted-entry-id", "entries-added")])
    return seen


def encodings(client):
    return {key: client.object("encoding", key) for key in sorted(client.keys())}


def digest(client):
    return client.execute_command("DEBUG", "DIGEST")


def state(client):
    return digest(client), groups(client), encodings(client)


def same(first, second):
    for mine, other in zip(first, second):
        if isinstance(mine, dict):
            assert {k: (mine[k], other.get(k)) for k in mine if mine[k] != other.get(k)} == {}
    assert first == second


@pytest.mark.parametrize("writer, reader", PAIRS)
@pytest.mark.parametrize("compression", ["yes", "no"])
def test_the_dump_of_one_loads_in_the_other(space, writer, reader, compression):
    source = space.node("source", PLAIN + f"rdbcompression {compression}\n", kind=writer)
    with bare(source) as client:
        fill(client)
        expected = state(client)
        client.save()
    shutil.copy(source.folder / "dump.rdb", space.subfolder("target") / "dump.rdb")
    target = space.node("target", PLAIN, kind=reader)
    with bare(target) as client:
        same(expected, state(client))
        client.execute_command("DEBUG", "RELOAD")
        same(expected, state(client))


@pytest.mark.parametrize("writer, reader", PAIRS)
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_the_append_only_folder_of_one_loads_in_the_other(space, writer, reader, preamble):
    conf = LOGGED + f"aof-use-rdb-preamble {preamble}\n"
    source = space.node("source", conf, kind=writer)
    with bare(source) as client:
        fill(client, 2)
        client.bgrewriteaof()
        poll(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0
             and client.info("persistence")["aof_rewrite_scheduled"] == 0, 60, "the rewrite")
        client.rpush("list:7", "behind the base")
        client.sadd("set:7", "behind the base")
        client.zadd("zset:7", {"behind the base": 1.5})
        client.hset("hash:7", "behind the base", 1)
        client.xadd("stream:7", {"behind": "the base"}, id="999999-1")
        expected = state(client)
    source.stop()
    shutil.copytree(source.folder / "appendonlydir", space.subfolder("target") / "appendonlydir")
    target = space.node("target", conf, kind=reader)
    with bare(target) as client:
        same(expected, state(client))


@pytest.mark.parametrize("writer, reader", PAIRS)
@pytest.mark.parametrize("preamble", ["yes", "no"])
def test_the_log_that_a_crash_of_one_leaves_loads_in_the_other(space, writer, reader, preamble):
    """Several increments, since the rewrite did not end, with timestamps, and a command that was not written to its end."""
    conf = LOGGED + f"aof-use-rdb-preamble {preamble}\naof-timestamp-enabled yes\nappendfsync always\n"
    source = space.node("source", conf + "rdb-key-save-delay 1000000\n", kind=writer)
    with bare(source) as client:
        fill(client, 5, (2, 100, 600))
        client.bgrewriteaof()
        poll(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 1, 20, "the rewrite begins")
        client.rpush("list:2", "while it runs")
        client.sadd("set:600", "while it runs")
        client.execute_command("SELECT", 9)
        client.rpush("list:elsewhere", "while it runs")
        client.execute_command("SELECT", 0)
        client.execute_command("MULTI")
        client.execute_command("INCR", "count")
        client.execute_command("INCR", "count")
        client.execute_command("EXEC")
        expected = digest(client), encodings(client)
    end_with_children(source)
    folder = space.subfolder("target") / "appendonlydir"
    shutil.copytree(source.folder / "appendonlydir", folder)
    assert (folder / "appendonly.aof.manifest").read_text().count(" type i") == 2
    with open(folder / "appendonly.aof.2.incr.aof", "ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$5\r\nnever\r\n$100\r\nhalf")
    target = space.node("target", conf, kind=reader)
    with bare(target) as client:
        same(expected, (digest(client), encodings(client)))
        client.set("goes", "on")
    target.kill()
    target = space.node("target", conf, kind=reader)
    with bare(target) as client:
        assert client.get("goes") == b"on" and client.get("never") is None and client.get("count") == b"2"


@pytest.mark.parametrize("writer, reader", PAIRS)
def test_payloads_of_one_are_restored_by_the_other(space, writer, reader):
    source, target = space.node("source", PLAIN, kind=writer), space.node("target", PLAIN, kind=reader)
    with bare(source) as giver, bare(target) as taker:
        fill(giver, 3)
        giver.execute_command("SELECT", 9)
        giver.flushdb()
        giver.execute_command("SELECT", 0)
        for key in giver.keys():
            taker.restore(key, max(0, giver.execute_command("PEXPIRETIME", key)), giver.dump(key), absttl=True)
        same(state(giver), state(taker))
        for key in giver.keys():
            one, other = (c.debug_object(key)["serializedlength"] for c in (giver, taker))
            assert abs(one - other) <= max(16, one // 10), key  # the order in a table decides how well it compresses
        giver.execute_command("MIGRATE", "127.0.0.1", target.port, "", 3, 20_000, "KEYS", *giver.keys())
        assert giver.dbsize() == 0
        taker.execute_command("SWAPDB", 0, 3)
        taker.execute_command("SELECT", 3)
        taker.flushdb()
        taker.execute_command("SELECT", 0)
        assert taker.dbsize() > 0 and groups(taker)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS)
@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_a_full_resynchronisation_brings_every_type(space, primary_kind, replica_kind, diskless):
    primary = space.node("primary", PLAIN + f"repl-diskless-sync {diskless}\nrepl-diskless-sync-delay 0\n", kind=primary_kind)
    with bare(primary) as client:
        fill(client, 4)
        replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
        poll(lambda: replica.info("replication")["master_link_status"] == "up", 60, "the first sync")
        with bare(replica) as reader:
            same(state(client), state(reader))


def test_fields_with_an_expiry_survive_in_ours(space):
    node = space.node("node", LOGGED + "aof-use-rdb-preamble no\n", kind=HOLDFAST)
    names = [f"field-{i}" for i in range(40)]
    with bare(node) as client:
        for key, count in (("small", 3), ("large", 2000)):
            client.hset(key, mapping={f"field-{i}": i for i in range(count)})
            for i in range(0, min(count, 40), 2):
                client.execute_command("HPEXPIREAT", key, 4_000_000_000_000 + i * 1000, "FIELDS", 1, f"field-{i}")
        times = lambda key: client.execute_command("HPEXPIRETIME", key, "FIELDS", len(names), *names)  # noqa: E731
        expected = digest(client), times("small"), times("large")
        assert expected[1][:3] == [4_000_000_000_000, -1, 4_000_000_002_000]
        client.execute_command("DEBUG", "RELOAD")
        assert (digest(client), times("small"), times("large")) == expected
        assert (node.folder / "dump.rdb").read_bytes()[:9] == b"REDIS0012"
        for key in ("small", "large"):
            client.restore("copy", 0, client.dump(key))
            assert times("copy") == times(key)
            client.delete("copy")
        client.bgrewriteaof()
        poll(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, 30, "the rewrite")
        client.execute_command("DEBUG", "LOADAOF")
        assert (digest(client), times("small"), times("large")) == expected
        follower = space.node("follower", PLAIN + f"replicaof 127.0.0.1 {node.port}\n", kind=HOLDFAST)
        poll(lambda: follower.info("replication")["master_link_status"] == "up", 30, "the first sync")
        with bare(follower) as reader:
            assert digest(reader) == expected[0]
        node.wait_log("RDB of version 12")
        client.execute_command("HPERSIST", "small", "FIELDS", 2, "field-0", "field-2")
        client.delete("large")
        client.save()
        assert (node.folder / "dump.rdb").read_bytes()[:9] == b"REDIS0010"


def test_a_redis_replica_refuses_fields_with_an_expiry(space):
    primary = space.node("primary", PLAIN + "repl-diskless-sync-delay 0\n", kind=HOLDFAST)
    with bare(primary) as client:
        client.hset("hash", mapping={"a": 1, "b": 2})
        client.execute_command("HEXPIRE", "hash", 10_000, "FIELDS", 1, "a")
        replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=REDIS, wait=False)
        replica.wait_log("Can't handle RDB format version 12", 30)
        primary.wait_log("RDB of version 12")
        replica.kill()
        assert client.hget("hash", "a") == b"1"
