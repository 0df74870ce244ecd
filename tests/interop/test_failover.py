"""FAILOVER: a planned change of the primary, among Holdfast and real Redis 7.0, under writes."""

import socket
import threading
import time

import pytest
import redis

from harness import REDIS, free_port, poll

PLAIN = 'save ""\nrepl-diskless-sync-delay 0\n'
PAIRS = [(None, REDIS), (REDIS, None), (None, None)]
PAIR_NAMES = ["ours-to-redis", "redis-to-ours", "ours-to-ours"]


def replication(node):
    return node.info("replication")


def in_step(node, primary):
    mine, its = replication(node), replication(primary)
    return (
        mine["role"] == "slave" and mine["master_link_status"] == "up" and mine["master_port"] == primary.port
        and mine["master_repl_offset"] == its["master_repl_offset"] and mine["master_replid"] == its["master_replid"]
    )


def pair(space, kinds, conf=PLAIN):
    primary = space.node("primary", conf, kind=kinds[0])
    replica = space.node("replica", conf + f"replicaof 127.0.0.1 {primary.port}\n", kind=kinds[1])
    poll(lambda: in_step(replica, primary), 20, "in step")
    poll(lambda: replication(primary).get("slave0", {}).get("state") == "online", 20, "online")  # with its first acknowledgement
    return primary, replica


class Writer:
    """Sets counters one after the other, at a few hundred a second, at whichever node is the primary."""

    def __init__(self, nodes, name):
        self.nodes, self.name = nodes, name
        self.acknowledged = {}
        self.count = 0
        self.slowest = 0.0
        self.ending = False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        number, at = 0, 0
        while not self.ending:
            key = f"{self.name}:{number % 500}"
            began = time.monotonic()
            try:
                with self.nodes[at].client() as client:
                    while not self.ending:
                        client.set(key, number)
                        self.slowest = max(self.slowest, time.monotonic() - began)
                        self.acknowledged[key] = number
                        self.count = number = number + 1
                        key = f"{self.name}:{number % 500}"
                        time.sleep(0.003)
                        began = time.monotonic()
            except redis.exceptions.RedisError:
                # READONLY, or a timeout of which nobody knows what came of it: the same number again, elsewhere.
                at = (at + 1) % len(self.nodes)
                time.sleep(0.003)

    def wait_more(self, count):
        """Until so many more have been acknowledged."""
        wanted = self.count + count
        poll(lambda: self.count >= wanted, 20, f"{self.name} writes")

    def finish(self):
        self.ending = True
        self.thread.join()
        return self.acknowledged


@pytest.mark.parametrize("kinds", PAIRS, ids=PAIR_NAMES)
def test_planned_switch_loses_no_write_and_needs_no_full_resync(space, kinds):
    primary, replica = pair(space, kinds)
    nodes = [primary, replica]
    writers = [Writer(nodes, f"w{i}") for i in range(2)]
    for writer in writers:
        writer.wait_more(50)
    syncs = [node.info("stats")["sync_full"] for node in nodes]
    old, new = primary, replica
    try:
        for _ in range(2):  # there and back
            old_id = replication(old)["master_replid"]
            with old.client() as client:
                client.execute_command("FAILOVER", "TO", "127.0.0.1", new.port, "TIMEOUT", 20_000)
            poll(lambda: replication(new)["role"] == "master" and replication(old)["role"] == "slave", 25, "switched")
            poll(lambda: replication(old)["master_link_status"] == "up", 20, "the old primary follows")
            poll(lambda: replication(old)["master_failover_state"] == "no-failover", 5, "it is over")
            assert replication(new)["master_replid2"] == old_id
            for writer in writers:
                writer.wait_more(50)
            old, new = new, old
    finally:
        counts = {}
        for writer in writers:
            counts.update(writer.finish())
    poll(lambda: in_step(replica, primary), 20, "in step")
    assert len(counts) > 100
    for node in nodes:
        with node.client() as client:
            lost = {key: (value, client.get(key)) for key, value in counts.items() if int(client.get(key) or -1) < value}
            assert not lost, f"{node.name} lost acknowledged writes: {lost}"
    assert [node.info("stats")["sync_full"] for node in nodes] == syncs


