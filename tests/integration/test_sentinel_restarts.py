"""Sentinels that die (kill -9) at a step of a failover and come back with their files: the group recovers without a hand.

The primary is killed; when the first sentinel publishes the step's event, it, another one, or all three are killed, and
started again. Then one primary must be named by all sentinels and followed by all nodes, the old primary included when it
returns, and no sentinel may have voted twice in an epoch, nor two have been elected in one.

HOLDFAST_RESTART_STEPS=all runs every step with every victim, restarted at once and a second later; the short tier runs a few.
"""

import os
import re
import signal
import threading
import time

import pytest

from harness import Group, Workspace, poll

STEPS = [
    "+sdown", "+odown", "+new-epoch", "+try-failover", "+vote-for-leader", "+elected-leader",
    "+failover-state-select-slave", "+selected-slave", "+failover-state-send-slaveof-noone",
    "+failover-state-wait-promotion", "+promoted-slave", "+failover-state-reconf-slaves", "+switch-master",
    "+slave-reconf-sent", "+slave-reconf-inprog", "+slave-reconf-done", "+failover-end",
]  # fmt: skip
VICTIMS = ["leader", "follower", "all"]

if os.environ.get("HOLDFAST_RESTART_STEPS") == "all":
    CASES = [(step, victims, pause) for step in STEPS for victims in VICTIMS for pause in (0, 1)]
    POINTS = ["crash-after-election", "crash-after-promotion"]
else:
    POINTS = ["crash-after-election"]
    CASES = [
        ("+vote-for-leader", "all", 0),
        ("+elected-leader", "leader", 0),
        ("+promoted-slave", "all", 0),
        ("+switch-master", "follower", 1),
    ]


class KillAt:
    """Listens to all sentinels; at the first event of that name kills the victims, from the listening thread."""

    def __init__(self, sentinels, step, victims):
        self._sentinels, self._step, self._victims = sentinels, step, victims
        self._lock = threading.Lock()
        self.killed = []
        self.done = threading.Event()
        for sentinel in sentinels:
            pubsub = sentinel.client(60).pubsub()
            pubsub.psubscribe("*")
            pubsub.get_message(timeout=5)
            threading.Thread(target=self._listen, args=(sentinel, pubsub), daemon=True).start()

    def _listen(self, sentinel, pubsub):
        try:
            for message in pubsub.listen():
                about_primary = self._step != "+sdown" or str(message["data"]).startswith("master ")
                if message["type"] == "pmessage" and message["channel"] == self._step and about_primary:
                    return self._kill(sentinel)
                if self.done.is_set():
                    return
        except Exception:  # that sentinel is dead
            return

    def _kill(self, leader):
        with self._lock:
            if self.done.is_set():
                return
            others = [s for s in self._sentinels if s is not leader]
            self.killed = {"leader": [leader], "follower": others[:1], "all": [leader, *others]}[self._victims]
            for victim in self.killed:
                victim.signal(signal.SIGKILL)
            self.done.set()


def votes_of(sentinel):
    """What its log says of all its lives: {epoch: leaders it voted for}, and the epochs in which it was elected."""
    votes, elected, newest = {}, [], None
    for event, rest in re.findall(r" (\+vote-for-leader|\+elected-leader) (.*)", sentinel.log()):
        if event == "+vote-for-leader":
            leader, epoch = rest.split()
            votes.setdefault(int(epoch), set()).add(leader)
            newest = int(epoch)
        else:
            elected.append(newest)
    return votes, elected


def check_votes(sentinels):
    leaders = {}
    for sentinel in sentinels:
        votes, elected = votes_of(sentinel)
        assert all(len(given) == 1 for given in votes.values()), f"{sentinel.name} voted twice: {votes}"
        for epoch in elected:
            assert leaders.setdefault(epoch, sentinel.name) == sentinel.name, f"two leaders in epoch {epoch}"
    assert leaders, "nobody was ever elected"


def follows(node, address):
    replication = node.info("replication")
    if node.address == address:
        return replication["role"] == "master"
    return (
        replication["role"] == "slave"
        and (replication["master_host"], int(replication["master_port"])) == address
        and replication["master_link_status"] == "up"
    )


def check_recovery(group, nodes, old):
    """One primary, other than `old`, named by all sentinels with one epoch, and followed by all of these nodes."""

    def agreed():
        states = []
        for sentinel in group.sentinels:
            with sentinel.client() as client:
                states.append(client.sentinel_master(group.name))
        addresses = {(s["ip"], s["port"]) for s in states}
        if len(addresses) != 1 or addresses == {old} or len({s["config-epoch"] for s in states}) != 1:
            return None
        address = addresses.pop()
        healthy = all(s["flags"] == "master" for s in states)
        return address if healthy and all(follows(node, address) for node in nodes) else None

    return poll(agreed, 30, "one primary is named by all sentinels and followed by all nodes")


def start_group(space):
    return Group(space, down_after_ms=300, extra="sentinel failover-timeout myprimary 2000\n")


def restart(space, group, killed, pause):
    for sentinel in killed:
        sentinel.child.wait()
    time.sleep(pause)  # the case's own: how long they stay away
    for sentinel in killed:
        again = space.sentinel(sentinel.name, port=sentinel.port, wait=False)
        group.sentinels[group.sentinels.index(sentinel)] = again
    for sentinel in group.sentinels:
        sentinel.wait_ready()


def finish(space, group):
    """The group recovers, also with its old primary back as it was."""
    old = group.primary
    address = check_recovery(group, group.nodes[1:], old.address)
    returned = space.node("primary", port=old.port)
    assert check_recovery(group, [*group.nodes[1:], returned], old.address) == address
    check_votes(group.sentinels)


@pytest.mark.parametrize("step,victims,pause", CASES)
def test_sentinels_killed_at_a_step_of_a_failover(step, victims, pause):
    with Workspace() as space:
        group = start_group(space)
        killing = KillAt(group.sentinels, step, victims)
        group.primary.kill()
        assert killing.done.wait(30), f"no {step}"
        restart(space, group, killing.killed, pause)
        finish(space, group)


@pytest.mark.parametrize("point", POINTS)
def test_every_leader_crashes_once(point):
    """Each of them crashes when it leads, and comes back without the order to do so again."""
    with Workspace() as space:
        group = start_group(space)
        for sentinel in group.sentinels:
            assert sentinel.cli("SENTINEL", "SIMULATE-FAILURE", point).strip() == "OK"
        group.primary.kill()
        dead = poll(lambda: [s for s in group.sentinels if not s.running()], 30, "a leader crashes")
        restart(space, group, dead[:1], 0)
        assert dead[0].child.returncode == 99

        def bring_back():
            for sentinel in [s for s in group.sentinels if not s.running()]:
                restart(space, group, [sentinel], 0)
            return {group.address_by(s) for s in group.sentinels} - {group.primary.address}

        poll(bring_back, 30, "a leader that does not crash gets through")
        finish(space, group)
