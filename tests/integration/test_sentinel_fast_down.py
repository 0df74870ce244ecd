"""`sentinel fast-down`: a primary whose process is gone is replaced at once; one that only lost connections, or hangs, is not."""

import time

import pytest

from harness import HOLDFAST, REDIS, Group, Workspace, poll

DOWN_AFTER_MS = 30000


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


class FastGroup(Group):
    """Sentinels of ours with the setting on, data nodes of this kind."""

    def __init__(self, space, nodes=HOLDFAST):
        node = space.node
        space.node = lambda *arguments, **options: node(*arguments, **{**options, "kind": nodes})
        super().__init__(space, down_after_ms=DOWN_AFTER_MS, extra="sentinel fast-down myprimary yes\n")
        space.node = node


@pytest.mark.parametrize("nodes", [HOLDFAST, REDIS])
def test_a_killed_primary_is_not_waited_for(space, nodes):
    group = FastGroup(space, nodes)
    group.primary.kill()
    group.wait_new_primary(group.primary, 10)  # a third of down-after


def test_lost_connections_and_silence_are_no_crash(space):
    group = FastGroup(space)
    with group.primary.client() as client:
        for kind in ("normal", "pubsub", "replica"):
            client.execute_command("CLIENT", "KILL", "TYPE", kind)
    time.sleep(1)  # nothing may come of it meanwhile
    group.wait_settled()
    group.primary.pause()
    time.sleep(1)
    group.primary.resume()
    group.wait_settled()
    assert all("+sdown master" not in sentinel.log() for sentinel in group.sentinels)
    assert {group.address_by(sentinel) for sentinel in group.sentinels} == {group.primary.address}


def test_it_is_set_shown_and_kept(space):
    group = Group(space, replicas=0, sentinels=1)
    sentinel = group.sentinels[0]
    conf = sentinel.folder / "sentinel1.conf"
    line = f"sentinel fast-down {group.name} yes\n"

    def last_fields():
        with sentinel.client() as client:
            return client.execute_command("SENTINEL MASTER", group.name)

    assert "fast-down" not in last_fields()
    assert sentinel.cli("SENTINEL", "SET", group.name, "fast-down", "maybe").startswith("ERR Invalid argument 'maybe'")
    assert sentinel.cli("SENTINEL", "SET", group.name, "fast-down", "yes").strip() == "OK"
    assert line in conf.read_text() and last_fields()["fast-down"] == "yes"
    assert sentinel.stop() == 0
    sentinel = space.sentinel("sentinel1", port=sentinel.port)
    assert poll(last_fields, 5, "it is back")["fast-down"] == "yes"
    assert sentinel.cli("SENTINEL", "SET", group.name, "fast-down", "no").strip() == "OK"
    assert "fast-down" not in conf.read_text() and "fast-down" not in last_fields()
    assert sentinel.stop() == 0
    assert space.sentinel("sentinel1", port=sentinel.port, kind=REDIS).running()  # which refuses the line
