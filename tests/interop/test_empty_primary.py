"""replica-guard-empty-primary: a primary that comes back without its data does not take its replicas' copy with it."""

import pytest

from harness import REDIS, poll

PLAIN = 'save ""\nrepl-diskless-sync-delay 0\n'
GUARD = PLAIN + "replica-guard-empty-primary yes\n"


def link(node):
    return node.info("replication")["master_link_status"]


def group(space, kind, conf):
    primary = space.node("primary", PLAIN, kind=kind)
    replica = space.node("replica", conf + f"replicaof 127.0.0.1 {primary.port}\n")
    poll(lambda: link(replica) == "up", 20, "in step")
    with primary.client() as client:
        for i in range(100):
            client.set(f"k:{i}", "v" * 100)
        assert client.wait(1, 10_000) == 1
    return primary, replica


def restart_empty(space, primary, kind):
    primary.kill()
    return space.node("primary", PLAIN, port=primary.port, kind=kind)


@pytest.mark.parametrize("primary_kind", [None, REDIS], ids=["ours", "redis"])
def test_data_is_kept_until_somebody_says_replicaof(space, primary_kind):
    primary, replica = group(space, primary_kind, GUARD)
    primary = restart_empty(space, primary, primary_kind)
    replica.wait_log("came back without any keys")
    with primary.client() as client, replica.client() as reader:
        assert reader.dbsize() == 100 and link(replica) == "down"
        client.set("written since", 1)
        replica.wait_log("had come back without any keys")  # the same primary, though it has a key now
        assert reader.dbsize() == 100
        reader.execute_command("REPLICAOF", "127.0.0.1", primary.port)
        poll(lambda: link(replica) == "up", 20, "it follows")
        poll(lambda: reader.keys() == ["written since"], 5, "it has the primary's data")


def test_the_replica_can_be_promoted_with_its_data(space):
    primary, replica = group(space, None, GUARD)
    primary = restart_empty(space, primary, None)
    replica.wait_log("came back without any keys")
    with primary.client() as old, replica.client() as client:
        client.execute_command("REPLICAOF", "NO", "ONE")
        old.execute_command("REPLICAOF", "127.0.0.1", replica.port)
        poll(lambda: link(primary) == "up" and old.dbsize() == 100, 20, "the data is back at the old primary")


def test_guard_is_off_by_default_and_says_what_goes(space):
    primary, replica = group(space, None, PLAIN)
    restart_empty(space, primary, None)
    poll(lambda: link(replica) == "up" and replica.info("replication")["master_repl_offset"] < 1000, 20, "it follows")
    with replica.client() as reader:
        assert reader.dbsize() == 0
    assert "The primary has no keys: the 100 keys of this replica go" in replica.log()


def test_an_emptied_primary_empties_its_replicas(space):
    """FLUSHALL is meant: with or without a restart behind it, and for a replica that missed it."""
    primary, replica = group(space, None, GUARD)
    with primary.client() as client:
        client.flushall()
        assert client.wait(1, 10_000) == 1
    primary = restart_empty(space, primary, None)
    poll(lambda: link(replica) == "up", 20, "it follows the restarted one")
    with primary.client() as client, replica.client() as reader:
        client.set("k", "v")
        poll(lambda: reader.keys() == ["k"], 10, "its writes arrive")


def test_a_new_empty_primary_is_taken_when_it_is_named(space):
    primary, replica = group(space, None, GUARD)
    other = space.node("other", PLAIN)
    with replica.client() as reader:
        reader.execute_command("REPLICAOF", "127.0.0.1", other.port)
        poll(lambda: link(replica) == "up" and reader.dbsize() == 0, 20, "it is empty, as ordered")
