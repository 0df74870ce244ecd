"""Client libraries in Sentinel mode go on writing and reading through a failover, and end on the right nodes.

redis-py in this process; ioredis, node-redis (npm) and redigo (Go, built offline with Debian's packages) in their own. Each
writes the next number again and again, and reads it from replicas; `at` is when an answer came. The reconnect times are
printed: from the kill to the first write that the new primary acknowledged.
"""

import json
import os
import pathlib
import shutil
import subprocess
import threading
import time

import pytest
import redis
import redis.sentinel

from harness import SLOW, Group, poll

HERE = pathlib.Path(__file__).resolve().parent


class PythonClient:
    """redis-py's Sentinel client, as an application uses it: write, and on an error try again."""

    key = "redis-py"

    def __init__(self, space, group):
        sentinel = redis.sentinel.Sentinel([s.address for s in group.sentinels], socket_timeout=0.5)
        self._answers, self._stop = [], threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(one,), daemon=True)
            for one in (self._writing(sentinel.master_for(group.name, socket_timeout=0.5)),
                        self._reading(sentinel.slave_for(group.name, socket_timeout=0.5)))
        ]
        for thread in self._threads:
            thread.start()

    def _repeat(self, once):
        while not self._stop.is_set():
            try:
                self._answers.append(once())
            except redis.exceptions.RedisError as error:
                self._answers.append({"error": repr(error)})
            time.sleep(0.005)

    def _writing(self, client):
        written = 0

        def once():
            nonlocal written
            client.set(self.key, written + 1)
            written += 1
            at = time.time() * 1000  # before the question for the port, which may fail
            return {"ok": written, "port": int(client.config_get("port")["port"]), "at": at}

        return once

    def _reading(self, client):
        def once():
            value = int(client.get(self.key) or 0)
            return {"read": value, "port": int(client.config_get("port")["port"]), "at": time.time() * 1000}

        return once

    def answers(self):
        return list(self._answers)

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()


class ProcessClient:
    """A client in a process of its own, that prints one JSON line for each answer."""

    def __init__(self, space, group):
        argv = [*self.argv(space), group.name, *[str(s.port) for s in group.sentinels]]
        self._process = space.run(self.key, argv, stdin=subprocess.PIPE)

    def order(self, what):
        self._process.child.stdin.write(what + b"\n")
        self._process.child.stdin.flush()

    def answers(self):
        return [json.loads(line) for line in self._process.log().split("\n")[:-1] if line.startswith("{")]

    def stop(self):
        assert self._process.running(), self._process.log()[-2000:]
        self._process.stop()


def node_script(package, script):
    if not (HERE / "node_modules" / package).exists():
        pytest.fail(f"{package} is not installed: run `npm ci` in tests/interop (tests/run does)")
    return ["node", HERE / script]


class IoredisClient(ProcessClient):
    key = "ioredis"

    def argv(self, space):
        return node_script("ioredis", "ioredis_writer.js")


class NodeRedisClient(ProcessClient):
    key = "node-redis"

    def __init__(self, space, group, at_once=True):
        super().__init__(space, group)
        if at_once:
            self.order(b"write and read")

    def argv(self, space):
        return node_script("redis", "node_redis_writer.js")


class RedigoClient(ProcessClient):
    key = "redigo"

    def argv(self, space):
        program = space.folder / "redigo_writer"
        environment = dict(os.environ, GO111MODULE="off", GOPATH="/usr/share/gocode", GOFLAGS="")
        environment.setdefault("GOCACHE", str(space.folder / "go-cache"))
        if not shutil.which("go"):
            pytest.fail("there is no go: install the packages that deploy/packages.txt names for tests")
        subprocess.run(["go", "build", "-o", program, HERE / "redigo_writer.go"], env=environment, check=True, timeout=120)
        return [program]


def last(client, kind):
    return next((line for line in reversed(client.answers()) if kind in line), {kind: 0, "port": 0, "at": 0})


def has_written(client, more):
    """Waits until so many more writes have been acknowledged."""
    before = last(client, "ok")["ok"]
    poll(lambda: last(client, "ok")["ok"] >= before + more, 20, f"{client.key} writes")


@pytest.fixture
def group(space):
    return Group(space)


