"""Client libraries in Sentinel mode keep writing through a failover and end on the new primary."""

import json
import pathlib
import threading
import time

import pytest
import redis
import redis.sentinel

from harness import SLOW, Group, poll

HERE = pathlib.Path(__file__).resolve().parent


class PythonWriter:
    """redis-py's Sentinel client, as an application uses it: write, and on an error try again."""

    def __init__(self, group):
        sentinel = redis.sentinel.Sentinel([s.address for s in group.sentinels], socket_timeout=0.5)
        self._client = sentinel.master_for(group.name, socket_timeout=0.5)
        self.acknowledged, self.errors = 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            try:
                self._client.set("python", self.acknowledged + 1)
                self.acknowledged += 1
            except redis.exceptions.RedisError as error:
                self.errors.append(repr(error))
            time.sleep(0.005)

    def port(self):
        return int(self._client.config_get("port")["port"])

    def stop(self):
        self._stop.set()
        self._thread.join()


class NodeWriter:
    """ioredis, in a process of its own."""

    def __init__(self, space, group):
        if not (HERE / "node_modules/ioredis").exists():
            pytest.fail("ioredis is not installed: run `npm ci` in tests/interop (tests/run does)")
        ports = [str(s.port) for s in group.sentinels]
        self._process = space.run("ioredis", ["node", HERE / "ioredis_writer.js", group.name, *ports])

    def lines(self):
        return [json.loads(line) for line in self._process.log().split("\n")[:-1] if line.startswith("{")]

    def last_ok(self):
        return next((line for line in reversed(self.lines()) if "ok" in line), {"ok": 0, "port": 0})

    def running(self):
        return self._process.running()

    def stop(self):
        self._process.stop()


@pytest.fixture
def group(space):
    return Group(space)


def test_redis_py_keeps_writing_through_a_failover(group):
    writer = PythonWriter(group)
    poll(lambda: writer.acknowledged >= 50, 10, "redis-py writes")
    group.primary.kill()
    new = group.wait_new_primary(group.primary)
    at_failover = writer.acknowledged
    poll(lambda: writer.acknowledged >= at_failover + 50, 15, "redis-py writes again")
    assert writer.port() == new.port
    writer.stop()
    with new.client() as client:
        assert int(client.get("python")) == writer.acknowledged
    assert writer.errors, "the fault went unnoticed: it cannot have hit the writer"


def test_ioredis_keeps_writing_through_a_failover(space, group):
    writer = NodeWriter(space, group)
    poll(lambda: writer.last_ok()["ok"] >= 50, 15, "ioredis writes")
    assert writer.last_ok()["port"] == group.primary.port
    group.primary.kill()
    new = group.wait_new_primary(group.primary)
    poll(lambda: writer.last_ok()["port"] == new.port, 15, "ioredis writes to the new primary")
    at_failover = writer.last_ok()["ok"]
    poll(lambda: writer.last_ok()["ok"] >= at_failover + 50, 15, "and goes on writing")
    assert writer.running()
    writer.stop()
    with new.client() as client:
        assert int(client.get("ioredis")) >= writer.last_ok()["ok"]


def test_clients_find_replicas(group):
    sentinel = redis.sentinel.Sentinel([s.address for s in group.sentinels], socket_timeout=2 * SLOW)
    assert sentinel.discover_master(group.name) == group.primary.address
    assert set(sentinel.discover_slaves(group.name)) == {n.address for n in group.nodes[1:]}
    with group.primary.client() as client:
        client.set("shared", "value")
    reader = sentinel.slave_for(group.name, socket_timeout=2 * SLOW)
    poll(lambda: reader.get("shared") == b"value", 5, "a replica serves the value")
