"""Replication between Holdfast and real Redis 7.0, in both directions and in chains.

Content and offsets are compared byte for byte where both sides can say them (INFO replication, DEBUG DIGEST is not used:
the data is read back). With --kind redis every node is Redis: that proves the tests.
"""

import random
import socket

import pytest
import redis

from harness import REDIS, free_port, poll, redis_cli

PLAIN = 'save ""\nrepl-diskless-sync-delay 0\n'
PAIRS = [(None, REDIS), (REDIS, None), (None, None)]
PAIR_NAMES = ["ours-to-redis", "redis-to-ours", "ours-to-ours"]


def replication(node):
    return node.info("replication")


def follows(node, primary):
    """The link is up and every byte of the primary has been applied."""
    mine, its = replication(node), replication(primary)
    return (
        mine["role"] == "slave" and mine["master_link_status"] == "up" and mine["master_port"] == primary.port
        and mine["master_repl_offset"] == its["master_repl_offset"] and mine["master_replid"] == its["master_replid"]
    )


def wait_follows(node, primary, seconds=20):
    poll(lambda: follows(node, primary), seconds, f"{node.name} follows {primary.name}")


def content(node, databases=16):
    """Everything in the node, read key by key; expiry as a flag, since it moves."""
    found = {}
    for db in range(databases):
        with node.client(db=db) as client:
            for name in client.scan_iter(count=1000):
                found[db, name] = (client.get(name), client.pttl(name) > 0)
    return found


def assert_same(*nodes):
    first = content(nodes[0])
    for other in nodes[1:]:
        assert content(other) == first, f"{other.name} differs from {nodes[0].name}"
    return first


def write_mix(primary, seed, count=400):
    """Writes of every kind that strings know, over several databases, some within MULTI."""
    rng = random.Random(seed)
    clients = {db: primary.client(db=db, single_connection_client=True) for db in (0, 1, 9, 15)}
    for i in range(count):
        client = clients[rng.choice(list(clients))]
        key = f"key:{rng.randint(0, 80)}"
        kind = rng.randint(0, 9)
        if kind < 3:
            client.set(key, rng.choice([str(i), "x" * rng.randint(0, 3000), rng.randbytes(40).hex()]))
        elif kind == 3:
            client.delete(key)
        elif kind == 4:
            client.set(f"ttl:{rng.randint(0, 20)}", i, ex=1000 + i)
        elif kind == 5:
            client.incrby(f"counter:{rng.randint(0, 5)}", rng.randint(-100, 100))
        elif kind == 6:
            client.append(f"log:{rng.randint(0, 5)}", f"[{i}]")
        elif kind == 7:
            with client.pipeline(transaction=True) as transaction:
                transaction.set(key, f"in multi {i}")
                transaction.incr("counter:multi")
                transaction.setrange(f"range:{i % 3}", i % 50, "abc")
                transaction.execute()
        elif kind == 8:
            client.incrbyfloat("float", 0.1)
        else:
            client.getset(key, f"swapped {i}")
    for client in clients.values():
        client.close()


