"""What each directive of replication promises, seen from outside. With --kind redis all nodes are Redis: that proves the tests."""

import hashlib
import socket
import time

import pytest
import redis

from harness import REDIS, free_port, poll

PLAIN = 'save ""\nrepl-diskless-sync-delay 0\n'
# A data set whose load lasts for seconds, with clients served in between.
SLOW_LOAD = "loading-process-events-interval-bytes 1024\n"
ENTRIES = {f"key:{i}": hashlib.sha512(b"%d" % i).hexdigest() for i in range(3000)}


def replication(node):
    return node.info("replication")


def in_sync(replica, primary):
    mine, its = replication(replica), replication(primary)
    return mine["master_link_status"] == "up" and mine["master_repl_offset"] == its["master_repl_offset"]


def follow(space, primary, conf="", name="replica", kind=None, options=()):
    replica = space.node(name, PLAIN + conf + f"replicaof 127.0.0.1 {primary.port}\n", *options, kind=kind)
    poll(lambda: in_sync(replica, primary), 20, f"{name} is in sync")
    return replica


def fall_behind(primary, replica):
    """The replica needs a full resync of the same history: what it misses is not in the backlog any more."""
    replica.pause()
    with primary.client() as client:
        client.execute_command("CLIENT", "KILL", "TYPE", "replica")
        poll(lambda: replication(primary)["connected_slaves"] == 0, 10, "the primary has let go of the replica")
        client.set("key", "new")
        for i in range(100):
            client.set(f"filler:{i}", "x" * 1000)
        client.delete("gone")
    replica.resume()


@pytest.mark.parametrize("mode", ["swapdb", "disabled", "on-empty-db"])
def test_stale_data_while_a_full_copy_is_loaded(space, mode):
    """swapdb: the old data set of the same history is served until the new one is whole. Else clients are told to wait."""
    primary = space.node("primary", PLAIN + "repl-backlog-size 16kb\n")
    with primary.client() as client:
        client.mset(ENTRIES | {"key": "old", "gone": "v"})
        client.rpush("list", "a", "b")
    replica = follow(space, primary, f"repl-diskless-load {mode}\n{SLOW_LOAD}")
    with replica.client(single_connection_client=True) as client, client.pipeline(transaction=True) as watching:
        client.config_set("key-load-delay", 1000)
        fall_behind(primary, replica)
        if mode == "swapdb":
            poll(lambda: replica.info("persistence")["async_loading"] == 1, 20, "the copy to be loaded beside the data")
            info = replica.info("persistence")
            assert info["loading"] == 0 and info["loading_total_bytes"] >= 0
            assert client.mget("key", "gone", "filler:1") == ["old", "v", None]
            assert client.lrange("list", 0, -1) == ["a", "b"]
            with pytest.raises(redis.ReadOnlyError):
                client.set("key", "mine")
            with pytest.raises(redis.BusyLoadingError):
                client.execute_command("BGSAVE")
            watching.watch("filler:1")
            # Clients take part in transactions and watch as usual.
            with client.pipeline(transaction=True) as pipeline:
                assert pipeline.get("key").dbsize().execute() == ["old", 3003]
        else:
            poll(lambda: replica.info("persistence")["loading"] == 1, 20, "the copy to be loaded")
            assert replica.info("persistence")["async_loading"] == 0
            with pytest.raises(redis.BusyLoadingError):
                client.get("key")
        poll(lambda: in_sync(replica, primary), 30, "the copy is loaded")
        assert client.mget("key", "gone", "filler:1") == ["new", None, "x" * 1000]
        assert client.dbsize() == 3102
        if mode == "swapdb":
            with pytest.raises(redis.WatchError):
                watching.multi()
                watching.get("key").execute()
    assert primary.info("stats")["sync_full"] == 2
    assert primary.cli("DBSIZE") == replica.cli("DBSIZE")


def test_swapdb_of_another_history_serves_nothing_stale(space):
    first, second = space.node("first", PLAIN), space.node("second", PLAIN)
    with first.client() as client:
        client.set("key", "first")
    with second.client() as client:
        client.mset(ENTRIES | {"key": "second"})
    replica = follow(space, first, "repl-diskless-load swapdb\n" + SLOW_LOAD)
    with replica.client(single_connection_client=True) as client:
        client.config_set("key-load-delay", 1000)
        client.replicaof("127.0.0.1", second.port)
        poll(lambda: replica.info("persistence")["loading"] == 1, 20, "the copy to be loaded")
        assert replica.info("persistence")["async_loading"] == 0
        with pytest.raises(redis.BusyLoadingError):
            client.get("key")
        poll(lambda: in_sync(replica, second), 30, "the copy is loaded")
        assert client.get("key") == "second"


