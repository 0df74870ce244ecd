"""The tutorial as its readers type it: three kinds of conf file, redis-cli, MONITOR, failovers, persistence.

Ports 6379, 6380 and 5000-5002 become free ones; everything else is verbatim.
"""

import os
import re
import signal
import subprocess
import time

import pytest

import harness
from harness import REDIS, Process, Workspace, free_port, poll, redis_cli

PASSWORD = "123456"

PRIMARY_CONF = """\
requirepass 123456
masterauth 123456
appendonly yes
appendfilename "primary.aof"
"""

REPLICA_CONF = """\
port {replica}
replicaof 127.0.0.1 {primary}
masterauth 123456
requirepass 123456
"""

SENTINEL_CONF = """\
port {port}
sentinel monitor myprimary 127.0.0.1 {primary} 2
sentinel down-after-milliseconds myprimary 5000
sentinel failover-timeout myprimary 60000
sentinel auth-pass myprimary 123456
"""


class Tutorial:
    def __init__(self, space, sentinels=True):
        self.space = space
        # Redis 7 wants this said; ours allows DEBUG SLEEP from loopback.
        debug = ["--enable-debug-command", "local"] if space.kind == REDIS else []
        self.primary = space.node("primary", PRIMARY_CONF, *debug, password=PASSWORD)
        port = free_port()
        conf = REPLICA_CONF.format(replica=port, primary=self.primary.port)
        self.replica = space.node("replica", conf, port=port, password=PASSWORD)
        self.sentinels = []
        for i in range(3 if sentinels else 0):
            port = free_port()
            conf = SENTINEL_CONF.format(port=port, primary=self.primary.port)
            self.sentinels.append(space.sentinel(f"sentinel{i + 1}", conf, port=port))
        poll(lambda: self.replica.info("replication")["master_link_status"] == "up", 15, "the replica is in sync")
        for sentinel in self.sentinels:
            poll(lambda: self.knows_all(sentinel), 20, "the sentinels know each other and the replica", 0.1)

    def knows_all(self, sentinel):
        with sentinel.client() as client:
            state = client.sentinel_master("myprimary")
            slaves = client.sentinel_slaves("myprimary")
            return (
                state["num-other-sentinels"] == 2
                and len(slaves) == 1
                and slaves[0]["master-link-status"] == "ok"
                and not slaves[0]["is_disconnected"]
            )

    def address(self, sentinel):
        return redis_cli(sentinel.port, "SENTINEL", "get-master-addr-by-name", "myprimary").split()

    def wait_failover(self, fault_at):
        for sentinel in self.sentinels:
            poll(
                lambda: self.address(sentinel) == ["127.0.0.1", str(self.replica.port)],
                15, "SENTINEL get-master-addr-by-name answers the replica", 0.05,
            )
        took = time.monotonic() - fault_at
        assert took > 4.5, f"failed over {took:.1f} s after the fault: too early for down-after 5000"
        if harness.SLOW == 1:
            assert took < 8, f"failed over {took:.1f} s after the fault: too late for down-after 5000"
        poll(lambda: self.replica.info("replication")["role"] == "master", 5, "the replica is a primary")
        assert self.replica.cli("SET", "after", "failover").strip() == "OK"


@pytest.fixture(scope="module", autouse=True)
def save_point(kind):
    """`save 20 3` takes its 20 s while the other tests run: started first, looked at last."""
    with Workspace(kind) as space:
        node = space.node("saver", "save 20 3\ndbfilename my_backup_file.rdb\n")
        for i in range(3):
            assert node.cli("SET", f"key{i}", "value").strip() == "OK"
        yield node, time.monotonic()


