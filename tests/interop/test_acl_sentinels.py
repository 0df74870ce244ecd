"""Sentinels of ours and Redis's, in one quorum, over nodes of both: everybody has users with no more permissions than Redis's
documentation of Sentinel asks for, and the default user is off everywhere.
"""

import re

import pytest
import redis

from differential import Bare
from harness import REDIS, SLOW, Workspace, poll
from test_sentinel import NAME

OPERATOR = "user operator on >op ~* &* +@all\nuser default off\n"
# Towards nodes: the permissions that Redis documents for a sentinel's user.
AT_NODES = ("user watcher on >w allchannels +multi +exec +slaveof +ping +subscribe +publish +info +config|rewrite +role "
            "+client|setname +client|kill +script|kill\n")  # fmt: skip
REPLICATION = "user replicator on >r +psync +replconf +ping\nmasteruser replicator\nmasterauth r\n"
NODE = 'save ""\nrepl-diskless-sync-delay 0\n' + OPERATOR + AT_NODES + REPLICATION
# Among sentinels: what one of Redis's sends to another.
AMONG_SENTINELS = "user peer on >p &__sentinel__:hello +ping +publish +client|setname +sentinel|is-master-down-by-addr\n"
PEERS = AMONG_SENTINELS + "sentinel sentinel-user peer\nsentinel sentinel-pass p\n"


def operator(server):
    return redis.Redis("127.0.0.1", server.port, username="operator", password="op", decode_responses=True, socket_timeout=5 * SLOW)


def role(server):
    with operator(server) as client:
        return client.role()


class Locked:
    """A primary, two replicas and three sentinels, all locked up like that."""

    def __init__(self, space, sentinels, nodes):
        self.primary = space.node("primary", NODE, kind=nodes[0], wait=False)
        follow = f"replicaof 127.0.0.1 {self.primary.port}\n"
        self.nodes = [self.primary] + [space.node(f"replica{i}", NODE + follow, kind=kind, wait=False) for i, kind in enumerate(nodes[1:])]
        poll(lambda: all(role(n)[0] == "master" or role(n)[3] == "connected" for n in self.nodes), 20, "the replicas are in sync")
        conf = (OPERATOR + PEERS + f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} 2\n"
                f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 20000\n"
                f"sentinel auth-user {NAME} watcher\nsentinel auth-pass {NAME} w\n")  # fmt: skip
        self.sentinels = [space.sentinel(f"sentinel{i}", conf, kind=kind, wait=False) for i, kind in enumerate(sentinels)]
        poll(lambda: all(self.knows_all(s) for s in self.sentinels), 30, "the sentinels know all")

    def knows_all(self, sentinel):
        with operator(sentinel) as client:
            state = client.sentinel_master(NAME)
            instances = [state, *client.sentinel_slaves(NAME), *client.sentinel_sentinels(NAME)]
            return len(instances) == 5 and not any(x["is_disconnected"] or x["is_sdown"] for x in instances)

    def named(self):
        found = set()
        for sentinel in self.sentinels:
            with operator(sentinel) as client:
                found.add(client.sentinel_get_master_addr_by_name(NAME))
        return found


@pytest.mark.parametrize("sentinels, nodes", [
    ((None, None, REDIS), (REDIS, REDIS, REDIS)),
    ((None, REDIS, REDIS), (None, None, REDIS)),
])  # fmt: skip
def test_a_primary_that_dies_is_replaced_where_everybody_has_the_least_permissions(kind, sentinels, nodes):
    with Workspace(kind) as space:
        group = Locked(space, sentinels, nodes)
        group.primary.kill()
        others = {n.port for n in group.nodes} - {group.primary.port}
        poll(lambda: len(group.named()) == 1 and list(group.named())[0][1] in others, 30, "all sentinels name one other primary")

        def agreed(nodes):
            named = group.named()  # (a busy machine may see a second failover)
            roles = {n.port: role(n) for n in nodes}
            if len(named) != 1:
                return False
            primary = named.pop()[1]
            return all(found[0] == "master" if port == primary else found[0] == "slave" and found[2] == primary for port, found in roles.items())

        poll(lambda: agreed([n for n in group.nodes if n.running()]), 15, "one primary, and the other follows it")
        back = space.node("primary", port=group.primary.port, kind=nodes[0], wait=False)
        poll(lambda: agreed([back, *group.nodes[1:]]), 30, "the old primary follows the new one")
        poll(lambda: role(back)[3] == "connected", 15, "and is in sync")


