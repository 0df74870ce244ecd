"""Host names in place of addresses: a private mount namespace gives the processes a hosts file of their own."""

import os
import subprocess

import pytest

from harness import HOLDFAST, REDIS, Workspace, poll
from test_sentinel import NAME, Events

NODE = 'save ""\nrepl-diskless-sync-delay 0\n'
NAMES = ["db1.test", "db2.test", "db3.test", "s1.test", "s2.test", "s3.test"]


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


class Hosts:
    """A hosts file that only the processes started through it see."""

    def __init__(self, space):
        if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
            pytest.skip("this machine allows no mount namespaces")
        self.space = space
        self.path = space.folder / "hosts"
        self.set({name: "127.0.0.1" for name in NAMES})

    def set(self, addresses):
        lines = ["127.0.0.1 localhost", *(f"{address} {name}" for name, address in addresses.items())]
        self.path.write_text("\n".join(lines) + "\n")  # in place: it is mounted

    def program(self, role, kind):
        """An executable that is the binary of that role, with these hosts."""
        path = self.space.folder / f"{role}-{kind}-with-hosts"
        binary = self.space.binary(role, kind)
        path.write_text(f"#!/bin/sh\nexec unshare -m sh -c 'mount --bind {self.path} /etc/hosts && exec {binary} \"$@\"' sh \"$@\"\n")
        path.chmod(0o755)
        return str(path)


