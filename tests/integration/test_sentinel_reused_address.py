"""Two groups of the same name, and an address of the one that is given to a node of the other: they stay two."""

import time

import pytest

from harness import poll

NODE = 'save ""\nrepl-diskless-sync-delay 0\n'
NAME = "mymaster"
PERIOD_MS = 200  # of hellos; a misplaced replica is moved after four


def monitor(space, name, primary):
    sentinel = space.sentinel(name, f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 1\n")
    with sentinel.client() as client:
        client.execute_command("SENTINEL", "DEBUG", "PUBLISH-PERIOD", PERIOD_MS, "INFO-PERIOD", 500)
    return sentinel


def state(sentinel):
    with sentinel.client() as client:
        return client.sentinel_master(NAME)


def seen(sentinel, port):
    """The replica at this port as that sentinel sees it."""
    with sentinel.client() as client:
        return next((replica for replica in client.sentinel_slaves(NAME) if replica["port"] == port), {})


@pytest.mark.ours
def test_a_replica_of_another_group_is_not_taken(space):
    ours, theirs = space.node("ours", NODE), space.node("theirs", NODE)
    for node in ours, theirs:
        with node.client() as client:
            client.set("whose", node.name)
    replica = space.node("replica", NODE + f"replicaof 127.0.0.1 {ours.port}\n")
    our_sentinel, their_sentinel = monitor(space, "ours-s", ours), monitor(space, "theirs-s", theirs)
    poll(lambda: seen(our_sentinel, replica.port).get("master-link-status") == "ok", 20, "our replica is known")
    replica.kill()
    reused = space.node("reused", NODE + f"replicaof 127.0.0.1 {theirs.port}\n", port=replica.port)
    poll(lambda: seen(their_sentinel, reused.port).get("master-link-status") == "ok", 20, "it is known to its own sentinel")
    poll(lambda: seen(our_sentinel, reused.port).get("master-port") == theirs.port, 20, "ours has seen whom it follows")
    end = time.monotonic() + 12 * PERIOD_MS / 1000
    while time.monotonic() < end:
        assert reused.info("replication")["master_port"] == theirs.port
        assert state(our_sentinel)["num-other-sentinels"] == state(their_sentinel)["num-other-sentinels"] == 0
        assert state(our_sentinel)["port"] == ours.port and state(their_sentinel)["port"] == theirs.port
        time.sleep(0.05)
    with reused.client() as client:
        assert client.get("whose") == "theirs"