@pytest.mark.ours
def test_switch_among_ours_holds_writes_up_for_a_moment(space):
    """Replicas are asked for their offsets at once: a writer does not wait for their acknowledgement of each second."""
    primary, replica = pair(space, (None, None))
    writer = Writer([primary, replica], "w")
    try:
        for old, new in ((primary, replica), (replica, primary)) * 3:
            writer.wait_more(20)
            began = time.monotonic()
            with old.client() as client:
                client.execute_command("FAILOVER")
            poll(lambda: in_step(old, new) or replication(new)["role"] == "master" and
                 replication(old)["master_link_status"] == "up", 10, "switched", interval=0.005)
            assert time.monotonic() - began < 5
    finally:
        writer.finish()
    assert writer.slowest < 2


ERRORS = [
    (("ABORT",), "No failover in progress."),
    (("TIMEOUT", "0"), "FAILOVER timeout must be greater than 0"),
    (("TIMEOUT", "x"), "value is not an integer or out of range"),
    (("TO", "127.0.0.1"), "syntax error"),
    (("WHAT",), "syntax error"),
    (("FORCE",), "FAILOVER with force option requires both a timeout and target HOST and IP."),
    (("TO", "127.0.0.1", "1"), "FAILOVER target HOST and PORT is not a replica."),
    (("TO", "127.0.0.1", "99999"), "FAILOVER target HOST and PORT is not a replica."),
    (("TO", "127.0.0.1", "x"), "value is not an integer or out of range"),
    (("ABORT", "FORCE"), "syntax error"),
    (("FORCE", "TO", "127.0.0.1", "1"), "FAILOVER with force option requires both a timeout and target HOST and IP."),
]


@pytest.mark.parametrize("kind", [None, REDIS], ids=["ours", "redis"])
def test_errors(space, kind):
    primary, replica = pair(space, (kind, kind))
    with primary.client() as client, replica.client() as other:
        for words, error in ERRORS:
            with pytest.raises(redis.exceptions.ResponseError) as raised:
                client.execute_command("FAILOVER", *words)
            assert str(raised.value) == error, words
        with pytest.raises(redis.exceptions.ResponseError, match="FAILOVER is not valid when server is a replica."):
            other.execute_command("FAILOVER")
        with pytest.raises(redis.exceptions.ResponseError, match="PSYNC FAILOVER can't be sent to a master."):
            client.execute_command("PSYNC", "a" * 40, 1, "FAILOVER")
        with pytest.raises(redis.exceptions.ResponseError, match="PSYNC FAILOVER replid must match my replid."):
            other.execute_command("PSYNC", "a" * 40, 1, "FAILOVER")
    alone = space.node("alone", PLAIN, kind=kind)
    with alone.client() as client:
        with pytest.raises(redis.exceptions.ResponseError, match="FAILOVER requires connected replicas."):
            client.execute_command("FAILOVER")
        assert replication(alone)["master_failover_state"] == "no-failover"


@pytest.mark.parametrize("kind", [None, REDIS], ids=["ours", "redis"])
def test_while_it_waits(space, kind):
    """Writes wait, reads and a user's own pause do not care; REPLICAOF is refused; ABORT and the timeout end it."""
    primary, replica = pair(space, (kind, kind))
    replica.pause()
    with primary.client() as client, primary.client(timeout=0.5) as writer:
        client.set("before", 1)
        assert client.execute_command("FAILOVER") in (True, "OK")
        assert replication(primary)["master_failover_state"] == "waiting-for-sync"
        for words in (("127.0.0.1", replica.port), ("NO", "ONE")):
            with pytest.raises(redis.exceptions.ResponseError, match="REPLICAOF not allowed while failing over."):
                client.execute_command("REPLICAOF", *words)
        with pytest.raises(redis.exceptions.ResponseError, match="FAILOVER already in progress."):
            client.execute_command("FAILOVER")
        with pytest.raises(redis.exceptions.TimeoutError):
            writer.set("held", 1)
        client.execute_command("CLIENT", "UNPAUSE")
        with pytest.raises(redis.exceptions.TimeoutError):
            writer.set("held", 2)
        assert client.get("before") == "1"
        client.execute_command("CLIENT", "PAUSE", 60_000, "WRITE")
        client.execute_command("FAILOVER", "ABORT")
        assert replication(primary)["master_failover_state"] == "no-failover"
        with pytest.raises(redis.exceptions.TimeoutError):
            writer.set("held by the user's pause", 1)
        client.execute_command("CLIENT", "UNPAUSE")
        assert writer.set("free", 1)

        assert client.execute_command("FAILOVER", "TIMEOUT", 300) in (True, "OK")
        poll(lambda: replication(primary)["master_failover_state"] == "no-failover", 10, "the timeout")
        assert replication(primary)["role"] == "master"
        assert writer.set("free", 2)
    replica.resume()
    poll(lambda: in_step(replica, primary), 20, "in step again")


