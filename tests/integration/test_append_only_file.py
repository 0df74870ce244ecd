"""The append-only file of a running node: what each directive promises, and WAITAOF. Disks that fail: test_disk_faults.py."""

import re
import socket
import time

import pytest
import redis

import faulty_disk
import harness
from harness import poll

PLAIN = 'save ""\nappendonly yes\n'
LOG = "appendonlydir/appendonly.aof.*.incr.aof"


@pytest.fixture
def disk(space):
    return faulty_disk.Disk(space)


def log_folder(node, name="appendonlydir"):
    return node.folder / name


def files(node, name="appendonlydir"):
    return sorted(path.name for path in log_folder(node, name).iterdir())


def increment(node):
    return next(log_folder(node).glob("*.incr.aof"))


# --- The directives of redis.conf's section, each against its comment.


def test_names_of_the_file_and_its_folder(space):
    node = space.node("node", PLAIN + 'appendfilename "log.aof"\nappenddirname "logs"\n')
    node.client().set("key", "value")
    assert files(node, "logs") == ["log.aof.1.base.rdb", "log.aof.1.incr.aof", "log.aof.manifest"]
    node.kill()
    assert space.node("node").client().get("key") == "value"


def test_is_switched_on_and_off_while_clients_write(space):
    node = space.node("node", 'save ""\n')
    client = node.client()
    client.set("before", "1")
    client.config_set("appendonly", "yes")
    client.set("during", "2")
    poll(lambda: node.info()["aof_rewrite_in_progress"] == 0, 20, "the first base")
    client.set("after", "3")
    assert node.info()["aof_enabled"] == 1
    poll(lambda: b"after" in increment(node).read_bytes(), 10, "the write in the log")
    node.kill()
    node = space.node("node", PLAIN)
    client = node.client()
    assert client.mget("before", "during", "after") == ["1", "2", "3"]
    client.config_set("appendonly", "no")
    assert node.info()["aof_enabled"] == 0
    client.set("unlogged", "4")
    node.kill()
    assert space.node("node").client().get("unlogged") is None


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
def test_each_policy_keeps_what_the_process_wrote(space, policy):
    node = space.node("node", PLAIN + f"appendfsync {policy}\n")
    client = node.client()
    for i in range(100):
        client.set(f"key:{i}", i)
    node.kill()
    client = space.node("node").client()
    assert [client.get(f"key:{i}") for i in range(100)] == [str(i) for i in range(100)]


def test_rewrites_itself_when_it_has_grown_by_the_percentage(space):
    node = space.node("node", PLAIN + "auto-aof-rewrite-percentage 100\nauto-aof-rewrite-min-size 32kb\n")
    client = node.client()

    def grow():
        for _ in range(60):
            client.set("key", "x" * 1000)

    client.config_set("auto-aof-rewrite-percentage", "0")
    grow()
    time.sleep(0.5)  # several rounds of its cron
    assert node.info()["aof_rewrites"] == 0
    client.config_set("auto-aof-rewrite-min-size", "10mb")
    client.config_set("auto-aof-rewrite-percentage", "100")
    time.sleep(0.5)
    assert node.info()["aof_rewrites"] == 0
    client.config_set("auto-aof-rewrite-min-size", "32kb")
    poll(lambda: node.info()["aof_rewrites"] == 1, 20, "the rewrite")
    assert re.search(r"Starting automatic rewriting of AOF on \d+% growth", node.log())
    poll(lambda: node.info()["aof_rewrite_in_progress"] == 0, 20, "its end")
    assert node.info()["aof_current_size"] < 32 * 1024


@pytest.mark.parametrize("preamble, suffix", [("yes", "rdb"), ("no", "aof")])
def test_base_is_an_rdb_or_commands(space, preamble, suffix):
    node = space.node("node", PLAIN + f"aof-use-rdb-preamble {preamble}\n")
    client = node.client()
    client.set("key", "value")
    client.bgrewriteaof()
    poll(lambda: node.info()["aof_rewrites"] == 1 and not node.info()["aof_rewrite_in_progress"], 20, "the rewrite")
    poll(lambda: f"appendonly.aof.2.base.{suffix}" in files(node), 10, "the base")
    base = (log_folder(node) / f"appendonly.aof.2.base.{suffix}").read_bytes()
    assert base.startswith(b"REDIS" if suffix == "rdb" else b"*")
    node.kill()
    assert space.node("node").client().get("key") == "value"


def test_timestamps_are_annotated_when_asked_for(space):
    node = space.node("node", PLAIN)
    client = node.client()
    client.set("key", "1")
    poll(lambda: b"SET" in increment(node).read_bytes(), 10, "the write")
    assert b"#TS:" not in increment(node).read_bytes()
    client.config_set("aof-timestamp-enabled", "yes")
    before = int(time.time())
    client.set("key", "2")
    poll(lambda: b"#TS:" in increment(node).read_bytes(), 10, "the annotation")
    stamp = int(re.search(rb"#TS:(\d+)\r\n", increment(node).read_bytes()).group(1))
    assert before <= stamp <= time.time()
    node.kill()
    assert space.node("node").client().get("key") == "2"


