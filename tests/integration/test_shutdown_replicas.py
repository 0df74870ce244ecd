"""A primary that shuts down waits for its replicas, as Redis does. With --kind redis all nodes are Redis: that proves the tests."""

import re
import signal
import time

import pytest
import redis

from differential import Bare
from harness import HOLDFAST, REDIS, SLOW, poll

PLAIN = 'save ""\nrepl-diskless-sync-delay 0\nrepl-ping-replica-period 3600\n'
FAILED = ("-", b"ERR Errors trying to SHUTDOWN. Check logs.")


class Pair:
    """A primary with a replica that a test can stop and let go on."""

    def __init__(self, space, timeout=10, kind=None, name="", conf=""):
        self.primary = space.node(f"primary{name}", PLAIN + f"shutdown-timeout {timeout}\n{conf}", kind=kind)
        self.replica = space.node(f"replica{name}", PLAIN + f"replicaof 127.0.0.1 {self.primary.port}\n", kind=kind)
        poll(lambda: self.primary.info("replication").get("slave0", {}).get("state") == "online", 20, "the replica is online")
        poll(lambda: self.replica.info("replication")["master_link_status"] == "up", 20, "the replica is in sync")
        self.client = self.primary.client(single_connection_client=True)
        self.client.set("key", "seen")
        assert self.client.wait(1, 10_000) == 1

    def lag(self):
        self.replica.pause()
        self.client.set("key", "late")

    def wait_shutting_down(self):
        poll(lambda: "shutdown_in_milliseconds" in self.primary.info("server"), 10, "the primary waits for its replica")

    def ask(self, *words):
        """SHUTDOWN from a connection of its own, answered only when it fails."""
        bare = Bare(self.primary.port)
        bare.send("SHUTDOWN", *words)
        return bare

    def log(self):
        """The primary's log lines since its last ready one, without times, ids, ports and offsets."""
        lines = [re.sub(r"^\d+:\w .*? [*#.-] ", "", line) for line in self.primary.log().splitlines()]
        return [re.sub(r":\d+", ":PORT", line) for line in lines]


def assert_ended(process, within=10):
    assert process.wait_exit(within) == 0


def test_the_primary_waits_until_its_replica_has_everything(space):
    pair = Pair(space)
    pair.lag()
    asked = pair.ask()
    pair.wait_shutting_down()
    assert 0 < pair.primary.info("server")["shutdown_in_milliseconds"] <= 10_000
    writer = Bare(pair.primary.port)
    writer.send("SET", "key", "too late")
    assert pair.client.get("key") == "late"  # reads go on
    assert pair.primary.running()
    pair.replica.resume()
    assert_ended(pair.primary)
    poll(lambda: pair.replica.client().get("key") == "late", 5, "the last write is at the replica")
    assert "Waiting for replicas before shutting down." in pair.primary.log()
    with pytest.raises((EOFError, ConnectionError)):
        asked.read()


def test_nobody_waits_longer_than_the_timeout(space):
    pair = Pair(space, timeout=1)
    pair.lag()
    begin = time.monotonic()
    pair.ask()
    assert_ended(pair.primary)
    assert time.monotonic() - begin > 0.9
    assert "Lagging replica 127.0.0.1:" in pair.primary.log()
    assert "0 of 1 replicas are in sync when shutting down." in pair.primary.log()


@pytest.mark.parametrize("words, timeout", [(("NOW",), 10), (("NOW", "FORCE"), 10), ((), 0)])
def test_now_or_no_timeout_waits_for_nobody(space, words, timeout):
    pair = Pair(space, timeout=timeout)
    pair.lag()
    pair.ask(*words)
    assert_ended(pair.primary, 3)
    assert "Waiting for replicas" not in pair.primary.log()


