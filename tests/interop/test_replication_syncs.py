"""Full syncs and memory limits of replicating nodes: who waits for whom, what is shown, who evicts.

With --kind redis all nodes are Redis: that proves the tests.
"""

import ctypes
import os
import re
import socket
import time
import urllib.request

import pytest

from harness import REDIS, poll
from test_replication_options import PLAIN, Primary, fall_behind, follow, in_sync, replication


def starts(primary):
    return primary.log().count("Starting BGSAVE for SYNC")


@pytest.mark.parametrize("replica_kind", [None, REDIS], ids=["ours", "redis"])
def test_replicas_that_come_within_the_delay_share_a_snapshot(space, replica_kind):
    primary = space.node("primary", 'save ""\nrepl-diskless-sync-delay 3\n')
    conf = f"{PLAIN}replicaof 127.0.0.1 {primary.port}\n"
    begin = time.monotonic()
    replicas = [space.node(f"replica{i}", conf, kind=replica_kind) for i in range(3)]
    poll(lambda: replication(primary)["connected_slaves"] == 3, 10, "all have asked")
    assert {replication(primary)[f"slave{i}"]["state"] for i in range(3)} == {"wait_bgsave"}
    poll(lambda: all(in_sync(replica, primary) for replica in replicas), 20, "all are in sync")
    assert time.monotonic() - begin >= 2 and starts(primary) == 1
    assert primary.info("stats")["sync_full"] == 3


def test_enough_replicas_end_the_delay(space):
    primary = space.node("primary", 'save ""\nrepl-diskless-sync-delay 1000\nrepl-diskless-sync-max-replicas 2\n')
    conf = f"{PLAIN}replicaof 127.0.0.1 {primary.port}\n"
    first = space.node("first", conf)
    poll(lambda: replication(primary)["connected_slaves"] == 1, 10, "the first has asked")
    assert starts(primary) == 0
    second = space.node("second", conf)
    poll(lambda: in_sync(first, primary) and in_sync(second, primary), 10, "both are in sync")
    assert starts(primary) == 1


