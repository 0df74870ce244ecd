"""How a sentinel starts: files that a real one wrote, words of the command line, and what it refuses as that one does."""

import pytest

from harness import REDIS, Workspace, poll

NAME = "mymaster"


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


def known_replicas(path):
    return [line for line in path.read_text().splitlines() if line.startswith(f"sentinel known-replica {NAME} ")]


def test_a_replica_without_a_port_in_the_file_of_a_real_sentinel(space):
    primary = space.node("primary", 'save ""\nrepl-diskless-sync-delay 0\n', kind=REDIS)
    space.run("copier", ["redis-cli", "-p", primary.port, "--replica"])
    poll(lambda: ",port=0," in str(primary.cli("INFO", "replication")), 10, "redis-cli --replica is attached")
    sentinel = space.sentinel("sentinel", f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 1\n", kind=REDIS)
    path = sentinel.folder / "sentinel.conf"
    nowhere = f"sentinel known-replica {NAME} 127.0.0.1 0"
    poll(lambda: known_replicas(path) == [nowhere], 20, "the real sentinel has it in its file")
    assert sentinel.stop() == 0
    replica = space.node("replica", f'save ""\nreplicaof 127.0.0.1 {primary.port}\n', kind=REDIS)
    ours = space.sentinel("sentinel", port=sentinel.port)
    assert f"'{nowhere}' is ignored" in ours.log()
    real = f"sentinel known-replica {NAME} 127.0.0.1 {replica.port}"
    poll(lambda: known_replicas(path) == [real], 20, "the file has the real replica alone")
