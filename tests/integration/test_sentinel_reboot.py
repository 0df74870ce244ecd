"""A primary that is restarted and takes long to load: master-reboot-down-after-period says how long is too long."""

import pytest

from harness import HOLDFAST, REDIS, Group, poll

KEYS = 2000
NODE = "repl-diskless-sync-delay 0\n"
# As slow as a large file; clients get -LOADING in between.
SLOW_LOAD = ("--loading-process-events-interval-bytes", "1024", "--key-load-delay")


@pytest.mark.parametrize("node_kind", [HOLDFAST, REDIS])
@pytest.mark.parametrize("period_ms, load_us", [(1000, 10000), (0, 1500)])
def test_a_primary_that_loads_for_too_long_is_replaced(space, kind, node_kind, period_ms, load_us):
    group = Group(space, replicas=1, sentinels=1, down_after_ms=60000, kind=kind, node_kind=node_kind, node_conf=NODE,
                  extra=f"sentinel master-reboot-down-after-period myprimary {period_ms}\n")  # fmt: skip
    old = group.primary
    with old.client() as client:
        for i in range(KEYS):
            client.set(f"key:{i}", i)
        client.save()
        assert client.wait(1, 10_000) == 1
    old.kill()
    group.primary = group.nodes[0] = space.node("primary", "", *SLOW_LOAD, load_us, port=old.port, kind=node_kind, wait=False)
    sentinel = group.sentinels[0]
    poll(lambda: "+reboot master" in sentinel.log(), 15, "the restart was seen")
    if period_ms == 0:
        poll(lambda: "LOADING" not in group.primary.cli("PING"), 60, "it has loaded")
        assert "+sdown" not in sentinel.log()
        return
    new = group.wait_new_primary(old, 15)
    assert "LOADING" in group.primary.cli("PING"), "it was not waited for"
    assert new.info("keyspace")["db0"]["keys"] == KEYS