def test_the_progress_of_a_sync_is_shown(space):
    node = space.node("node", PLAIN)
    size = 1_000_000
    primary = Primary(node, payload=b"REDIS0010" + b"\xfa\x05filler" + bytes(size // 2), size=size)
    poll(lambda: replication(node).get("master_sync_read_bytes", 0) > size // 3, 10, "half of the payload has come")
    info = replication(node)
    assert info["master_sync_in_progress"] == 1 and info["master_link_status"] == "down"
    assert info["master_sync_total_bytes"] == size
    assert info["master_sync_left_bytes"] == size - info["master_sync_read_bytes"]
    assert info["master_sync_perc"] == pytest.approx(100 * info["master_sync_read_bytes"] / size, abs=0.01)
    assert info["master_sync_last_io_seconds_ago"] in (0, 1)
    primary.link.close()
    poll(lambda: replication(node)["master_sync_in_progress"] == 0, 10, "the link is lost")


def no_delay(process, local_port):
    """TCP_NODELAY of the process's established connections at a port: their descriptors are borrowed for a look."""
    found = []
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(process.pid)
    for name in os.listdir(f"/proc/{process.pid}/fd"):
        fd = libc.syscall(438, pidfd, int(name), 0)  # pidfd_getfd
        if fd < 0:
            if ctypes.get_errno() in (1, 38):
                pytest.skip("the kernel lends no descriptors here")
            continue
        try:
            with socket.socket(fileno=os.dup(fd)) as end:
                if end.family == socket.AF_INET and end.getsockname()[1] == local_port and end.getpeername():
                    found.append(end.getpeername()[1:] + (end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0,))
        except OSError:
            pass  # not a socket, or one that listens
        finally:
            os.close(fd)
    os.close(pidfd)
    return dict(found)


@pytest.mark.parametrize("disable", ["yes", "no"])
def test_small_packets_to_replicas_are_delayed_if_wanted(space, disable):
    primary = space.node("primary", PLAIN + f"repl-disable-tcp-nodelay {disable}\n")
    follow(space, primary)
    with primary.client(single_connection_client=True) as client:
        link = next(c for c in client.client_list() if c["flags"] == "S")
        other = next(c for c in client.client_list() if c["flags"] != "S")
        ports = no_delay(primary, primary.port)
        assert ports[int(link["addr"].split(":")[1])] == (disable == "no")
        assert ports[int(other["addr"].split(":")[1])]


def fill(node, count=2000):
    with node.client() as client, client.pipeline(transaction=False) as pipeline:
        for i in range(count):
            pipeline.set(f"key:{i}", "v" * 1000)
        pipeline.execute(raise_on_error=False)


@pytest.mark.parametrize("primary_kind, replica_kind", [(None, REDIS), (REDIS, None), (None, None)])
def test_only_the_primary_evicts(space, primary_kind, replica_kind):
    """The replica may hold more than its own maxmemory; what the primary evicts goes there too."""
    primary = space.node("primary", PLAIN, kind=primary_kind)
    replica = follow(space, primary, "maxmemory 1mb\nmaxmemory-policy allkeys-lru\n", kind=replica_kind)
    fill(primary)
    poll(lambda: in_sync(replica, primary), 10, "in sync")
    assert replica.cli("DBSIZE").strip() == primary.cli("DBSIZE").strip() == "2000"
    with primary.client() as client:
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", client.info("memory")["used_memory"] - 500_000)
        client.set("one more", "v")
        poll(lambda: client.info("stats")["evicted_keys"] > 100, 10, "the primary evicts")
    # It may evict a few more at any time: what a client takes counts too.
    poll(lambda: in_sync(replica, primary) and replica.cli("DBSIZE") == primary.cli("DBSIZE"), 10, "the same keys")
    assert replica.info("stats")["evicted_keys"] == 0


def test_a_replica_that_minds_its_own_limit_evicts(space):
    primary = space.node("primary", PLAIN)
    replica = follow(space, primary, "maxmemory 2mb\nmaxmemory-policy allkeys-random\nreplica-ignore-maxmemory no\n")
    fill(primary)
    poll(lambda: in_sync(replica, primary) and replica.info("stats")["evicted_keys"] > 0, 10, "the replica evicts")
    assert primary.info("stats")["evicted_keys"] == 0
    assert int(replica.cli("DBSIZE")) < int(primary.cli("DBSIZE")) == 2000


@pytest.mark.parametrize("lazy", ["yes", "no"])
def test_the_old_data_set_is_freed_aside_if_wanted(space, lazy):
    primary = space.node("primary", PLAIN + "repl-backlog-size 16kb\n")
    fill(primary)
    replica = follow(space, primary, f"replica-lazy-flush {lazy}\n")
    before = replica.info("memory")["lazyfreed_objects"]
    fall_behind(primary, replica)
    poll(lambda: primary.info("stats")["sync_full"] == 2 and in_sync(replica, primary), 20, "in sync again")
    if lazy == "yes":
        poll(lambda: replica.info("memory")["lazyfreed_objects"] - before >= 2000, 10, "the old keys are freed")
    else:
        assert replica.info("memory")["lazyfreed_objects"] == before


@pytest.mark.ours
def test_the_progress_of_a_long_sync_is_told(space):
    node = space.node("node", PLAIN, http=True)
    size = 1_000_000
    primary = Primary(node, payload=b"REDIS0010" + bytes(size // 2), size=size)

    def metrics():
        with urllib.request.urlopen(f"http://127.0.0.1:{node.http_port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    poll(lambda: "holdfast_replica_sync_progress_ratio 0.5" in metrics(), 10, "/metrics tells how far it is")
    assert re.search(r"^holdfast_replica_sync_received_bytes 50\d{4}$", metrics(), re.M)

    def told():
        primary.link.sendall(b"x")
        return "MASTER <-> REPLICA sync: 50.0 % of 1 MB received" in node.log()

    poll(told, 20, "the log tells how far it is", 0.2)
    primary.link.close()
    poll(lambda: "holdfast_replica_sync" not in metrics(), 10, "the link is lost")