def test_a_torn_tail_is_cut_off_only_when_that_is_allowed(space):
    node = space.node("node", PLAIN)
    node.client().set("whole", "1")
    node.stop()
    with open(increment(node), "ab") as log:
        log.write(b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$10\r\nabc")
    refused = space.node("node", PLAIN + "aof-load-truncated no\n", wait=False)
    assert refused.wait_exit() == 1
    assert "Unexpected end of file reading the append only file" in refused.log()
    node = space.node("node", PLAIN + "aof-load-truncated yes\n")
    assert node.client().keys() == ["whole"]


@pytest.mark.ours
def test_nothing_is_synced_while_a_snapshot_is_written_if_so_asked(disk):
    node = disk.start(PLAIN + "appendfsync always\nno-appendfsync-on-rewrite yes\n")
    client = node.client(timeout=30)
    client.mset({f"key:{i}": i for i in range(100)})
    client.config_set("rdb-key-save-delay", "50000")
    client.bgsave()
    disk.rules(f"sync EIO {LOG}")  # one would be the end of it
    client.set("during", "1")
    assert client.get("during") == "1"
    assert node.info()["rdb_bgsave_in_progress"] == 1
    disk.rules()


@pytest.mark.ours
def test_what_a_failed_log_does_not_take_holds_no_reply_back(disk):
    node = disk.start(PLAIN + "appendfsync always\n")
    client = node.client()
    client.set("stays", "1")
    client.set("brief", "1", px=300)
    disk.rules(f"sync EIO {LOG}")
    with socket.create_connection(node.address, 20) as writer:
        writer.sendall(b"DEL nothing\r\nSET key 1\r\n")
        while received := writer.recv(100):
            assert received == b":0\r\n"
    poll(lambda: client.dbsize() == 2, 10, "the key to expire")
    node.kill()  # it would not end by itself while its data is nowhere else


# --- WAITAOF.


def test_waitaof_counts_this_nodes_and_its_replicas_files(space):
    primary = space.node("primary", PLAIN + "repl-diskless-sync-delay 0\n")
    replica = space.node("replica", f"{PLAIN}replicaof 127.0.0.1 {primary.port}\n")
    poll(lambda: replica.info()["master_link_status"] == "up", 20, "the replica to be in sync")
    poll(lambda: not replica.info()["aof_rewrite_in_progress"] and replica.info()["aof_rewrites"] > 0, 20, "its base")
    client = primary.client(timeout=30)
    assert client.execute_command("WAITAOF", 0, 0, 0)[0] == 1
    for i in range(3):
        client.set("key", i)
        assert client.execute_command("WAITAOF", 1, 1, 15_000) == [1, 1]
    client.set("key", "last")
    assert client.execute_command("WAITAOF", 1, 2, 100)[1] <= 1
    replica.client().config_set("appendonly", "no")
    client.set("key", "without it")
    assert client.execute_command("WAITAOF", 1, 1, 1500) == [1, 0]


def test_waitaof_says_what_it_cannot_do(space):
    node = space.node("node", 'save ""\n')
    client = node.client()
    disabled = "WAITAOF cannot be used when numlocal is set but appendonly is disabled."
    for words, error in [
        ((1, 0, 0), disabled),
        ((2, 0, 0), "value is out of range, value must between 0 and 1"),
        ((0, -1, 0), "value is out of range, must be positive"),
        ((0, 0, -1), "timeout is negative"),
    ]:
        with pytest.raises(redis.ResponseError, match=re.escape(error)):
            client.execute_command("WAITAOF", *words)
    assert client.execute_command("WAITAOF", 0, 0, 0) == [0, 0]
    assert client.execute_command("WAITAOF", 0, 1, 50) == [0, 0]
    client.slaveof("127.0.0.1", harness.free_port())
    with pytest.raises(redis.ResponseError, match="WAITAOF cannot be used with replica instances"):
        client.execute_command("WAITAOF", 0, 0, 0)


def test_waitaof_for_the_own_file_ends_when_that_is_switched_off(space):
    node = space.node("node", PLAIN + "appendfsync no\n")
    waiting = socket.create_connection(("127.0.0.1", node.port), 20)
    waiting.sendall(b"SET key value\r\nWAITAOF 1 0 0\r\n")
    client = node.client()
    poll(lambda: any(row["cmd"] == "waitaof" for row in client.client_list()), 10, "it to wait")
    client.config_set("appendonly", "no")
    received = b""
    while received.count(b"\r\n") < 2:
        received += waiting.recv(1000)
    assert received == b"+OK\r\n-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.\r\n"