def test_a_sentinel_hands_over_where_its_user_may_and_forces_where_not(kind):
    with Workspace(kind) as space:
        group = Locked(space, (None, None, None), (None, None, None))
        with operator(group.sentinels[0]) as client:
            assert client.execute_command("SENTINEL", "FAILOVER", NAME)
        poll(lambda: len(group.named()) == 1 and list(group.named())[0][1] != group.primary.port, 20, "a new primary")
        poll(lambda: role(group.primary)[0] == "slave", 30, "the old one follows")


def users(connection):
    """Each with its rules, in any order; a default user that was read from a file sanitizes payloads expressly."""
    return [sorted(set(item[1].split()) - {b"sanitize-payload"}) for item in connection.call("ACL", "LIST")[1]]


def test_users_are_kept_in_the_conf_file(kind):
    with Workspace(kind) as space:
        conf = f"user bob on >b +ping\nuser gone on nopass\nsentinel monitor {NAME} 127.0.0.1 1 2\n# mine\n"
        sentinel = space.sentinel("sentinel", conf)
        connection = Bare(sentinel.port)
        for words in (["ACL", "SETUSER", "alice", "on", ">x", "+@all", "-@dangerous", "&news:*", "(+info", "~x)"],
                      ["ACL", "SETUSER", "bob", "+info"], ["ACL", "DELUSER", "gone"], ["ACL", "SETUSER", "default", "-shutdown"],
                      ["SENTINEL", "FLUSHCONFIG"]):  # fmt: skip
            reply = connection.call(*words)
            assert reply in [("+", b"OK"), (":", b"1")], words
        listed = users(connection)
        path = sentinel.folder / "sentinel.conf"
        lines = path.read_text().splitlines()
        assert "# mine" in lines
        assert [line.split()[1] for line in lines if line.startswith("user ")].count("bob") == 1
        assert not any(line.startswith("user gone") for line in lines)
        sentinel.stop()
        for again in (kind, REDIS):  # Redis reads what ours wrote
            reader = space.sentinel("sentinel", kind=again, port=sentinel.port)
            assert users(Bare(reader.port)) == listed
            reader.stop()


@pytest.mark.ours  # Redis writes them into the main file as well, and then refuses it
def test_users_of_an_included_file_are_left_there(kind):
    with Workspace(kind) as space:
        (space.subfolder("sentinel") / "users.conf").write_text("user bob on >b +ping\n")
        conf = f"include {space.folder}/sentinel/users.conf\nsentinel monitor {NAME} 127.0.0.1 1 2\n"
        sentinel = space.sentinel("sentinel", conf)
        connection = Bare(sentinel.port)
        assert connection.call("ACL", "SETUSER", "alice", "on") == ("+", b"OK")
        assert connection.call("SENTINEL", "FLUSHCONFIG") == ("+", b"OK")
        sentinel.stop()
        sentinel = space.sentinel("sentinel", port=sentinel.port)
        assert [item[1] for item in Bare(sentinel.port).call("ACL", "USERS")[1]] == [b"alice", b"bob", b"default"]


@pytest.mark.ours  # Redis writes the default user's line in any case
def test_a_file_that_needs_no_user_lines_gets_none(kind):
    with Workspace(kind) as space:
        sentinel = space.sentinel("sentinel", f"requirepass secret\nsentinel monitor {NAME} 127.0.0.1 1 2\n", wait=False)
        connection = poll(lambda: Bare(sentinel.port), 15, "it listens")
        assert connection.call("AUTH", "secret") == ("+", b"OK")
        assert connection.call("SENTINEL", "FLUSHCONFIG") == ("+", b"OK")
        text = (sentinel.folder / "sentinel.conf").read_text()
        assert not re.search("^user", text, re.M) and "requirepass secret" in text