def test_a_replica_in_sync_or_a_replica_itself_is_not_waited_for(space):
    pair = Pair(space)

    def in_sync():
        row = pair.primary.info("replication")
        return row["slave0"]["offset"] == row["master_repl_offset"]

    poll(in_sync, 5, "the replica has acknowledged all")
    begin = time.monotonic()
    pair.replica.pause()
    pair.ask()
    assert_ended(pair.primary, 3)
    pair.replica.resume()
    with pair.replica.client() as client:
        client.shutdown()
    assert_ended(pair.replica, 3)
    assert time.monotonic() - begin < 6 * SLOW


def test_abort_calls_it_off_for_everybody(space):
    pair = Pair(space)
    pair.lag()
    askers = [pair.ask(), pair.ask("NOSAVE")]
    pair.wait_shutting_down()
    writer = Bare(pair.primary.port)
    writer.send("SET", "other", "v")
    poll(lambda: len([c for c in pair.client.client_list() if c["cmd"] in ("shutdown", "set") and c["id"]]) >= 3, 5, "all wait")
    assert pair.client.execute_command("SHUTDOWN", "ABORT") in (True, "OK", b"OK")
    for asker in askers:
        assert asker.read() == FAILED
    assert writer.read() == ("+", b"OK")  # writes go on
    assert "shutdown_in_milliseconds" not in pair.primary.info("server")
    with pytest.raises(redis.ResponseError, match="No shutdown in progress."):
        pair.client.execute_command("SHUTDOWN", "ABORT")
    assert "Shutdown manually aborted." in pair.primary.log()
    # One that was called off can begin anew.
    pair.replica.resume()
    pair.ask()
    assert_ended(pair.primary)


@pytest.mark.ours
def test_a_second_request_that_does_not_wait_ends_the_wait(space):
    pair = Pair(space)
    pair.lag()
    pair.ask()
    pair.wait_shutting_down()
    pair.ask("NOW")
    assert_ended(pair.primary, 3)


def test_sigterm_waits_as_well(space):
    pair = Pair(space)
    pair.lag()
    pair.primary.signal(signal.SIGTERM)
    pair.wait_shutting_down()
    pair.replica.resume()
    assert_ended(pair.primary)
    poll(lambda: pair.replica.client().get("key") == "late", 5, "the last write is at the replica")


def test_signals_that_come_while_the_process_stands_are_heard(space):
    """Whichever of its threads the kernel hands them to."""
    nodes = [space.node(f"node{i}", PLAIN) for i in range(6)]
    for node in nodes:
        node.pause()
        node.signal(signal.SIGTERM)
        node.signal(signal.SIGTERM)
        node.resume()
    for node in nodes:
        assert_ended(node)


def test_a_replica_that_goes_away_is_not_waited_for(space):
    pair = Pair(space)
    pair.lag()
    pair.ask()
    pair.wait_shutting_down()
    begin = time.monotonic()
    pair.replica.kill()
    assert_ended(pair.primary)
    assert time.monotonic() - begin < 5 * SLOW


@pytest.mark.ours
@pytest.mark.parametrize("how", ["catches up", "lags", "aborted"])
def test_the_log_says_what_redis_says(space, how):
    logs = {}
    for kind in (HOLDFAST, REDIS):
        pair = Pair(space, timeout=2, kind=kind, name=f"-{kind}-{how.replace(' ', '-')}")
        pair.lag()
        asker = pair.ask()
        pair.wait_shutting_down()
        if how == "aborted":
            pair.client.execute_command("SHUTDOWN", "ABORT")
            assert asker.read() == FAILED
        else:
            if how == "catches up":
                pair.replica.resume()
            assert_ended(pair.primary)
        lines = pair.log()
        lines = lines[lines.index("User requested shutdown..."):]
        logs[kind] = [line for line in lines if "pid file" not in line]
        # How far and how many whole seconds it lags is a matter of the moment.
        logs[kind] = [re.sub(r"offset \d+ behind master, lag=\d+", "offset N behind master, lag=N", line) for line in logs[kind]]
        pair.replica.resume()
    assert logs[HOLDFAST] == logs[REDIS]
