"""How soon WAIT and WAITAOF answer: acknowledgements are asked for at once, and the answer follows the last of them.

Two measures. Against a replica of the test's own hand: from the acknowledgement to the client's answer, and from the WAIT
to the question. Against real replicas: whole round trips, with the syncs of both disks for WAITAOF.
"""

import os
import socket
import statistics
import time

import pytest
from redis.exceptions import ResponseError

from differential import Bare
from harness import REDIS, SLOW, poll

pytestmark = pytest.mark.alone  # it measures

ROUNDS = 200
LIMIT = 0.005 * SLOW
# What a stray delay of this machine may be; an acknowledgement of each second, or a sync of each second, is far beyond.
STRAY = 0.25 * SLOW
PLAIN = 'save ""\nrepl-diskless-sync-delay 0\n'
LOGGED = PLAIN + "appendonly yes\nauto-aof-rewrite-percentage 0\n"


def judge(name, seconds, limit=LIMIT):
    seconds = sorted(seconds)
    median, late = statistics.median(seconds), seconds[int(len(seconds) * 0.95)]
    print(f"{name}: median {median * 1e3:.2f} ms, 95 % {late * 1e3:.2f} ms, maximum {seconds[-1] * 1e3:.2f} ms")
    assert late <= limit and seconds[-1] <= STRAY, name


class HandMadeReplica:
    """Attaches to a primary as a replica does, reads the stream, and acknowledges only when told."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._file = self._socket.makefile("rb")
        self._socket.sendall(b"REPLCONF capa psync2\r\nPSYNC ? -1\r\n")
        assert self._line() == b"+OK"
        self.offset = int(self._line().split()[2])
        size = int(self._line()[1:])
        self._file.read(size)
        self._asked = self.offset
        self.acknowledge()

    def close(self):
        self._file.close()
        self._socket.close()

    def _line(self):
        while (line := self._file.readline()) in (b"\n", b"\r\n"):
            pass
        return line[:-2]

    def read_command(self):
        count = self._file.readline()
        length = len(count)
        words = []
        for _ in range(int(count[1:])):
            head = self._file.readline()
            body = self._file.read(int(head[1:]) + 2)
            length += len(head) + len(body)
            words.append(body[:-2])
        self.offset += length
        return words

    def read_request(self):
        """Until the primary asks; what is acknowledged then is the offset before the question."""
        while True:
            before = self.offset
            words = self.read_command()
            if [w.upper() for w in words[:2]] == [b"REPLCONF", b"GETACK"]:
                self._asked = before
                return words

    def acknowledge(self, synced=False):
        words = ["REPLCONF", "ACK", self._asked] + (["FACK", self._asked] if synced else [])
        words = [str(w).encode() for w in words]
        self._socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))


@pytest.mark.ours
@pytest.mark.parametrize("log", ["no", "yes"])
def test_answers_follow_the_acknowledgement_at_once(space, log):
    primary = space.node("primary", PLAIN + f"repl-diskless-sync no\nappendonly {log}\n")
    replica = HandMadeReplica(primary.port)
    poll(lambda: primary.info("replication").get("slave0", {}).get("state") == "online", 10, "the replica to be online")
    client = Bare(primary.port)
    asked, answered = [], []
    for i in range(ROUNDS):
        client.call("SET", "key", i)
        begin = time.perf_counter()
        client.send(*(["WAIT", 1, 0] if log == "no" else ["WAITAOF", 0, 1, 0]))
        replica.read_request()
        asked.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        replica.acknowledge(synced=log == "yes")
        reply = client.read()
        answered.append(time.perf_counter() - begin)
        assert reply == (":", b"1") or (reply[0] == "*" and reply[1][1] == (":", b"1")), reply
    judge("asked", asked)
    judge("answered", answered)
    client.close()
    replica.close()


@pytest.mark.parametrize("replica_kind", [None, REDIS], ids=["ours", "redis"])
def test_wait_round_trips(space, replica_kind):
    primary = space.node("primary", PLAIN)
    replica = space.node("replica", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n", kind=replica_kind)
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the replica to be in sync")
    client = Bare(primary.port)
    times = []
    for i in range(ROUNDS):
        client.call("SET", "key", i)
        begin = time.perf_counter()
        assert client.call("WAIT", 1, 5000) == (":", b"1")
        times.append(time.perf_counter() - begin)
    judge("WAIT", times)
    client.close()


def sync_seconds(folder):
    """What one sync of a small write takes here: 95 % of them."""
    times = []
    with open(folder / "probe", "wb", buffering=0) as file:
        for _ in range(50):
            file.write(b"x" * 100)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - begin)
    return sorted(times)[47]


@pytest.mark.ours
@pytest.mark.parametrize("policy", ["everysec", "always"])
@pytest.mark.parametrize("words", [(1, 0), (0, 1), (1, 1)], ids=["local", "replica", "both"])
def test_waitaof_round_trips(space, policy, words):
    """The disks are asked at once, not when their second is over."""
    conf = LOGGED + f"appendfsync {policy}\n"
    primary = space.node("primary", conf)
    replica = space.node("replica", conf + f"replicaof 127.0.0.1 {primary.port}\n")
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the replica to be in sync")
    poll(lambda: not replica.info()["aof_rewrite_in_progress"] and replica.info()["aof_rewrites"] > 0, 20, "its base")
    client = Bare(primary.port)
    times = []
    for i in range(ROUNDS // 2):
        client.call("SET", "key", i)
        begin = time.perf_counter()
        reply = client.call("WAITAOF", *words, 5000)
        times.append(time.perf_counter() - begin)
        counts = [int(count) for _, count in reply[1]]
        assert counts[0] >= words[0] and counts[1] >= words[1], counts
    judge(f"WAITAOF {words[0]} {words[1]} under {policy}", times, LIMIT + 4 * sync_seconds(space.folder))
    client.close()


def test_a_redis_replica_is_asked_in_words_that_it_knows(space):
    """WAITAOF asks in its own way; to Redis 7.0 it is a question like any other."""
    primary = space.node("primary", LOGGED)
    replica = space.node("replica", LOGGED + f"replicaof 127.0.0.1 {primary.port}\n", kind=REDIS)
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the replica to be in sync")
    with primary.client(single_connection_client=True) as client:
        try:
            for i in range(10):
                client.set("key", i)
                assert client.execute_command("WAITAOF", 1, 1, 50)[1] == 0
                assert client.execute_command("WAIT", 1, 5000) == 1
        except ResponseError as error:
            assert "unknown command" in str(error)  # the primary is Redis 7.0
    assert replica.info("stats")["unexpected_error_replies"] == 0
    assert primary.info("stats")["sync_full"] == 1
