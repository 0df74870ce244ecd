"""Keys that travel between Holdfast and real Redis 7.0: DUMP and RESTORE, MIGRATE."""

import time

import pytest
import redis

from harness import HOLDFAST, REDIS, poll

PLAIN = 'save ""\nenable-debug-command yes\n'
PAIRS = [(HOLDFAST, REDIS), (REDIS, HOLDFAST), (HOLDFAST, HOLDFAST)]
VALUES = {
    "integer": b"12345", "negative": b"-2147483648", "wide": b"9223372036854775807", "no number": b"007", "empty": b"",
    "text": b"some text", "binary": bytes(range(256)), "repeating": b"ab" * 5000, "long": bytes(i * 7 % 251 for i in range(70000)),
}


def bare(server):
    return redis.Redis("127.0.0.1", server.port, socket_timeout=15, single_connection_client=True)


def error_of(call, *arguments):
    with pytest.raises(redis.exceptions.ResponseError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.fixture
def pair(space, request):
    first, second = request.param
    source, target = space.node("source", PLAIN, kind=first), space.node("target", PLAIN, kind=second)
    with bare(source) as a, bare(target) as b:
        yield a, b, target


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_payloads_of_one_are_restored_by_the_other(pair):
    source, target, _ = pair
    for name, value in VALUES.items():
        source.set(name, value)
        payload = source.dump(name)
        assert target.restore(name, 0, payload)
        assert target.get(name) == value
        assert target.dump(name) == payload, name
    source.append("text", " grown")
    target.restore("text", 60_000, source.dump("text"), replace=True)
    assert target.get("text") == b"some text grown" and 50_000 < target.pttl("text") <= 60_000
    assert "BUSYKEY Target key name already exists." in error_of(target.execute_command, "RESTORE", "text", 0, source.dump("text"))
    changed = bytearray(source.dump("text"))
    changed[3] ^= 1
    assert error_of(target.execute_command, "RESTORE", "x", 0, bytes(changed)) == "DUMP payload version or checksum are wrong"


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_migrate_moves_keys_with_their_expiry(pair):
    source, target, server = pair
    migrate = lambda *words: source.execute_command("MIGRATE", "127.0.0.1", server.port, *words)  # noqa: E731
    for name, value in VALUES.items():
        source.set(name, value)
    source.pexpire("text", 100_000)
    assert migrate("text", 9, 5000) == b"OK"
    assert migrate("", 9, 5000, "KEYS", *VALUES, "no such key") == b"OK"
    assert source.dbsize() == 0
    target.execute_command("SELECT", 9)
    for name, value in VALUES.items():
        assert target.get(name) == value, name
    assert 90_000 < target.pttl("text") <= 100_000 and target.pttl("binary") == -1
    assert migrate("no such key", 9, 5000) == b"NOKEY"
    assert source.info("stats")["migrate_cached_sockets"] == 1


@pytest.mark.parametrize("pair", PAIRS[:1], indirect=True)
def test_migrate_closes_an_idle_connection(pair):
    source, _, server = pair
    source.set("a", 1)
    assert source.execute_command("MIGRATE", "127.0.0.1", server.port, "a", 0, 5000) == b"OK"
    assert source.info("stats")["migrate_cached_sockets"] == 1
    poll(lambda: source.info("stats")["migrate_cached_sockets"] == 0, 20, "the idle connection is closed")


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_migrate_copies_replaces_and_deletes_only_what_was_taken(pair):
    source, target, server = pair
    migrate = lambda *words: source.execute_command("MIGRATE", "127.0.0.1", server.port, *words)  # noqa: E731
    source.mset({"a": 1, "b": 2, "c": 3})
    target.set("b", "mine")
    assert migrate("a", 0, 5000, "COPY") == b"OK" and source.get("a") == b"1"
    busy = "ERR Target instance replied with error: BUSYKEY Target key name already exists."
    assert error_of(migrate, "", 0, 5000, "KEYS", "a", "b", "c") == busy.removeprefix("ERR ")
    assert source.keys() and sorted(source.keys()) == [b"a", b"b"] and target.get("b") == b"mine"
    assert migrate("", 0, 5000, "REPLACE", "KEYS", "a", "b") == b"OK"
    assert source.dbsize() == 0 and target.get("b") == b"2"


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_migrate_logs_in(pair):
    source, target, server = pair
    migrate = lambda *words: source.execute_command("MIGRATE", "127.0.0.1", server.port, *words)  # noqa: E731
    target.config_set("requirepass", "secret")
    source.mset({"a": 1, "b": 2})
    assert "NOAUTH" in error_of(migrate, "a", 0, 5000)
    assert "WRONGPASS" in error_of(migrate, "a", 0, 5000, "AUTH", "wrong")
    assert migrate("a", 0, 5000, "AUTH", "secret") == b"OK"
    assert migrate("b", 0, 5000, "AUTH2", "default", "secret") == b"OK"
    assert source.dbsize() == 0


@pytest.mark.parametrize("pair", PAIRS, indirect=True)
def test_a_silent_peer_times_out_and_the_key_stays(pair):
    source, _, server = pair
    source.set("a", 1)
    server.pause()
    started = time.monotonic()
    said = error_of(source.execute_command, "MIGRATE", "127.0.0.1", server.port, "a", 0, 300)
    assert said == "IOERR error or timeout reading to target instance"
    assert 0.25 < time.monotonic() - started < 5
    server.resume()
    assert source.get("a") == b"1"


@pytest.mark.parametrize("primary_kind, replica_kind", [(HOLDFAST, REDIS), (REDIS, HOLDFAST)])
def test_replicas_hear_of_restore_and_migrate(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN + "repl-diskless-sync-delay 0\n", kind=primary_kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    other = space.node("other", PLAIN, kind=REDIS)
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the first sync")
    with bare(primary) as client, bare(replica) as reader:
        client.mset({"a": 1, "b": 2, "c": 3})
        client.restore("timed", 500_000, client.dump("a"))
        client.execute_command("MIGRATE", "127.0.0.1", other.port, "", 0, 5000, "KEYS", "a", "b")
        poll(lambda: sorted(reader.keys()) == [b"c", b"timed"], 10, "the replica has the same keys")
        assert reader.get("timed") == b"1"
        assert reader.execute_command("PEXPIRETIME", "timed") == client.execute_command("PEXPIRETIME", "timed")
        if primary_kind == HOLDFAST:
            assert poll(lambda: client.execute_command("DEBUG", "DIGEST") == reader.execute_command("DEBUG", "DIGEST"), 5, "one digest")


def test_a_new_replication_id_means_a_full_sync(space, kind):
    primary = space.node("primary", PLAIN + "repl-diskless-sync-delay 0\n", kind=kind)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=REDIS)
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the first sync")
    before = primary.info("replication")["master_replid"]
    with bare(primary) as client, bare(replica) as reader:
        assert client.execute_command("DEBUG", "CHANGE-REPL-ID") == b"OK"
        after = primary.info("replication")
        assert after["master_replid"] != before and int(after["master_replid2"]) == 0
        reader.execute_command("CLIENT", "KILL", "TYPE", "master")
        poll(lambda: primary.info("stats")["sync_full"] == 2, 20, "a second full sync")
        poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the link is back")
        assert replica.info("replication")["master_replid"] == after["master_replid"]


def test_reload_saves_flushes_merges(space):
    node = space.node("node", PLAIN)
    with bare(node) as client:
        client.mset({"a": 1, "b": 2})
        client.set("timed", "v", px=500_000)
        digest = client.execute_command("DEBUG", "DIGEST")
        assert client.execute_command("DEBUG", "RELOAD") == b"OK"
        assert client.execute_command("DEBUG", "DIGEST") == digest and client.pttl("timed") > 400_000
        client.set("a", "changed")
        client.set("new", "n")
        assert client.execute_command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH", "MERGE") == b"OK"
        assert client.get("a") == b"1" and client.get("new") == b"n" and client.dbsize() == 4
        assert client.execute_command("DEBUG", "RELOAD", "NOSAVE") == b"OK"
        assert client.execute_command("DEBUG", "DIGEST") == digest
        client.delete("a", "b", "timed")
        client.set("only", "here")
        assert client.execute_command("DEBUG", "RELOAD", "NOSAVE", "NOFLUSH") == b"OK"
        assert client.dbsize() == 4


def test_protected_options(space):
    text = "can't set protected config"
    for setting, allowed in (("no", False), ("local", True), ("yes", True)):
        node = space.node(setting, f'save ""\nenable-protected-configs {setting}\n')
        with bare(node) as client:
            for name, value in (("dir", str(node.folder)), ("dbfilename", "other.rdb")):
                if allowed:
                    assert client.config_set(name, value)
                else:
                    assert text in error_of(client.config_set, name, value) and f"'{name}'" in error_of(client.config_set, name, value)
            assert "DEBUG command not allowed" in error_of(client.execute_command, "DEBUG", "DIGEST")


def test_rewriting_every_option_reads_back(space):
    node = space.node("node", PLAIN)
    with bare(node) as client:
        client.config_set("maxmemory-samples", 7)
        before = client.config_get("*")
        assert client.execute_command("DEBUG", "CONFIG-REWRITE-FORCE-ALL") == b"OK"
    lines = (node.folder / "node.conf").read_text().splitlines()
    assert "maxmemory-samples 7" in lines and "appendonly no" in lines and len(lines) > 100
    node.stop()
    again = space.node("node", "", port=node.port)
    with bare(again) as client:
        assert client.config_get("*") == before


def test_a_log_written_while_logging_is_off_can_be_loaded(space):
    node = space.node("node", PLAIN)
    with bare(node) as client:
        client.mset({"a": 1, "b": 2})
        client.execute_command("BGREWRITEAOF")
        poll(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, 20, "the rewrite is done")
        client.set("a", "changed")
        client.set("c", 3)
        assert client.execute_command("DEBUG", "LOADAOF") == b"OK"
        assert client.get("a") == b"1" and client.dbsize() == 2


def test_flushall_counts_as_saved_where_it_is_saved(space):
    node = space.node("node", PLAIN)
    with bare(node) as client:
        changes = lambda: client.info("persistence")["rdb_changes_since_last_save"]  # noqa: E731
        client.mset({"a": 1, "b": 2})
        client.flushall()
        assert changes() == 4
        client.flushall()
        assert changes() == 4
        client.config_set("save", "3600 1000")
        client.set("a", 1)
        client.flushall()
        assert changes() == 0


def test_events_of_keys_that_travel(space):
    node, other = space.node("node", PLAIN + "notify-keyspace-events KEA\n"), space.node("other", PLAIN, kind=REDIS)
    with bare(node) as client, node.client() as listener:
        events = listener.pubsub()
        events.psubscribe("__keyevent@0__:*")
        assert events.get_message(timeout=5)["type"] == "psubscribe"
        client.set("a", 1)
        client.restore("b", 0, client.dump("a"))
        client.execute_command("RESTORE", "b", 1, client.dump("a"), "ABSTTL", "REPLACE")
        client.execute_command("MIGRATE", "127.0.0.1", other.port, "a", 0, 5000)
        client.set("end", 1)
        seen = []
        while not seen or seen[-1] != ("set", "end"):
            message = events.get_message(timeout=5)
            assert message is not None, seen
            seen.append((message["channel"].rpartition(":")[2], message["data"]))
        assert seen == [("set", "a"), ("restore", "b"), ("del", "b"), ("del", "a"), ("set", "end")]


def test_a_snapshot_asked_for_in_a_transaction_waits_for_its_end(space):
    node = space.node("node", PLAIN + "appendonly yes\n")
    with bare(node) as client:

        def transaction(*commands):
            client.execute_command("MULTI")
            for command in commands:
                client.execute_command(*command)
            return client.execute_command("EXEC")

        def idle():
            state = client.info("persistence")
            return state["aof_enabled"] == 1 and not state["aof_rewrite_in_progress"] and not state["aof_rewrite_scheduled"]

        rewrites = client.info("persistence")["aof_rewrites"]
        replies = transaction(("INCR", "n"), ("BGREWRITEAOF",), ("INCR", "n"))
        assert replies == [1, b"Background append only file rewriting scheduled", 2]
        poll(lambda: client.info("persistence")["aof_rewrites"] > rewrites and idle(), 20, "the rewrite is done")
        assert client.execute_command("DEBUG", "LOADAOF") == b"OK" and client.get("n") == b"2"
        client.config_set("appendonly", "no")
        transaction(("INCR", "n"), ("CONFIG", "SET", "appendonly", "yes"), ("INCR", "n"))
        poll(idle, 20, "the log is on")
        client.incr("n")
        poll(lambda: client.execute_command("DEBUG", "LOADAOF") == b"OK", 20, "the log has its base")
        assert client.get("n") == b"5"
        assert transaction(("SET", "m", 1), ("BGSAVE",))[1] == b"Background saving scheduled"
        poll(lambda: client.info("persistence")["rdb_changes_since_last_save"] == 0, 20, "the save is done")