class NamedGroup:
    """A primary and two replicas that call themselves by names, and sentinels of given kinds and conf lines."""

    def __init__(self, space, hosts, sentinels):
        self.hosts = hosts
        node = hosts.program("node", REDIS)
        self.nodes = [space.node("db1", NODE + "replica-announce-ip db1.test\n", argv0=node)]
        for i in (2, 3):
            conf = NODE + f"replicaof db1.test {self.nodes[0].port}\nreplica-announce-ip db{i}.test\n"
            self.nodes.append(space.node(f"db{i}", conf, argv0=node))
        self.sentinels = []
        for i, (kind, host, lines) in enumerate(sentinels, 1):
            conf = (f"{lines}sentinel monitor {NAME} {host} {self.nodes[0].port} 2\n"
                    f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 60000\n")
            self.sentinels.append(space.sentinel(f"s{i}", conf, argv=[hosts.program("sentinel", kind)]))
        poll(lambda: all(self.knows_all(s) for s in self.sentinels), 40, "every sentinel knows the whole group")

    def knows_all(self, sentinel):
        with sentinel.client() as client:
            state, replicas = client.sentinel_master(NAME), client.sentinel_slaves(NAME)
            others = client.sentinel_sentinels(NAME)
            if len(replicas) != 2 or len(others) != len(self.sentinels) - 1:
                return False
            return not any(x["is_disconnected"] or x["is_sdown"] for x in [state, *replicas, *others])

    def named(self, sentinel):
        with sentinel.client() as client:
            return client.sentinel_get_master_addr_by_name(NAME)

    def wait_switched(self, host_of):
        old = self.nodes[0]
        poll(lambda: all(self.named(s)[1] != old.port for s in self.sentinels), 30, "all have switched")
        ports = {self.named(s)[1] for s in self.sentinels}
        assert len(ports) == 1
        new = next(n for n in self.nodes if n.port in ports)
        assert all(self.named(s) == (host_of(s, new), new.port) for s in self.sentinels)
        poll(lambda: new.info("replication")["role"] == "master", 5, "the node they name is a primary")
        other = next(n for n in self.nodes[1:] if n is not new)
        poll(lambda: other.info("replication")["master_port"] == new.port, 15, "the other replica follows")
        return new, other


def announced(i):
    return f"sentinel resolve-hostnames yes\nsentinel announce-hostnames yes\nsentinel announce-ip s{i}.test\n"


def test_names_are_told_where_they_are_announced(space):
    group = NamedGroup(space, Hosts(space), [(HOLDFAST, "db1.test", announced(i)) for i in (1, 2, 3)])
    old = group.nodes[0]
    assert all(group.named(s) == ("db1.test", old.port) for s in group.sentinels)
    with group.sentinels[0].client() as client:
        assert {(r["name"], r["ip"]) for r in client.sentinel_slaves(NAME)} == {
            (f"{n.name}.test:{n.port}", f"{n.name}.test") for n in group.nodes[1:]}
        assert {s["ip"] for s in client.sentinel_sentinels(NAME)} == {"s2.test", "s3.test"}
    events = Events(group.sentinels[0])
    old.kill()
    new, other = group.wait_switched(lambda sentinel, node: f"{node.name}.test")
    assert events.wait("+switch-master") == f"{NAME} db1.test {old.port} {new.name}.test {new.port}"
    assert [e for e in events.seen if "127.0.0.1" in e[2]] == []
    assert other.info("replication")["master_host"] == f"{new.name}.test"
    poll(lambda: f"sentinel monitor {NAME} {new.name}.test {new.port} 2" in (group.sentinels[0].folder / "s1.conf").read_text(), 10,
         "the file names it")
    events.stop()


def test_a_name_equals_its_address_in_a_mixed_quorum(space):
    """One that was given the name, one the address, and a redis-sentinel: the same primary, replicas and votes."""
    resolve = "sentinel resolve-hostnames yes\n"
    group = NamedGroup(space, Hosts(space), [(HOLDFAST, "db1.test", resolve), (HOLDFAST, "127.0.0.1", resolve),
                                             (REDIS, "db1.test", resolve)])
    events = [Events(s) for s in group.sentinels[:2]]
    assert all(group.named(s) == ("127.0.0.1", group.nodes[0].port) for s in group.sentinels)
    group.nodes[0].kill()
    new, other = group.wait_switched(lambda sentinel, node: "127.0.0.1")
    for seen in events:
        assert seen.wait("+switch-master") == f"{NAME} 127.0.0.1 {group.nodes[0].port} 127.0.0.1 {new.port}"
        assert "+fix-slave-config" not in [name for _, name, _ in seen.seen]
        seen.stop()
    with group.sentinels[0].client() as client:
        assert len(client.sentinel_slaves(NAME)) == 2 and len(client.sentinel_sentinels(NAME)) == 2


def test_a_name_that_does_not_resolve_keeps_nobody_waiting(space):
    hosts = Hosts(space)
    sentinel = space.sentinel("s1", f"sentinel resolve-hostnames yes\nsentinel monitor {NAME} nowhere.invalid 6379 1\n"
                                    f"sentinel down-after-milliseconds {NAME} 500\n", argv=[hosts.program("sentinel", HOLDFAST)])
    node = space.node("db1", NODE, kind=REDIS)
    assert sentinel.cli("SENTINEL", "MONITOR", "other", "localhost", node.port, 1).strip() == "OK"
    with sentinel.client() as client:
        poll(lambda: not client.sentinel_master("other")["is_disconnected"], 5, "the name that resolves is connected to")
        poll(lambda: client.sentinel_master(NAME)["is_sdown"], 5, "the other is down")
        poll(lambda: client.sentinel_get_master_addr_by_name("other") == ("127.0.0.1", node.port), 5, "it is told by its address")
    hosts.set({"nowhere.invalid": "127.0.0.1"})
    poll(lambda: sentinel.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split()[0] == "127.0.0.1", 10, "it resolves by now")
    refused = space.sentinel("s2", f"sentinel monitor {NAME} db1.test 6379 1\n", wait=False)
    assert refused.wait_exit() == 1
    assert "Can't resolve instance hostname." in refused.log()


def test_what_is_said_to_be_at_a_name_leaves_the_conf_file_whole(space):
    """Names are not resolved here: they could be neither reached nor read back."""
    node = space.node("db1", NODE, kind=REDIS)
    space.node("db2", f"{NODE}replicaof 127.0.0.1 {node.port}\nreplica-announce-ip somename\n", kind=REDIS)
    sentinel = space.sentinel("s1", f"sentinel monitor {NAME} 127.0.0.1 {node.port} 1\n")
    with sentinel.client() as client, node.client() as publisher:
        poll(lambda: node.info("replication")["connected_slaves"] == 1, 20, "the replica is there")
        poll(lambda: client.sentinel_master(NAME)["flags"] == "master", 20, "the primary is known")

        for text in (f"127.0.0.1,26379,{'7' * 40},9,{NAME},nohost,6379,9", f"nohost,26379,{'7' * 40},9,{NAME},127.0.0.1,{node.port},0",
                     f"nohost,26378,{'6' * 40},9,{NAME},127.0.0.1,{node.port},0",
                     f"127.0.0.1,26380,{'8' * 40},12,{NAME},127.0.0.1,{node.port},0"):  # fmt: skip
            publisher.publish("__sentinel__:hello", text)
        ports = lambda: sorted((s["ip"], s["port"]) for s in client.sentinel_sentinels(NAME))  # noqa: E731
        poll(lambda: ports() == [("127.0.0.1", 26379), ("127.0.0.1", 26380)], 20, "the hellos were heard")
        assert client.sentinel_master(NAME)["ip"] == "127.0.0.1" and client.sentinel_slaves(NAME) == []
        assert client.execute_command("SENTINEL", "SET", NAME, "quorum", "2")
        assert client.execute_command("SENTINEL", "FLUSHCONFIG")
    sentinel.kill()
    text = (sentinel.folder / "s1.conf").read_text()
    assert "nohost" not in text and "somename" not in text
    again = space.sentinel("s1", port=sentinel.port)
    assert again.cli("SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME).split() == ["127.0.0.1", str(node.port)]


def test_names_cannot_be_turned_off_while_a_primary_has_no_other(space):
    sentinel = space.sentinel("s1", f"sentinel resolve-hostnames yes\nsentinel monitor {NAME} nowhere.invalid 6379 1\n", kind=HOLDFAST)
    assert "Invalid value 'no'" in sentinel.cli("SENTINEL", "CONFIG", "SET", "resolve-hostnames", "no")
    assert sentinel.cli("SENTINEL", "CONFIG", "GET", "resolve-hostnames").split() == ["resolve-hostnames", "yes"]
    assert sentinel.cli("SENTINEL", "FLUSHCONFIG").strip() == "OK"