def test_replica_sees_what_the_primary_gets(space):
    tutorial = Tutorial(space, sentinels=False)
    assert "NOAUTH" in tutorial.primary.cli("GET", "foo", auth=False)
    monitor = space.run(
        "monitor", ["sh", "-c", f"(echo AUTH 123456; echo MONITOR; exec sleep 60) | redis-cli -p {tutorial.replica.port}"],
        start_new_session=True,
    )
    try:
        monitor.wait_log("OK\nOK")
        typed = redis_cli(tutorial.primary.port, stdin="AUTH 123456\nSET foo bar\nGET foo\n").split()
        assert typed == ["OK", "OK", "bar"]
        monitor.wait_log(r'"SET" "foo" "bar"')
        lines = [line for line in monitor.log().splitlines() if '"SELECT"' in line or '"SET"' in line]
        assert re.search(r'^\d+\.\d{6} \[0 127\.0\.0\.1:%d\] "SELECT" "0"$' % tutorial.primary.port, lines[0]), lines
        assert re.search(r'^\d+\.\d{6} \[0 127\.0\.0\.1:%d\] "SET" "foo" "bar"$' % tutorial.primary.port, lines[1]), lines
    finally:
        monitor.expected_signals.update({signal.SIGTERM, signal.SIGKILL})
        os.killpg(monitor.pid, signal.SIGTERM)
    assert tutorial.replica.cli("GET", "foo").strip() == "bar"
    assert "READONLY You can't write against a read only replica." in tutorial.replica.cli("SET", "foo", "x")
    assert (space.folder / "primary/appendonlydir/primary.aof.manifest").exists()


def fields(text):
    words = text.split("\n")
    return dict(zip(words[::2], words[1::2]))


def test_sentinel_queries_and_failover_of_a_sleeping_primary(space):
    tutorial = Tutorial(space)
    first = tutorial.sentinels[0]
    assert tutorial.address(first) == ["127.0.0.1", str(tutorial.primary.port)]
    primary = fields(first.cli("SENTINEL", "master", "myprimary"))
    assert primary["name"] == "myprimary" and primary["port"] == str(tutorial.primary.port)
    assert primary["flags"] == "master" and primary["num-other-sentinels"] == "2" and primary["quorum"] == "2"
    assert primary["down-after-milliseconds"] == "5000" and primary["failover-timeout"] == "60000"
    replica = fields(first.cli("SENTINEL", "replicas", "myprimary"))
    assert replica["name"] == f"127.0.0.1:{tutorial.replica.port}" and replica["flags"] == "slave"
    assert replica["master-port"] == str(tutorial.primary.port)
    others = first.cli("SENTINEL", "sentinels", "myprimary")
    assert others.count("flags\nsentinel") == 2
    for other in tutorial.sentinels[1:]:
        assert f"port\n{other.port}\n" in others
    assert "OK 3 usable Sentinels" in first.cli("SENTINEL", "ckquorum", "myprimary")

    sleeper = space.run(
        "sleeper",
        ["redis-cli", "-p", str(tutorial.primary.port), "-a", PASSWORD, "--no-auth-warning", "DEBUG", "sleep", "30"],
    )
    fault_at = time.monotonic()
    tutorial.wait_failover(fault_at)
    assert sleeper.running(), f"DEBUG sleep 30 returned early: {sleeper.log()}"
    tutorial.primary.kill()


def test_ctrl_c_fails_over_and_the_old_primary_comes_back_as_a_replica(space):
    tutorial = Tutorial(space)
    assert tutorial.primary.cli("SET", "foo", "bar").strip() == "OK"
    tutorial.primary.signal(signal.SIGINT)
    fault_at = time.monotonic()
    assert tutorial.primary.wait_exit() == 0
    tutorial.wait_failover(fault_at)
    again = space.node("primary", "", port=tutorial.primary.port, password=PASSWORD)
    poll(lambda: again.info("replication")["role"] == "slave", 30, "the old primary is made a replica")
    poll(lambda: again.cli("GET", "after").strip() == "failover", 15, "the old primary follows the new one")
    assert again.cli("GET", "foo").strip() == "bar"


