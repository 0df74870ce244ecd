"""Holdfast beside real Redis 7.0: replicas and primaries of either make, files of either make.

With --kind redis both sides are Redis: that proves the tests.
"""

import random

import pytest

from harness import REDIS, Group, poll

PLAIN = "save \"\"\n"


def fill(client, keys=2000):
    """Strings of many shapes, some with expiry, in two databases. What a reader must find."""
    rng = random.Random(11)
    expected = {}
    for i in range(keys):
        value = rng.choice([
            str(rng.randint(-(2**63), 2**63 - 1)), str(i), "x" * rng.randint(0, 2000), rng.randbytes(rng.randint(0, 300)).hex(),
            "é\u4e16\U0001f600" * rng.randint(1, 20),
        ])
        client.set(f"key:{i}", value)
        expected[f"key:{i}"] = value
    client.set("with expiry", "v", px=10_000_000)
    expected["with expiry"] = "v"
    client.execute_command("SELECT", 5)
    client.set("in db 5", "five")
    client.execute_command("SELECT", 0)
    return expected


def check(client, expected):
    names = list(expected)
    for i in range(0, len(names), 500):
        chunk = names[i : i + 500]
        assert client.mget(chunk) == [expected[name] for name in chunk]
    assert client.dbsize() == len(expected)
    assert 9_000_000 < client.pttl("with expiry") <= 10_000_000
    client.execute_command("SELECT", 5)
    assert client.get("in db 5") == "five"
    client.execute_command("SELECT", 0)


def in_sync(node):
    return node.info("replication").get("master_link_status") == "up"


def offsets_agree(*nodes):
    return len({n.info("replication")["master_repl_offset"] for n in nodes}) == 1


@pytest.mark.parametrize("diskless", ["yes", "no"])
@pytest.mark.parametrize("primary_kind, replica_kind", [(None, REDIS), (REDIS, None)])
def test_full_sync_then_stream_then_partial_resync(space, primary_kind, replica_kind, diskless):
    conf = PLAIN + f"repl-diskless-sync {diskless}\nrepl-diskless-sync-delay 0\n"
    primary = space.node("primary", conf, kind=primary_kind)
    with primary.client(single_connection_client=True) as client:
        expected = fill(client)
        replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
        poll(lambda: in_sync(replica), 20, "the first sync")
        for i in range(300):
            client.set(f"live:{i}", i)
            expected[f"live:{i}"] = str(i)
        client.delete("key:0", "key:1")
        del expected["key:0"], expected["key:1"]
        client.set("gone soon", "v", px=50)
        poll(lambda: client.get("gone soon") is None, 5, "the key expires")
        poll(lambda: offsets_agree(primary, replica), 10, "the replica has the whole stream")
        with replica.client(single_connection_client=True) as reader:
            check(reader, expected)

        before = primary.info("stats")
        with replica.client() as admin:
            admin.execute_command("CLIENT", "KILL", "TYPE", "master")
        client.set("after the cut", "v")
        expected["after the cut"] = "v"
        poll(lambda: primary.info("stats")["sync_partial_ok"] == before["sync_partial_ok"] + 1, 15, "a partial resync")
        assert primary.info("stats")["sync_full"] == before["sync_full"]
        poll(lambda: in_sync(replica) and offsets_agree(primary, replica), 10, "the replica has the rest")
        with replica.client(single_connection_client=True) as reader:
            check(reader, expected)


@pytest.mark.parametrize("promoted_kind, other_kind", [(None, REDIS), (REDIS, None)])
def test_a_promoted_replica_continues_its_siblings(space, promoted_kind, other_kind):
    """PSYNC2: after the primary dies, the sibling resyncs partially with the promoted replica (replid2)."""
    primary = space.node("primary", PLAIN)
    follow = PLAIN + f"replicaof 127.0.0.1 {primary.port}\n"
    promoted = space.node("promoted", follow, kind=promoted_kind)
    sibling = space.node("sibling", follow, kind=other_kind)
    poll(lambda: in_sync(promoted) and in_sync(sibling), 20, "both replicas are in sync")
    with primary.client() as client:
        client.set("k", "v")
        assert client.wait(2, 5000) == 2
    primary.kill()
    with promoted.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.set("new", "history")
    with sibling.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", promoted.port)
    poll(lambda: in_sync(sibling) and sibling.cli("GET", "new").strip() == "history", 15, "the sibling follows")
    assert promoted.info("stats")["sync_partial_ok"] == 1 and promoted.info("stats")["sync_full"] == 0
    assert promoted.info("replication")["master_replid2"] != "0" * 40


@pytest.mark.parametrize("writer, reader", [(None, REDIS), (REDIS, None)])
@pytest.mark.parametrize("file", ["rdb", "aof"])
def test_files_of_either_load_in_the_other(space, writer, reader, file):
    conf = "appendonly yes\n" + PLAIN if file == "aof" else PLAIN
    first = space.node("node", conf, kind=writer)
    with first.client(single_connection_client=True) as client:
        expected = fill(client, 1000)
        if file == "rdb":
            client.save()
        else:
            client.execute_command("BGREWRITEAOF")
            poll(lambda: first.info("persistence")["aof_rewrite_in_progress"] == 0, 20, "the rewrite is done")
            for i in range(100):
                client.set(f"key:{i}", "rewritten")
                expected[f"key:{i}"] = "rewritten"
            with client.pipeline(transaction=True) as transaction:
                transaction.incrby("counter", 41)
                transaction.incr("counter")
                assert transaction.execute() == [41, 42]
            expected["counter"] = "42"
    first.stop()
    second = space.node("node", "", port=first.port, kind=reader)
    with second.client(single_connection_client=True) as client:
        check(client, expected)


@pytest.mark.parametrize("node_kind, sentinel_kind", [(REDIS, None), (None, REDIS)])
def test_sentinels_of_one_make_fail_over_nodes_of_the_other(space, node_kind, sentinel_kind):
    group = Group(space, kind=node_kind, sentinels=0)
    conf = (
        f"sentinel monitor {group.name} 127.0.0.1 {group.primary.port} 2\n"
        f"sentinel down-after-milliseconds {group.name} 1000\n"
    )
    group.sentinels = [space.sentinel(f"sentinel{i}", conf, kind=sentinel_kind) for i in (1, 2, 3)]
    group.wait_settled()
    with group.primary.client() as client:
        client.set("k", "v")
        assert client.wait(2, 5000) == 2
    group.primary.kill()
    new = group.wait_new_primary(group.primary)
    assert new.cli("GET", "k").strip() == "v"
    other = next(n for n in group.nodes[1:] if n is not new)
    poll(lambda: other.info("replication")["master_port"] == new.port and in_sync(other), 20, "the other replica follows")