def cut(node, kind="master"):
    """CLIENT KILL of this node's link(s)."""
    with node.client() as client:
        return client.execute_command("CLIENT", "KILL", "TYPE", kind)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_stream_of_mixed_writes_is_equal_byte_for_byte(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    write_mix(primary, 1)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    write_mix(primary, 2)
    wait_follows(replica, primary)
    assert len(assert_same(primary, replica)) > 50


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
@pytest.mark.parametrize("side", ["replica cuts", "primary cuts"])
def test_cut_links_continue_where_they_were(space, primary_kind, replica_kind, side):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    for i in range(5):
        write_mix(primary, 10 + i, 60)
        assert cut(replica, "master") >= 1 if side == "replica cuts" else cut(primary, "replica") >= 1
        write_mix(primary, 20 + i, 60)
        wait_follows(replica, primary)
    assert_same(primary, replica)
    stats = primary.info("stats")
    assert stats["sync_full"] == 1 and stats["sync_partial_ok"] >= 5


@pytest.mark.parametrize("kinds", [(REDIS, None, REDIS), (None, REDIS, None), (None, None, REDIS)],
                         ids=["redis-ours-redis", "ours-redis-ours", "ours-ours-redis"])
def test_chain_carries_the_top_primarys_stream(space, kinds):
    top = space.node("top", PLAIN, kind=kinds[0])
    write_mix(top, 3, 100)
    middle = space.node("middle", PLAIN + f"replicaof 127.0.0.1 {top.port}\n", kind=kinds[1])
    wait_follows(middle, top)
    bottom = space.node("bottom", PLAIN + f"replicaof 127.0.0.1 {middle.port}\n", kind=kinds[2])
    wait_follows(bottom, middle)
    write_mix(top, 4, 200)
    wait_follows(middle, top)
    wait_follows(bottom, middle)
    assert replication(bottom)["master_replid"] == replication(top)["master_replid"]
    assert_same(top, middle, bottom)

    # The middle loses its primary for a moment: the bottom keeps its link, nobody needs a full resync.
    cut(middle, "master")
    write_mix(top, 5, 50)
    wait_follows(middle, top)
    wait_follows(bottom, middle)
    assert_same(top, middle, bottom)
    assert middle.info("stats")["sync_full"] == 1 and top.info("stats")["sync_full"] == 1

    # The middle is promoted: the bottom continues under the new history, the old top comes back and continues too.
    before = replication(top)
    cut(top, "replica")
    with middle.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
    promoted = replication(middle)
    assert promoted["master_replid2"] == before["master_replid"] != promoted["master_replid"]
    wait_follows(bottom, middle)
    write_mix(middle, 6, 50)
    wait_follows(bottom, middle)
    assert replication(bottom)["master_replid2"] == before["master_replid"]
    assert middle.info("stats")["sync_full"] == 1
    assert_same(middle, bottom)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_demoted_primary_continues_with_its_former_replica(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    write_mix(primary, 7, 100)
    wait_follows(replica, primary)
    with primary.client() as first, replica.client() as second:
        # Nothing may be appended between the two, pings included: this is within the first ten seconds of the link.
        second.execute_command("REPLICAOF", "NO", "ONE")
        first.execute_command("REPLICAOF", "127.0.0.1", replica.port)
    wait_follows(primary, replica)
    write_mix(replica, 8, 100)
    wait_follows(primary, replica)
    assert_same(primary, replica)
    stats = replica.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (0, 1)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_diverged_primary_is_overwritten(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    with primary.client() as first, replica.client() as second:
        second.execute_command("REPLICAOF", "NO", "ONE")
        first.set("only here", "lost")
        second.set("kept", "v")
        first.execute_command("REPLICAOF", "127.0.0.1", replica.port)
    wait_follows(primary, replica)
    assert assert_same(primary, replica) == {(0, "kept"): ("v", False)}
    assert replica.info("stats")["sync_full"] == 1


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_authenticated_links(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN + "requirepass secret\nmasterauth secret\n", password="secret", kind=primary_kind)
    replica = space.node(
        "replica", PLAIN + f"requirepass secret\nreplicaof 127.0.0.1 {primary.port}\n", password="secret", kind=replica_kind
    )
    with primary.client() as client:
        client.set("k", "v")
    poll(lambda: replica.log() and "NOAUTH" in replica.log(), 10, "the replica is told that a password is wanted")
    assert replication(replica)["master_link_status"] == "down"
    with replica.client() as client:
        client.config_set("masterauth", "secret")
    wait_follows(replica, primary)
    assert_same(primary, replica)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_expiry_comes_from_the_primary(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    with primary.client() as client:
        client.set("before", "v", px=1500)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    with primary.client() as client, replica.client() as reader:
        client.set("after", "v", px=700)
        client.set("kept", "v")
        client.pexpire("kept", 600_000)
        client.set("persisted", "v", px=300)
        client.persist("persisted")
        wait_follows(replica, primary)
        assert abs(client.pexpiretime("kept") - reader.pexpiretime("kept")) == 0
        poll(lambda: client.get("before") is None and client.get("after") is None, 10, "both expire")
        wait_follows(replica, primary)
        assert reader.get("before") is None and reader.get("after") is None
        poll(lambda: reader.dbsize() == 2, 10, "the replica was told to delete them")
        assert reader.get("persisted") == "v" and reader.pttl("persisted") == -1


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_wait_counts_acknowledgements(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    with primary.client(single_connection_client=True) as client:
        for i in range(20):
            client.set("k", i)
            assert client.wait(1, 5000) == 1
        replica.pause()
        client.set("k", "unseen")
        assert client.wait(1, 200) == 0
        replica.resume()
        assert client.wait(1, 5000) == 1


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_restarted_replica_continues_from_its_file(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    write_mix(primary, 9, 100)
    conf = f"replicaof 127.0.0.1 {primary.port}\nsave 3600 1\n"
    replica = space.node("replica", conf, kind=replica_kind)
    wait_follows(replica, primary)
    write_mix(primary, 10, 50)
    wait_follows(replica, primary)
    with replica.client() as client:
        client.save()
    replica.kill()
    write_mix(primary, 11, 50)
    again = space.node("replica", "", port=replica.port, kind=replica_kind)
    wait_follows(again, primary)
    assert_same(primary, again)
    stats = primary.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (1, 1)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_bytes_beyond_the_backlog_need_a_full_resync(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN + "repl-backlog-size 16kb\n", kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    replica.pause()
    cut(primary, "replica")
    poll(lambda: replication(primary)["connected_slaves"] == 0, 10, "the primary has let go of it")
    with primary.client() as client:
        for i in range(200):
            client.set(f"big:{i}", "x" * 1000)
    replica.resume()
    wait_follows(replica, primary)
    assert_same(primary, replica)
    assert primary.info("stats")["sync_full"] == 2


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
@pytest.mark.parametrize("diskless", ["yes", "no"])
def test_writes_during_a_full_sync_arrive(space, primary_kind, replica_kind, diskless):
    primary = space.node("primary", PLAIN + f"repl-diskless-sync {diskless}\n", kind=primary_kind)
    with primary.client() as client:
        with client.pipeline(transaction=False) as pipeline:
            for i in range(60_000):
                pipeline.set(f"key:{i}", random.Random(i).randbytes(100).hex())
            pipeline.execute()
    replicas = [
        space.node(f"replica{n}", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind, wait=False)
        for n in (1, 2)
    ]
    write_mix(primary, 12, 1500)
    for replica in replicas:
        wait_follows(replica, primary, 40)
    with primary.client() as client, replicas[0].client() as reader:
        assert client.dbsize() == reader.dbsize() > 60_000
        for i in range(0, 60_000, 1000):
            names = [f"key:{j}" for j in range(i, i + 1000)]
            assert client.mget(names) == reader.mget(names)


@pytest.mark.parametrize("primary_kind, replica_kind", PAIRS, ids=PAIR_NAMES)
def test_large_values_stream(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_follows(replica, primary)
    with primary.client(30) as client, replica.client(30) as reader:
        for size in (16_384, 65_536, 1_000_000, 20_000_000):
            client.set("large", "y" * size)
            assert client.wait(1, 20_000) == 1
            assert reader.strlen("large") == size


@pytest.mark.ours
def test_roles_and_fields_are_shown_as_redis_shows_them(space):
    """The same topology of both makes: equal field names in equal order (but for our own at the end), equal ROLE shapes."""
    shown = {}
    for make in (None, REDIS):
        name = make or "ours"
        primary = space.node(f"primary-{name}", PLAIN, kind=make)
        replica = space.node(f"replica-{name}", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=make)
        wait_follows(replica, primary)
        with primary.client() as one, replica.client() as two:
            one.set("k", "v")
            assert one.wait(1, 5000) in (0, 1)
            poll(lambda: follows(replica, primary), 5, "applied")
            fields = [
                [line.split(":")[0] for line in redis_cli(node.port, "INFO", "replication").splitlines() if ":" in line]
                for node in (primary, replica)
            ]
            if make is None:
                assert all(found[-2:] == ["repl_spill_bytes", "repl_spill_last_status"] for found in fields)
                fields = [found[:-2] for found in fields]
            roles = [client.execute_command("ROLE") for client in (one, two)]
        shown[name] = (fields, [[type(part) for part in role] for role in roles], roles[0][0], roles[1][0], roles[1][3])
    assert shown["ours"] == shown[REDIS]


def test_replica_refuses_writes_and_shows_a_lost_link(space):
    primary = space.node("primary", PLAIN)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\nreplica-priority 42\n")
    wait_follows(replica, primary)
    with replica.client() as client:
        with pytest.raises(redis.exceptions.ReadOnlyError):
            client.set("k", "v")
        primary.kill()
        poll(lambda: replication(replica)["master_link_status"] == "down", 10, "the link is down")
        info = replication(replica)
        assert info["master_link_down_since_seconds"] >= 0 and info["slave_priority"] == 42
        assert client.get("k") is None
        client.config_set("replica-serve-stale-data", "no")
        with pytest.raises(redis.exceptions.ResponseError, match="MASTERDOWN"):
            client.get("k")
        assert client.execute_command("ROLE")[3] in ("connect", "connecting")
        client.execute_command("REPLICAOF", "NO", "ONE")
        assert client.set("k", "v")


def test_min_replicas_to_write(space):
    primary = space.node("primary", PLAIN + "min-replicas-to-write 1\n")
    with primary.client() as client:
        with pytest.raises(redis.exceptions.ResponseError, match="NOREPLICAS|Not enough good replicas"):
            client.set("k", "v")
        replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=REDIS)
        wait_follows(replica, primary)
        assert poll(lambda: client.set("k", "v"), 5, "a write with a good replica")
        assert replication(primary)["min_slaves_good_slaves"] == 1


def test_redis_cli_fetches_a_dump(space):
    """redis-cli --rdb: a replica that wants the payload only."""
    primary = space.node("primary", PLAIN)
    with primary.client() as client:
        client.set("k", "v")
    target = space.folder / "fetched.rdb"
    said = redis_cli(primary.port, "--rdb", target)
    assert "Transfer finished with success" in said, said
    assert target.read_bytes().startswith(b"REDIS00")
    other = space.subfolder("other")
    (other / "dump.rdb").write_bytes(target.read_bytes())
    loaded = space.node("other", PLAIN, kind=REDIS)
    assert loaded.cli("GET", "k").strip() == "v"


def test_protocol_answers(space):
    node = space.node("node", PLAIN)
    with node.client() as client:
        for argv, error in [
            (("REPLCONF", "listening-port", "abc"), "value is not an integer or out of range"),
            (("REPLCONF", "foo", "bar"), "Unrecognized REPLCONF option: foo"),
            (("REPLCONF", "foo"), "syntax error"),
            (("PSYNC", "?", "x"), "value is not an integer or out of range"),
            (("REPLICAOF", "127.0.0.1", "abc"), "Invalid master port"),
        ]:
            with pytest.raises(redis.exceptions.ResponseError, match=error.replace("?", "\\?")):
                client.execute_command(*argv)
        assert client.execute_command("REPLCONF", "capa", "foo") == "OK"
    # A replica that vanishes while its snapshot is being made, many times: the node stays well.
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", node.port)) as raw:
            raw.sendall(b"REPLCONF capa eof\r\nPSYNC ? -1\r\n")
            assert raw.recv(100).startswith(b"+OK")
    poll(lambda: replication(node)["connected_slaves"] == 0, 10, "they are forgotten")
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {node.port}\n", kind=REDIS)
    wait_follows(replica, node)


@pytest.mark.ours
def test_a_node_does_not_follow_itself(space):
    node = space.node("node", PLAIN)
    with node.client() as client:
        with pytest.raises(redis.exceptions.ResponseError, match="replica of itself"):
            client.execute_command("REPLICAOF", "127.0.0.1", node.port)
        assert client.execute_command("ROLE")[0] == "master"
        # An address where nobody listens is fine: the primary may come later.
        assert client.execute_command("REPLICAOF", "127.0.0.1", free_port()) == "OK"
        poll(lambda: replication(node)["master_link_status"] == "down", 5, "the link is down")


def test_partly_sent_transaction_is_not_applied_after_promotion(space):
    """A primary of the test's own hand: the link breaks between MULTI and EXEC."""
    listener = socket.create_server(("127.0.0.1", 0))
    node = space.node("node", PLAIN)
    with node.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", listener.getsockname()[1])
        listener.settimeout(10)
        link, _ = listener.accept()
        link.settimeout(10)

        def read_until(word):
            seen = b""
            while word not in seen:
                seen += link.recv(4096)

        read_until(b"PING")
        link.sendall(b"+PONG\r\n")
        read_until(b"psync2")
        link.sendall(b"+OK\r\n+OK\r\n")
        read_until(b"PSYNC")
        # An empty data set: version, end, no checksum.
        payload = b"REDIS0010\xff" + b"\0" * 8
        link.sendall(b"+FULLRESYNC " + b"a" * 40 + b" 1000\r\n\n" + b"$%d\r\n" % len(payload) + payload)
        read_until(b"ACK")
        stream = b"*3\r\n$3\r\nSET\r\n$5\r\nwhole\r\n$1\r\n1\r\n"
        link.sendall(stream + b"*1\r\n$5\r\nMULTI\r\n*3\r\n$3\r\nSET\r\n$4\r\nhalf\r\n$1\r\n1\r\n")
        poll(lambda: client.get("whole") == "1", 10, "what was whole is applied")
        assert replication(node)["slave_repl_offset"] == 1000 + len(stream)
        link.close()
        poll(lambda: replication(node)["master_link_status"] == "down", 10, "the link is down")
        client.execute_command("REPLICAOF", "NO", "ONE")
        assert client.get("half") is None
        info = replication(node)
        assert info["master_replid2"] == "a" * 40 and info["second_repl_offset"] == 1000 + len(stream) + 1
    listener.close()