def test_swapdb_with_a_log_and_sub_replicas(space):
    """The log's new base holds the new data; replicas of the replica come along."""
    primary = space.node("primary", PLAIN + "repl-backlog-size 16kb\n")
    with primary.client() as client:
        client.mset({f"key:{i}": "v" * 100 for i in range(1000)} | {"key": "old", "gone": "v"})
    middle = follow(space, primary, "repl-diskless-load swapdb\nappendonly yes\n", "middle")
    bottom = follow(space, middle, "repl-diskless-load swapdb\n", "bottom")
    count = 0

    def based():
        info = middle.info("persistence")
        return info["aof_rewrites"] > count and not info["aof_rewrite_in_progress"] and not info["aof_rewrite_scheduled"]

    poll(based, 20, "the log has its base")
    count = middle.info("persistence")["aof_rewrites"]
    fall_behind(primary, middle)
    poll(lambda: replication(primary)["connected_slaves"] == 1 and in_sync(middle, primary), 30, "the middle is in sync")
    poll(lambda: in_sync(bottom, middle), 30, "the bottom is in sync")
    for node in (middle, bottom):
        with node.client() as client:
            assert client.get("key") == "new" and client.dbsize() == 1101
    poll(based, 20, "the log has the base of the new data")
    middle.stop()
    again = space.node("middle", "", port=middle.port)
    with again.client() as client:
        assert client.get("key") == "new" and client.dbsize() == 1101


def test_writes_are_refused_while_replicas_lag(space):
    primary = space.node("primary", PLAIN + "min-slaves-to-write 1\nmin-slaves-max-lag 2\n")
    replica = follow(space, primary)
    with primary.client() as client:
        poll(lambda: client.set("key", "v"), 10, "writes are accepted")
        assert replication(primary)["min_slaves_good_slaves"] == 1
        replica.pause()

        def refused():
            try:
                client.set("key", "v")
            except redis.ResponseError as error:
                assert "Not enough good replicas to write" in str(error)
                return True

        poll(refused, 10, "writes are refused")
        assert replication(primary)["min_slaves_good_slaves"] == 0
        assert client.get("key") == "v"
        client.config_set("min-replicas-max-lag", 0)  # switches it off
        assert client.set("key", "v")
        client.config_set("min-replicas-max-lag", 2)
        replica.resume()
        poll(lambda: client.set("key", "v"), 10, "writes are accepted again")


@pytest.mark.parametrize("primary_kind, replica_kind", [(None, REDIS), (REDIS, None)])
def test_replicas_say_how_they_are_reached(space, primary_kind, replica_kind):
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = follow(space, primary, "slave-announce-ip 10.1.2.3\nslave-announce-port 7777\nreplica-announced no\nslave-priority 7\n",
                     kind=replica_kind)
    row = poll(lambda: replication(primary).get("slave0"), 10, "the primary lists the replica")
    assert (row["ip"], row["port"]) == ("10.1.2.3", 7777)
    with primary.client() as client:
        poll(lambda: client.execute_command("ROLE")[2], 10, "the replica is online")
        assert client.execute_command("ROLE")[2][0][:2] in (["10.1.2.3", "7777"], [b"10.1.2.3", b"7777"])
    info = replication(replica)
    assert info["replica_announced"] == 0 and info["slave_priority"] == 7


def test_a_replica_logs_in_as_a_user(space):
    primary = space.node("primary", PLAIN, "--user", "follower", "on", ">secret", "+psync", "+replconf", "+ping", kind=REDIS)
    replica = space.node("replica", PLAIN + f"masteruser follower\nmasterauth wrong\nreplicaof 127.0.0.1 {primary.port}\n")
    with primary.client() as client:
        client.execute_command("ACL", "SETUSER", "default", "off")
    with replica.client() as client:
        poll(lambda: "WRONGPASS" in replica.log(), 10, "the wrong password is refused")
        client.config_set("masterauth", "secret")
        poll(lambda: replication(replica)["master_link_status"] == "up", 20, "the replica is in sync")


def test_the_backlog_ends_when_nobody_comes_back(space):
    primary = space.node("primary", PLAIN + "repl-backlog-ttl 2\n")
    replica = follow(space, primary)
    before = replication(primary)
    assert before["repl_backlog_active"] == 1
    replica.kill()
    poll(lambda: replication(primary)["repl_backlog_active"] == 0, 10, "the backlog is freed")
    after = replication(primary)
    assert after["master_replid"] != before["master_replid"] and int(after["master_replid2"]) == 0
    assert after["repl_backlog_histlen"] == 0
    again = follow(space, primary, name="again")
    assert primary.info("stats")["sync_full"] == 2 and again.running()


