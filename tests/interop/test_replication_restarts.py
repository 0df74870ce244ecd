"""Restarts and planned switches of replicating nodes, by the files that they leave: who continues, and who must start over.

With --kind redis every node is Redis: that proves the tests.
"""

import threading
import time

import pytest
import redis

from differential import Bare
from harness import REDIS, SLOW, poll

CONF = "save 3600 1\nrepl-diskless-sync-delay 0\nrepl-ping-replica-period 3600\nenable-debug-command yes\n"
LOGGED = "appendonly yes\nauto-aof-rewrite-percentage 0\n"
PAIRS = {"ours-to-redis": (None, REDIS), "redis-to-ours": (REDIS, None), "ours-to-ours": (None, None)}
by_pair = pytest.mark.parametrize("primary_kind, replica_kind", PAIRS.values(), ids=PAIRS.keys())


def replication(node):
    return node.info("replication")


def wait_equal(replica, primary, seconds=20):
    def equal():
        mine, its = replication(replica), replication(primary)
        same = mine["master_repl_offset"] == its["master_repl_offset"] and mine["master_replid"] == its["master_replid"]
        return same and mine.get("master_link_status") == "up" and its["role"] == "master"

    poll(equal, seconds, f"{replica.name} has all of {primary.name}")
    assert replica.cli("DEBUG", "DIGEST") == primary.cli("DEBUG", "DIGEST")


def write(node, tag, count=200):
    """Over two databases, so that a stream that continues needs to know which one is selected."""
    with node.client(single_connection_client=True) as client:
        for i in range(count):
            client.execute_command("SELECT", i % 2 * 7)
            client.rpush("list", f"{tag}:{i}")
            client.set(f"{tag}:{i}", i)


