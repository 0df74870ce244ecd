"""How a sentinel starts: files that a real one wrote, words of the command line, and what it refuses as that one does."""

import re

import pytest

from harness import HOLDFAST, REDIS, Workspace, free_port, poll

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


@pytest.mark.parametrize("kind", [HOLDFAST, REDIS])
def test_words_behind_sentinel_are_a_line(space, kind):
    conf = f"sentinel monitor {NAME} 127.0.0.1 {free_port()} 1\n"
    words = ["--sentinel", "announce-ip", "203.0.113.9", "--loglevel", "verbose", "--sentinel", "announce-port", "99"]
    with space.sentinel("sentinel", conf, *words, "--sentinel", kind=kind).client() as client:
        asked = [client.execute_command("SENTINEL CONFIG GET", x) for x in ("announce-ip", "announce-port")]
    assert ["203.0.113.9" in str(asked[0]), "99" in str(asked[1])] == [True, True], asked


def test_lines_of_an_included_file_outlive_a_rewrite(space):
    """A rewrite repeats them in the sentinel's file, which has the say from then on. (A real one does not start again.)"""
    conf = 'save ""\nrepl-diskless-sync-delay 0\n'
    nodes = [space.node("primary", conf, kind=REDIS)]
    nodes.append(space.node("replica", conf + f'replicaof 127.0.0.1 {nodes[0].port}\n', kind=REDIS))
    included = space.folder / "included.conf"
    included.write_text(f"sentinel monitor {NAME} 127.0.0.1 {nodes[0].port} 1\nsentinel failover-timeout {NAME} 12345\n"
                        f"sentinel rename-command {NAME} NOSUCH OTHER\n")
    words = ["--sentinel", "monitor", "another", "127.0.0.1", str(free_port()), "1"]
    sentinel = space.sentinel("sentinel", f"include {included}\n", *words)
    with sentinel.client() as client:
        poll(lambda: client.sentinel_master(NAME)["num-slaves"] == 1, 20, "the replica is known")
        poll(lambda: client.sentinel_slaves(NAME)[0]["master-link-status"] == "ok", 20, "the replica is in sync")
        assert sentinel.cli("SENTINEL", "FAILOVER", NAME).strip() == "OK"
        poll(lambda: client.sentinel_get_master_addr_by_name(NAME) == nodes[1].address, 20, "the replica is the primary")
    assert sentinel.stop() == 0

    again = space.sentinel("sentinel", "", *words, port=sentinel.port)
    with again.client() as client:
        assert client.sentinel_get_master_addr_by_name(NAME) == nodes[1].address
        assert client.sentinel_master(NAME)["failover-timeout"] == 12345
        assert client.sentinel_master("another")["ip"] == "127.0.0.1"
    old = f"sentinel monitor {NAME} 127.0.0.1 {nodes[0].port} 1"
    assert re.findall(r"'(.*)' is ignored", again.log()) == [old]


REFUSED = {
    "port 0\n": "# Configured to not listen anywhere, exiting.",
    "bind \"\"\n": "# Configured to not listen anywhere, exiting.",
    "logfile /nonexistent/x\n": "Can't open the log file: No such file or directory",
    "logfile /tmp\n": "Can't open the log file: Is a directory",
}


@pytest.mark.parametrize("kind", [HOLDFAST, REDIS])
@pytest.mark.parametrize("role", ["node", "sentinel"])
@pytest.mark.parametrize("line", REFUSED, ids=lambda line: line.strip())
def test_without_a_place_to_listen_or_to_log_it_does_not_start(space, kind, role, line):
    path = space.folder / "it.conf"
    path.write_text(f"port {free_port()}\n{line}")
    process = space.run("it", [space.binary(role, kind), path])
    assert process.wait_exit() == 1
    assert REFUSED[line] in process.log()