@pytest.mark.parametrize("library", [PythonClient, IoredisClient, NodeRedisClient, RedigoClient], ids=lambda c: c.key)
def test_clients_keep_writing_and_reading_through_a_failover(space, group, library, capsys):
    client = library(space, group)
    has_written(client, 30)
    assert last(client, "ok")["port"] == group.primary.port
    poll(lambda: last(client, "read")["read"] > 0, 10, "a replica is read")
    assert last(client, "read")["port"] != group.primary.port, "a read that was to go to a replica went to the primary"
    killed_at = time.time() * 1000
    group.primary.kill()
    new = group.wait_new_primary(group.primary)
    poll(lambda: last(client, "ok")["port"] == new.port, 20, f"{client.key} writes to the new primary")
    has_written(client, 30)
    written = last(client, "ok")["ok"]
    poll(lambda: last(client, "read")["read"] >= written, 20, "what was written after the failover is read from a replica")
    answers = client.answers()
    client.stop()
    with new.client() as direct:
        assert int(direct.get(client.key)) >= written
    first = next(a["at"] for a in answers if "ok" in a and a["port"] == new.port)
    first_read = next(a["at"] for a in answers if a.get("read", 0) >= written)
    gaps = [a["at"] for a in answers if "ok" in a and a["at"] <= first]
    assert max(b - a for a, b in zip(gaps, gaps[1:])) > 100, "the fault went unnoticed: it cannot have hit the writer"
    with capsys.disabled():
        print(f"\n{client.key}: wrote to the new primary {first - killed_at:.0f} ms after the kill "
              f"(down-after 1000), read that back from a replica by {first_read - killed_at:.0f} ms")


@pytest.mark.ours
def test_clients_that_ask_while_a_replica_is_slow_to_move(space):
    """The new primary is presented as healthy as soon as there is one, though a replica stands still on its way to it."""
    group = Group(space, sentinels=0)
    slow = group.nodes[2]
    with group.nodes[1].client() as client:
        client.config_set("replica-priority", 50)  # it is the one to be promoted
    conf = (
        f"sentinel monitor {group.name} 127.0.0.1 {group.primary.port} 2\n"
        f"sentinel down-after-milliseconds {group.name} 1000\nsentinel failover-timeout {group.name} 60000\n"
    )
    group.sentinels = [space.sentinel(f"sentinel{i}", conf) for i in (1, 2, 3)]
    group.wait_settled()
    node_redis = NodeRedisClient(space, group, at_once=False)
    poll(node_redis.answers, 20, "node is up")
    group.primary.kill()
    time.sleep(0.6)  # so that down-after ends later for the slow one
    slow.pause()
    new = group.wait_new_primary(group.primary)
    assert new is group.nodes[1]
    for sentinel in group.sentinels:  # and it is not down for long
        sentinel.cli("SENTINEL", "SET", group.name, "down-after-milliseconds", "60000")

    def moving():
        states = []
        for sentinel in group.sentinels:
            with sentinel.client() as client:
                states += [s for s in client.sentinel_slaves(group.name) if s["port"] == slow.port]
        return [s for s in states if "reconf_sent" in s["flags"]] and all("s_down" not in s["flags"] for s in states)

    assert moving(), "the replica has been given up: this shows nothing"
    node_redis.order(b"write")
    for sentinel in group.sentinels:
        with sentinel.client() as client:
            state = client.sentinel_master(group.name)
            assert (state["flags"], state["port"]) == ("master", new.port)
    python = redis.sentinel.Sentinel([s.address for s in group.sentinels], socket_timeout=2 * SLOW)
    assert python.discover_master(group.name) == new.address
    assert python.master_for(group.name).set("asked", "while it moves")
    has_written(node_redis, 10)
    assert last(node_redis, "ok")["port"] == new.port
    assert moving(), "the replica has moved: this shows nothing"
    slow.resume()
    poll(lambda: slow.info("replication").get("master_port") == new.port, 20, "the slow replica moves")
    node_redis.stop()


def test_clients_find_replicas(group):
    sentinel = redis.sentinel.Sentinel([s.address for s in group.sentinels], socket_timeout=2 * SLOW)
    assert sentinel.discover_master(group.name) == group.primary.address
    assert set(sentinel.discover_slaves(group.name)) == {n.address for n in group.nodes[1:]}
    with group.primary.client() as client:
        client.set("shared", "value")
    reader = sentinel.slave_for(group.name, socket_timeout=2 * SLOW)
    poll(lambda: reader.get("shared") == b"value", 5, "a replica serves the value")