def pair_of(space, primary_kind, replica_kind, conf=CONF, primary_conf=None):
    primary = space.node("primary", conf if primary_conf is None else primary_conf, kind=primary_kind)
    write(primary, "first")
    replica = space.node("replica", conf + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    wait_equal(replica, primary)
    write(primary, "stream")
    wait_equal(replica, primary)
    return primary, replica


def shut_down(node):
    with node.client() as client:
        client.shutdown()
    assert node.wait_exit(20) == 0


def restart(space, node, kind):
    return space.node(node.name, "", port=node.port, kind=kind)


@by_pair
def test_a_replica_continues_after_a_shutdown(space, primary_kind, replica_kind):
    primary, replica = pair_of(space, primary_kind, replica_kind)
    shut_down(replica)
    write(primary, "meanwhile")
    again = restart(space, replica, replica_kind)
    wait_equal(again, primary)
    stats = primary.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (1, 1)


@pytest.mark.ours
@pytest.mark.parametrize("primary_kind", [None, REDIS], ids=["ours", "redis"])
@pytest.mark.parametrize("how", ["shutdown", "killed"])
def test_a_replica_continues_from_its_log(space, primary_kind, how):
    """Redis 7.0 keeps no position in its log and starts over; ours continues, after a kill from the last position written."""
    primary, replica = pair_of(space, primary_kind, None, CONF + LOGGED.replace("yes", "no"))
    with replica.client() as client:
        client.config_set("appendonly", "yes")
    poll(lambda: replica.info("persistence")["aof_rewrite_in_progress"] == 0 and replica.info("persistence")["aof_rewrites"] > 0,
         20, "the log has its base")
    write(primary, "logged")
    wait_equal(replica, primary)
    if how == "shutdown":
        shut_down(replica)
    else:
        replica.kill()
    write(primary, "meanwhile")
    (space.folder / "replica/replica.conf").open("a").write("appendonly yes\n")
    again = restart(space, replica, None)
    wait_equal(again, primary)
    stats = primary.info("stats")
    if how == "shutdown":
        assert (stats["sync_full"], stats["sync_partial_ok"]) == (1, 1)


@by_pair
def test_a_received_payload_is_the_replicas_dump(space, primary_kind, replica_kind):
    """A replica that saves nothing itself continues from it after a kill."""
    primary, replica = pair_of(space, primary_kind, replica_kind, CONF.replace("3600 1", '""', 1))
    poll(lambda: [path.name for path in replica.folder.glob("*rdb*")] == ["dump.rdb"], 10, "the payload has its name")
    replica.kill()
    write(primary, "meanwhile")
    again = restart(space, replica, replica_kind)
    wait_equal(again, primary)
    stats = primary.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (1, 1)


@by_pair
def test_a_received_payload_is_removed_where_it_is_asked_for(space, primary_kind, replica_kind):
    """rdb-del-sync-files: only without persistence, and as it is set when the payload is loaded."""
    _, replica = pair_of(space, primary_kind, replica_kind, CONF.replace("3600 1", '""', 1) + "rdb-del-sync-files yes\n")
    assert not list(replica.folder.glob("*rdb*"))
    with replica.client() as client:
        client.config_set("save", "3600 1")
        client.execute_command("REPLICAOF", "NO", "ONE")
        client.set("other", "data")
    primary = space.node("second", CONF, kind=primary_kind)
    write(primary, "third")
    with replica.client() as client:
        client.execute_command("REPLICAOF", "127.0.0.1", primary.port)
    wait_equal(replica, primary)
    poll(lambda: [path.name for path in replica.folder.glob("*rdb*")] == ["dump.rdb"], 10, "the payload has its name")


@by_pair
def test_replicas_continue_with_a_primary_that_was_restarted(space, primary_kind, replica_kind):
    """After an orderly end its file has everything: the old history goes on, in ours always under a new name."""
    primary, replica = pair_of(space, primary_kind, replica_kind)
    shut_down(primary)
    before = replication(replica)  # the stream's last bytes are with it
    again = restart(space, primary, primary_kind)
    if primary_kind is None and again.argv[0].endswith("holdfast-node"):
        after = replication(again)
        assert after["master_replid"] != before["master_replid"] == after["master_replid2"]
        assert after["second_repl_offset"] == before["master_repl_offset"] + 1
    wait_equal(replica, again)
    write(again, "after")
    wait_equal(replica, again)
    stats = again.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (0, 1)


@pytest.mark.ours
@pytest.mark.parametrize("replica_kind", [None, REDIS], ids=["ours", "redis"])
def test_replicas_continue_with_a_primary_that_was_restarted_from_its_log(space, replica_kind):
    primary, replica = pair_of(space, None, replica_kind, primary_conf=CONF + LOGGED)
    shut_down(primary)
    again = restart(space, primary, None)
    wait_equal(replica, again)
    write(again, "after")
    wait_equal(replica, again)
    stats = again.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (0, 1)


@pytest.mark.parametrize("replica_kind", [None, REDIS], ids=["ours", "redis"])
@pytest.mark.parametrize("file", ["rdb", "aof"])
def test_a_primary_that_lost_its_tail_takes_nobody_past_it(space, replica_kind, file):
    """The file is older than what the replica has: the replica must not keep what the primary does not know."""
    primary, replica = pair_of(space, None, replica_kind, primary_conf=CONF + (LOGGED + "appendfsync always\n" if file == "aof" else ""))
    with primary.client() as client:
        client.save()
    if file == "aof":
        log = max((space.folder / "primary/appendonlydir").glob("*.incr.aof"))
        size = log.stat().st_size
    write(primary, "lost")
    wait_equal(replica, primary)
    primary.kill()
    if file == "aof":
        with open(log, "r+b") as opened:
            opened.truncate(size)
    again = restart(space, primary, None)
    wait_equal(replica, again)
    assert replica.cli("EXISTS", "lost:0").strip() == "0"
    write(again, "after")
    wait_equal(replica, again)
    assert again.info("stats")["sync_full"] == 1


@by_pair
def test_a_planned_switch_under_load_loses_nothing(space, primary_kind, replica_kind):
    """Writers are paused, the replica has everything, roles change: partial resyncs only, every acknowledged write is there."""
    primary, replica = pair_of(space, primary_kind, replica_kind, CONF.replace("save 3600 1", 'save ""'))
    over, acknowledged, errors = threading.Event(), [], []

    def load(number):
        bare = Bare(primary.port)
        i = 0
        while not over.is_set():
            reply = bare.call("RPUSH", f"load:{number}", i)
            if reply[0] == "-":
                errors.append(reply)
                break
            i += 1
        acknowledged.append((number, i))
        bare.close()

    writers = [threading.Thread(target=load, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    time.sleep(0.5 * SLOW)  # under load for so long
    with primary.client(single_connection_client=True) as old, replica.client(single_connection_client=True) as new:
        old.execute_command("CLIENT", "PAUSE", 20_000, "WRITE")
        offset = replication(primary)["master_repl_offset"]
        poll(lambda: replication(replica)["slave_repl_offset"] >= offset, 10, "the replica has everything")
        new.execute_command("REPLICAOF", "NO", "ONE")
        old.execute_command("REPLICAOF", "127.0.0.1", replica.port)
        old.execute_command("CLIENT", "UNPAUSE")
    over.set()
    for writer in writers:
        writer.join(20)
    wait_equal(primary, replica)
    assert all(error[1].startswith(b"READONLY") for error in errors)
    with replica.client() as client:
        for number, count in acknowledged:
            assert client.lrange(f"load:{number}", 0, -1) == [str(i) for i in range(count)]
    stats = replica.info("stats")
    assert (stats["sync_full"], stats["sync_partial_ok"]) == (0, 1)