@pytest.mark.parametrize("kind", [None, REDIS], ids=["ours", "redis"])
def test_forced_onto_a_target_that_hangs_and_aborted(space, kind):
    primary, replica = pair(space, (kind, kind))
    replica.pause()
    with primary.client() as client:
        assert client.execute_command("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 100, "FORCE") in (True, "OK")
        poll(lambda: replication(primary)["master_failover_state"] == "failover-in-progress", 10, "forced")
        assert replication(primary)["role"] == "slave"
        assert client.execute_command("FAILOVER", "ABORT") in (True, "OK")
        info = replication(primary)
        assert (info["role"], info["master_failover_state"]) == ("master", "no-failover")
        assert client.set("k", "v")
    replica.resume()


@pytest.mark.ours
def test_target_that_cannot_be_reached_is_given_up(space):
    """Before anything was handed over, repl-timeout ends it: the primary takes writes again."""
    primary, replica = pair(space, (None, None), PLAIN + "repl-timeout 2\n")
    replica.pause()
    with primary.client() as client:
        client.execute_command("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 100, "FORCE")
        poll(lambda: replication(primary)["master_failover_state"] == "failover-in-progress", 10, "forced")
        poll(lambda: replication(primary)["role"] == "master", 10, "given up")
        assert client.set("k", "v")
    replica.resume()


class StallingLink:
    """Passes bytes between a replica and its primary, until stalled: then nothing more reaches the replica."""

    def __init__(self, primary):
        self.stalled = False
        self.listener = socket.create_server(("127.0.0.1", free_port()))
        self.port = self.listener.getsockname()[1]
        self.primary = primary
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        try:
            while True:
                replica = self.listener.accept()[0]
                primary = socket.create_connection(("127.0.0.1", self.primary.port))
                self.sockets += [replica, primary]
                threading.Thread(target=self.copy, args=(replica, primary, False), daemon=True).start()
                threading.Thread(target=self.copy, args=(primary, replica, True), daemon=True).start()
        except OSError:
            pass

    def copy(self, source, sink, down):
        try:
            while data := source.recv(65536):
                if not (down and self.stalled):
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self):
        for one in [self.listener, *self.sockets]:
            one.close()


@pytest.mark.parametrize("kinds", PAIRS, ids=PAIR_NAMES)
def test_forced_onto_a_replica_that_lacks_writes_makes_it_the_truth(space, kinds):
    primary = space.node("primary", PLAIN, kind=kinds[0])
    link = StallingLink(primary)
    try:
        replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {link.port}\n", kind=kinds[1])
        poll(lambda: replication(replica)["master_link_status"] == "up", 20, "it follows")
        with primary.client() as client:
            client.set("kept", 1)
            assert client.wait(1, 10_000) == 1
            link.stalled = True
            client.set("lost", 1)
            client.execute_command("FAILOVER", "TO", "127.0.0.1", replica.port, "TIMEOUT", 200, "FORCE")
        poll(lambda: in_step(primary, replica), 20, "switched")
        for node in (primary, replica):
            with node.client() as client:
                assert client.exists("lost") == 0 and client.get("kept") == "1"
    finally:
        link.close()