@pytest.mark.alone
def test_silence_ends_a_link_on_both_sides(space):
    conf = "repl-timeout 2\nrepl-ping-slave-period 1\n"
    primary = space.node("primary", PLAIN + conf)
    replica = follow(space, primary, conf)
    time.sleep(3)  # longer than the timeout: pings keep an idle link alive
    assert in_sync(replica, primary) and primary.info("stats")["sync_partial_ok"] == 0
    replica.pause()
    poll(lambda: replication(primary)["connected_slaves"] == 0, 10, "the primary gives the silent replica up")
    replica.resume()
    poll(lambda: replication(primary)["connected_slaves"] == 1 and in_sync(replica, primary), 10, "it comes back")
    primary.pause()
    poll(lambda: replication(replica)["master_link_status"] == "down", 10, "the replica gives the silent primary up")
    primary.resume()
    poll(lambda: in_sync(replica, primary), 20, "it comes back")
    assert primary.info("stats")["sync_full"] == 1


def test_without_stale_data_a_replica_answers_only_about_itself(space):
    replica = space.node("replica", PLAIN + f"slave-serve-stale-data no\nreplicaof 127.0.0.1 {free_port()}\n", wait=False)
    poll(lambda: replica.info("replication")["role"] == "slave", 10, "the replica answers")
    with replica.client(single_connection_client=True) as client:
        for words in (["GET", "key"], ["DBSIZE"], ["KEYS", "*"], ["PING"]):
            with pytest.raises(redis.ResponseError, match="Link with MASTER is down and replica-serve-stale-data is set to 'no'"):
                client.execute_command(*words)
        assert client.info() and client.config_get("port") and client.execute_command("ROLE")[0] == "slave"
        with client.pipeline(transaction=True) as pipeline:
            with pytest.raises(redis.ResponseError, match="MASTERDOWN"):
                pipeline.get("key").execute()
        client.config_set("slave-serve-stale-data", "yes")
        assert client.get("key") is None


def test_old_names_are_the_same_directives(space):
    pairs = {"slave-serve-stale-data": "no", "slave-read-only": "no", "slave-priority": "42", "slave-announce-ip": "10.0.0.1",
             "slave-announce-port": "7000", "slave-ignore-maxmemory": "no", "slave-lazy-flush": "yes", "min-slaves-to-write": "2",
             "min-slaves-max-lag": "5", "repl-ping-slave-period": "7"}
    node = space.node("node", PLAIN + "".join(f"{name} {value}\n" for name, value in pairs.items()))
    with node.client() as client:
        for name, value in pairs.items():
            new = name.replace("slaves", "replicas").replace("slave", "replica")
            assert client.config_get(name) == {name: value} and client.config_get(new) == {new: value}
            client.config_set(name, value)
        assert client.config_get("slaveof") == {"slaveof": ""}


class Primary:
    """A primary of the test's own hand: an empty data set, or as much of a payload of some size as it has, then whatever it
    is told to send."""

    def __init__(self, node, payload=b"REDIS0010\xff" + b"\0" * 8, size=None):
        listener = socket.create_server(("127.0.0.1", 0))
        with node.client() as client:
            client.execute_command("REPLICAOF", "127.0.0.1", listener.getsockname()[1])
        listener.settimeout(10)
        self.link, _ = listener.accept()
        self.link.settimeout(10)
        listener.close()
        lines = self.link.makefile("rb")
        while True:
            count = int(lines.readline()[1:])
            words = []
            for _ in range(count):
                length = int(lines.readline()[1:])
                words.append(lines.read(length + 2)[:-2])
            if words[0].upper() == b"PSYNC":
                break
            self.link.sendall(b"+PONG\r\n" if words[0].upper() == b"PING" else b"+OK\r\n")
        self.link.sendall(b"+FULLRESYNC " + b"a" * 40 + b" 1000\r\n" + b"$%d\r\n" % (size or len(payload)) + payload)

    def send(self, *words):
        self.link.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w.encode()) for w in words))


@pytest.mark.parametrize("behaviour, lives", [("ignore", True), ("panic", False), ("panic-on-replicas", False)])
def test_an_error_in_the_stream(space, behaviour, lives):
    node = space.node("node", PLAIN + f"propagation-error-behavior {behaviour}\n")
    primary = Primary(node)
    primary.send("SET", "key", "text")
    primary.send("INCR", "key")
    primary.send("SET", "after", "v")
    if lives:
        poll(lambda: node.cli("GET", "after").strip() == "v", 10, "the stream goes on")
        assert node.info("stats")["unexpected_error_replies"] == 1
        assert "== CRITICAL == This replica is sending an error to its master" in node.log()
    else:
        for number in (6, 11):  # how Redis goes
            node.expected_signals.add(number)
        assert node.wait_exit(15) != 0
        assert "This replica panicked sending an error to its master after processing the command '" in node.log()
    primary.link.close()
