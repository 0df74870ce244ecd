"""Replicas that are slower than the writes, as in redis#15447: Redis drops such a one at its output-buffer limit, makes a
full copy for it, and drops it again. Ours puts on disk what it has not taken, and goes on.

`--kind redis` shows the loop. All but that test have a small limit, to be quick.
"""

import pathlib
import threading
import time

import pytest
from faulty_disk import Disk
from harness import REDIS, poll
from line import Line

MB = 1 << 20
LIMIT = "client-output-buffer-limit replica 12mb 6mb 1\n"
PRIMARY = 'save ""\nrepl-diskless-sync-delay 0\nenable-debug-command yes\n'
REPLICA = 'save ""\nenable-debug-command yes\n'
VALUE = "v" * 10_000
KEYS = 500


def resident(server):
    text = pathlib.Path(f"/proc/{server.pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("VmRSS"))


def write(client, megabytes, salt=""):
    """So many megabytes of stream, over the same keys."""
    for _ in range(megabytes):
        pipe = client.pipeline(transaction=False)
        for _ in range(MB // len(VALUE)):
            write.count += 1
            pipe.set(f"key:{write.count % KEYS}", f"{salt}{write.count}:{VALUE}")
        pipe.execute()


write.count = 0


class Peak:
    """The most resident memory of a server while it is entered."""

    def __init__(self, server):
        self.server, self.most, self.spilled = server, 0, 0

    def __enter__(self):
        self.before = resident(self.server)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while not self.ended.wait(0.05):
            self.most = max(self.most, resident(self.server))
            self.spilled = max(self.spilled, self.server.info("replication").get("repl_spill_bytes", 0))

    def __exit__(self, *_):
        self.ended.set()
        self.thread.join()

    @property
    def extra(self):
        return self.most - self.before


def follow(space, primary, link, name="replica", conf=""):
    replica = space.node(name, REPLICA + conf)
    with replica.client() as client:
        client.replicaof("127.0.0.1", link.port)
    wait_up(replica)
    return replica


def slow_line(primary, rate=None):
    """It holds next to nothing: the primary meets its pace at once."""
    return Line(primary.port, rate=rate, window=64 * 1024)


def near_and_far(space, primary, link):
    """A replica beside the primary, and one behind the line."""
    with primary.client() as client:
        write(client, 5)
    return follow(space, primary, primary, "near"), follow(space, primary, link, "far")


def wait_up(replica, seconds=30):
    poll(lambda: replica.info("replication")["master_link_status"] == "up", seconds, f"{replica.name} follows")


def wait_equal(primary, replica, seconds=60):
    def caught_up():
        offset = primary.info("replication")["master_repl_offset"]
        return replica.info("replication").get("slave_repl_offset") == offset

    poll(caught_up, seconds, "the replica has everything")
    digests = []
    for server in (primary, replica):
        with server.client(60) as client:
            digests.append(client.execute_command("DEBUG", "DIGEST"))
    assert digests[0] == digests[1]


def test_a_replica_slower_than_the_writes_does_not_start_over(space):
    """The loop itself, with the limit that everybody has: 256 MB, or 64 MB for a minute."""
    primary = space.node("primary", PRIMARY)
    with slow_line(primary) as link, primary.client() as client:
        write(client, 5)
        replica = follow(space, primary, link)
        link.limit(8 * MB)
        with Peak(primary) as peak:
            for _ in range(75):
                write(client, 10)
                time.sleep(0.05)  # below 200 MB a second
                if space.kind == REDIS and primary.info("stats")["sync_full"] >= 3:
                    return  # again and again
        assert space.kind != REDIS, "it does not start over"
        assert peak.spilled > 400 * MB
        link.limit(None)
        wait_equal(primary, replica)
        assert primary.info("stats")["sync_full"] == 1
        assert primary.info("stats")["sync_partial_ok"] == 0
        assert primary.info("replication")["repl_spill_bytes"] == 0
        assert peak.extra < 96 * MB, f"{peak.extra >> 20} MB"


@pytest.mark.ours
def test_a_replica_that_stands_still_in_turns_does_not_start_over(space):
    primary = space.node("primary", PRIMARY + LIMIT)
    with slow_line(primary) as link, primary.client() as client:
        write(client, 5)
        replicas = [follow(space, primary, link, f"replica{i}") for i in range(2)]
        for i in range(4):
            replicas[i % 2].pause()
            write(client, 40)
            replicas[i % 2].resume()
        for replica in replicas:
            wait_equal(primary, replica)
        assert primary.info("stats")["sync_full"] == 2


@pytest.mark.ours
def test_the_stream_of_a_long_full_sync_is_on_disk(space):
    """A slow link and a busy primary: the copy takes many times the limit's worth of stream."""
    primary = space.node("primary", PRIMARY + LIMIT + "repl-diskless-sync no\n")
    with slow_line(primary, 8 * MB) as link, primary.client() as client:
        write(client, 5)
        replica = space.node("replica", REPLICA)
        with Peak(primary) as peak, replica.client() as follower:
            follower.replicaof("127.0.0.1", link.port)
            poll(lambda: primary.info("replication")["connected_slaves"] == 1, 10, "the replica asks")
            write(client, 60)
        assert peak.spilled > 20 * MB
        assert peak.extra < 64 * MB, f"{peak.extra >> 20} MB"
        link.limit(None)
        wait_up(replica)
        wait_equal(primary, replica)
        assert primary.info("stats")["sync_full"] == 1


@pytest.mark.ours
def test_a_streamed_snapshot_that_a_replica_takes_slowly_keeps_nothing_in_memory(space):
    """Its keys are all overwritten while it is on its way: that would be kept until it has gone out."""
    primary = space.node("primary", PRIMARY + LIMIT)
    with primary.client() as client, slow_line(primary, 8 * MB) as link:
        keys = 160 * MB // len(VALUE)
        client.execute_command("DEBUG", "POPULATE", keys, "key", len(VALUE))
        replica = space.node("replica", REPLICA)
        with Peak(primary) as peak, replica.client() as follower:
            follower.replicaof("127.0.0.1", link.port)
            poll(lambda: link.carried > MB, 10, "the snapshot is on its way")
            for begin in range(0, keys, 200):
                pipe = client.pipeline(transaction=False)
                for key in range(begin, min(begin + 200, keys)):
                    pipe.setrange(f"key:{key}", 0, "other")
                pipe.execute()
            assert replica.info("replication")["master_sync_in_progress"] == 1, "too late to tell anything"
            link.limit(None)
            wait_up(replica)
        assert peak.extra < 64 * MB, f"{peak.extra >> 20} MB"
        wait_equal(primary, replica)


@pytest.mark.ours
def test_a_full_disk_drops_the_slow_replica_at_the_limit_and_harms_nobody_else(space):
    disk = Disk(space, "primary")
    primary = disk.start(PRIMARY + LIMIT)
    with primary.client() as client, slow_line(primary) as link:
        near, far = near_and_far(space, primary, link)
        disk.rules("write ENOSPC *spill*")
        link.limit(MB)
        write(client, 60)
        poll(lambda: "as the disk could not take the stream" in primary.log(), 20, "the slow one is dropped")
        assert "No space left on device" in primary.log()
        assert primary.info("replication")["repl_spill_last_status"] == "err"
        wait_equal(primary, near)
        disk.rules()
        link.limit(None)
        wait_up(far)
        wait_equal(primary, far)
        assert primary.info("stats")["sync_full"] <= 4
        # And the disk is used again.
        link.limit(MB)
        write(client, 40)
        poll(lambda: primary.info("replication")["repl_spill_bytes"] > 10 * MB, 10, "the stream goes to disk")
        assert primary.info("replication")["repl_spill_last_status"] == "ok"
        link.limit(None)
        wait_equal(primary, far)


@pytest.mark.ours
def test_what_cannot_be_read_again_drops_only_its_reader(space):
    disk = Disk(space, "primary")
    primary = disk.start(PRIMARY + LIMIT)
    with primary.client() as client, slow_line(primary) as link:
        near, far = near_and_far(space, primary, link)
        link.limit(MB // 4)
        write(client, 40)
        disk.rules("read EIO *spill*")
        link.limit(None)
        poll(lambda: "cannot be read from disk" in primary.log(), 20, "the reader is dropped")
        disk.rules()
        for replica in (near, far):
            wait_up(replica)
            wait_equal(primary, replica)


@pytest.mark.ours
def test_without_a_limit_for_the_disk_the_output_buffer_limit_counts(space):
    primary = space.node("primary", PRIMARY + LIMIT + "repl-spill-limit 0\n")
    with slow_line(primary) as link, primary.client() as client:
        write(client, 5)
        follow(space, primary, link)
        link.limit(MB)
        write(client, 30)
        poll(lambda: "overcoming of output buffer limits" in primary.log(), 10, "the slow one is dropped")
        assert client.config_get("repl-spill-limit") == {"repl-spill-limit": "0"}
        client.config_set("repl-spill-limit", "1gb")
        assert client.config_get("repl-spill-limit") == {"repl-spill-limit": str(1 << 30)}


@pytest.mark.ours
def test_nothing_is_left_in_the_folder(space):
    primary = space.node("primary", PRIMARY + LIMIT, wait=False)
    left = pathlib.Path(primary.folder) / f"temp-repl-stream-{primary.port}.spill"
    primary.wait_ready().kill()
    left.write_bytes(b"of one that was killed while it made it")
    primary = space.node("primary", port=primary.port)
    assert not left.exists()
    with slow_line(primary) as link, primary.client() as client:
        follow(space, primary, link)
        link.limit(MB)
        write(client, 60)
        poll(lambda: primary.info("replication")["repl_spill_bytes"] > 20 * MB, 10, "the stream goes to disk")
        assert not [path.name for path in left.parent.iterdir() if "spill" in path.name]