@pytest.mark.parametrize("how", ["flag", "redis-server link", "redis-sentinel link"])
def test_other_ways_to_start_a_sentinel(space, how):
    primary = space.node("primary", "save \"\"\n")
    conf = f"sentinel monitor myprimary 127.0.0.1 {primary.port} 2\n"
    link = space.folder / how.split()[0]
    if how == "flag":
        argv, options = [space.binary("node")], ["--sentinel"]
    elif how == "redis-server link":
        link.symlink_to(space.binary("node"))
        argv, options = [link], ["--sentinel"]
    else:
        link.symlink_to(space.binary("node"))
        argv, options = [link], []
    sentinel = space.sentinel("sentinel1", conf, *options, argv=[str(a) for a in argv])
    assert sentinel.info()["redis_mode"] == "sentinel"
    assert sentinel.cli("SENTINEL", "get-master-addr-by-name", "myprimary").split() == ["127.0.0.1", str(primary.port)]


def test_link_named_redis_server_is_a_node(space):
    link = space.folder / "redis-server"
    link.symlink_to(space.binary("node"))
    node = space.node("linked", "save \"\"\n", argv0=str(link))
    assert node.info()["redis_mode"] == "standalone"


def test_conf_that_redis_sentinel_has_rewritten_loads(space):
    primary = space.node("primary", "save \"\"\n")
    replica = space.node("replica", f"save \"\"\nreplicaof 127.0.0.1 {primary.port}\n")
    conf = f"# my own words\nsentinel monitor myprimary 127.0.0.1 {primary.port} 2\nsentinel auth-pass myprimary 123456\n"
    theirs = space.sentinel("sentinel1", conf, kind=REDIS)
    poll(lambda: "known-replica" in (theirs.folder / "sentinel1.conf").read_text(), 15, "redis-sentinel rewrote its conf")
    with theirs.client() as client:
        myid = client.execute_command("SENTINEL", "MYID")
    theirs.stop()
    ours = space.sentinel("sentinel1", "", port=theirs.port)
    with ours.client() as client:
        assert client.execute_command("SENTINEL", "MYID") == myid
        assert client.sentinel_get_master_addr_by_name("myprimary") == ("127.0.0.1", primary.port)
        assert [s["port"] for s in client.sentinel_slaves("myprimary")] == [replica.port]
        assert client.execute_command("SENTINEL", "FLUSHCONFIG")
    text = (ours.folder / "sentinel1.conf").read_text()
    assert "# my own words" in text and myid in text and "known-replica" in text


def test_append_only_can_be_switched_on_and_kept(space):
    node = space.node("node", "# kept comment\nsave \"\"\n")
    for i in range(20):
        assert node.cli("SET", f"before{i}", f"v{i}").strip() == "OK"
    for line in ("CONFIG SET appendonly yes", "CONFIG SET appendfsync always", "CONFIG REWRITE"):
        assert node.cli(*line.split()).strip() == "OK"
    poll(lambda: node.info("persistence")["aof_rewrite_in_progress"] == 0, 10, "the first append-only base is written")
    for i in range(20):
        assert node.cli("SET", f"after{i}", f"v{i}").strip() == "OK"
    text = (node.folder / "node.conf").read_text()
    assert "# kept comment" in text and "appendonly yes" in text and "appendfsync always" in text
    node.kill()
    again = space.node("node", "", port=node.port)
    with again.client() as client:
        assert client.dbsize() == 40
        assert client.get("before19") == "v19" and client.get("after19") == "v19"
        assert client.config_get("append*")["appendfsync"] == "always"


def test_save_point_writes_the_named_file(save_point):
    node, started = save_point
    path = node.folder / "my_backup_file.rdb"
    poll(path.exists, max(1, 30 - (time.monotonic() - started)), "save 20 3 wrote my_backup_file.rdb")
    poll(lambda: path.read_bytes()[:5] == b"REDIS", 2, "it is an RDB file")
    assert node.info("persistence")["rdb_changes_since_last_save"] == 0
