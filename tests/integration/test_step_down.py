"""A primary that was replaced and did not notice steps down by the sentinels' hellos, before any of them tells it; and not
by a hello that somebody made up."""

import time

import pytest

from harness import HOLDFAST, REDIS, SLOW, Group, free_port, poll

PLAIN = 'save ""\nrepl-diskless-sync-delay 0\n'
SECRET = PLAIN + "requirepass secret\nmasterauth secret\n"
STEPPED_DOWN = r"Stepping down: sentinel .* as the primary of {} in config epoch"
HELLO = "__sentinel__:hello"


def replication(node):
    return node.info("replication")


def is_primary(node):
    return replication(node)["role"] == "master"


def follows(node, primary):
    state = replication(node)
    return state["role"] == "slave" and state["master_port"] == primary.port and state["master_link_status"] == "up"


class Hellos:
    """A publisher of hellos, true ones or not: what a sentinel says, and anybody who may publish."""

    def __init__(self, node):
        self.client = node.client()

    def say(self, primary_port, config_epoch, group="mymaster", host="127.0.0.1"):
        message = f"127.0.0.1,26379,{'5' * 40},{config_epoch},{group},{host},{primary_port},{config_epoch}"
        self.client.publish(HELLO, message)


def pair(space, conf=PLAIN, **options):
    """A primary with a replica in step, and a publisher of hellos from which it knows its group."""
    primary = space.node("primary", conf, **options)
    replica = space.node("replica", conf + f"replicaof 127.0.0.1 {primary.port}\n", **options)
    poll(lambda: follows(replica, primary), 20, "in step")
    poll(lambda: replication(primary).get("slave0", {}).get("state") == "online", 20, "online")
    hellos = Hellos(primary)
    hellos.say(primary.port, 3)
    return primary, replica, hellos


def promote(node):
    with node.client() as client:
        client.slaveof()


@pytest.mark.ours
@pytest.mark.parametrize("conf, password", [(PLAIN, None), (SECRET, "secret")], ids=["open", "password"])
def test_steps_down_at_the_first_hello(space, conf, password):
    primary, replica, hellos = pair(space, conf, password=password)
    with primary.client() as client:
        client.set("before", 1)
        client.wait(1, 5000)
        promote(replica)
        client.set("lost", 1)  # as any write that an old primary takes
    began = time.monotonic()
    hellos.say(replica.port, 4)
    poll(lambda: not is_primary(primary), 5, "it is no primary any more", 0.001)
    assert time.monotonic() - began < 0.5 * SLOW
    poll(lambda: follows(primary, replica), 20, "it follows its successor")
    assert "Stepping down: sentinel 127.0.0.1:26379 announces " in primary.log()
    assert f"REPLICAOF 127.0.0.1:{replica.port} enabled" in primary.log()
    with primary.client() as client:
        assert client.get("before") == "1" and client.get("lost") is None


@pytest.mark.ours
def test_stays_what_it_is_when_nothing_confirms(space):
    primary, replica, hellos = pair(space, PLAIN + "enable-debug-command yes\n")
    bystander = space.node("bystander", PLAIN)

    def refuses(port, epoch, why, group="mymaster"):
        before = primary.log().count("Not stepping down")

        def said():  # each second at most it looks
            hellos.say(port, epoch, group)
            return primary.log().count("Not stepping down") > before

        poll(said, 10, f"looked at the successor: {why}", 0.1)
        assert primary.log().rstrip().endswith(f"but: {why}.")
        assert is_primary(primary)

    hellos.say(bystander.port, 4)  # a primary, but never a replica of this node: not even looked at
    hellos.say(free_port(), 4)
    hellos.say(replica.port, 4, group="another")
    hellos.say(replica.port, 3)
    assert "tepping down" not in primary.log()
    refuses(replica.port, 4, "it says that it is a slave")
    with replica.client() as client:  # promoted, but of another history since
        client.slaveof()
        client.execute_command("DEBUG", "CHANGE-REPL-ID")
    refuses(replica.port, 5, "its data does not descend from this node's")
    replica.pause()
    refuses(replica.port, 6, "it does not answer")
    replica.resume()
    replica.kill()
    refuses(replica.port, 7, "connect: Connection refused")
    assert is_primary(primary)


@pytest.mark.ours
def test_looks_with_pauses_and_not_for_ever(space):
    primary, replica, hellos = pair(space)
    replica.kill()
    end = time.monotonic() + 2.5
    while time.monotonic() < end:
        hellos.say(replica.port, 9)
        time.sleep(0.01)
    assert 2 <= primary.log().count("Not stepping down") <= 4
    assert is_primary(primary)


@pytest.mark.ours
def test_can_be_switched_off(space):
    primary, replica, hellos = pair(space)
    with primary.client() as client:
        client.config_set("step-down-on-hello", "no")
        promote(replica)
        hellos.say(replica.port, 4)
        client.config_set("step-down-on-hello", "yes")
        assert is_primary(primary) and "tepping down" not in primary.log()
    hellos.say(replica.port, 4)
    poll(lambda: not is_primary(primary), 5, "it is no primary any more")


@pytest.mark.ours
@pytest.mark.parametrize("kind", [HOLDFAST, REDIS])
def test_steps_down_when_it_goes_on(space, kind):
    """A primary that stood still during its failover. Redis's sentinels alone let it take writes for some ten seconds."""
    group = Group(space, kind=kind, node_kind=HOLDFAST, name="mymaster")
    old = group.primary
    poll(lambda: replication(old)["connected_slaves"] == 2, 10, "both replicas")
    with old.client() as client:
        pubsub = client.pubsub()
        pubsub.subscribe(HELLO)
        poll(lambda: (pubsub.get_message(timeout=1) or {}).get("type") == "message", 10, "a hello")
        pubsub.close()
    old.pause()
    new = group.wait_new_primary(old)
    old.resume()
    began = time.monotonic()
    poll(lambda: not is_primary(old), 8, "it is no primary any more", 0.005)
    took = time.monotonic() - began
    print(f"{kind}: {1000 * took:.0f} ms from going on to stepping down")
    assert took < 3 * SLOW  # a hello each two seconds
    if kind == REDIS:
        old.wait_log(STEPPED_DOWN.format("mymaster"), 1)
    poll(lambda: follows(old, new), 20, "it follows its successor")
