"""A primary that comes back without its data, long before it counts as down: a replica takes its place with the group's data."""

import pytest

from harness import HOLDFAST, REDIS, Group, Workspace, poll

DOWN_AFTER_MS = 60000  # nothing here is over by waiting for it
KEYS = 500
PLAIN = 'save ""\n'
AT_ONCE = PLAIN + "repl-diskless-sync-delay 0\n"
# Replicas wait for a full sync as long as they do by default, which is the sentinels' time.
DELAYED = PLAIN + "repl-diskless-sync-delay 5\n"
GUARDED = AT_ONCE + "replica-guard-empty-primary yes\n"

KINDS = pytest.mark.parametrize("kind", [HOLDFAST, REDIS])


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


def group_with_data(space, kind, conf):
    group = Group(space, down_after_ms=DOWN_AFTER_MS, node_kind=kind, node_conf=conf)
    with group.primary.client() as client:
        for i in range(KEYS):
            client.set(f"key:{i}", i)
        assert client.wait(2, 10_000) == 2
    return group


def restart(space, group, kind):
    group.primary.kill()
    group.primary = space.node("primary", port=group.primary.port, kind=kind)
    group.nodes[0] = group.primary


def logs(group):
    return "".join(sentinel.log() for sentinel in group.sentinels)


@pytest.mark.parametrize(("kind", "conf"), [(HOLDFAST, DELAYED), (HOLDFAST, GUARDED), (REDIS, DELAYED)],
                         ids=["holdfast-delayed", "holdfast-guarded", "redis-delayed"])
def test_a_replica_takes_over_with_the_data(space, kind, conf):
    group = group_with_data(space, kind, conf)
    restart(space, group, kind)
    if conf is DELAYED:
        with group.primary.client() as client:
            client.set("written to the empty one", 1)  # it does not hide that the rest is gone
    old = group.primary
    new = group.wait_new_primary(old, 20)
    assert f"+reboot-empty master {group.name} 127.0.0.1 {old.port} #{KEYS} keys at 127.0.0.1:" in logs(group)
    poll(lambda: all(node.info("keyspace").get("db0", {}).get("keys") == KEYS for node in group.nodes), 30,
         "every node has the group's data again")  # fmt: skip
    poll(lambda: new.info("replication")["connected_slaves"] == 2, 20, "both follow the new primary")


def settled_without_failover(group):
    poll(lambda: logs(group).count("+reboot master") == 3, 20, "every sentinel has seen the restart")
    group.wait_settled(60)
    assert not any(event in logs(group) for event in ("+reboot-empty", "+sdown master", "+switch-master"))


@KINDS
def test_a_restart_with_the_data_is_no_failover(space, kind):
    group = group_with_data(space, kind, AT_ONCE)
    with group.primary.client() as client:
        client.config_set("appendonly", "yes")  # a redis-server that starts from it has a history of its own
        client.config_rewrite()
    poll(lambda: (state := group.primary.info("persistence"))["aof_enabled"] == 1 and state["aof_rewrite_in_progress"] == 0
         and state["aof_rewrite_scheduled"] == 0, 20, "the file is written")  # fmt: skip
    restart(space, group, kind)
    settled_without_failover(group)
    assert group.primary.info("keyspace")["db0"]["keys"] == KEYS


@KINDS
def test_an_emptied_group_stays_empty(space, kind):
    group = group_with_data(space, kind, AT_ONCE)
    with group.primary.client() as client:
        client.flushall()
        assert client.wait(2, 10_000) == 2
    restart(space, group, kind)
    settled_without_failover(group)
