"""Our sentinels over real redis-server data nodes: discovery, failover and its events, restarts, shared conf files."""

import re
import shutil
import signal
import socket
import statistics
import threading
import time

import pytest

from harness import HOLDFAST, REDIS, SLOW, Failure, Workspace, free_port, poll, redis_cli

NAME = "mymaster"


class Events:
    """Everything that a sentinel publishes, collected by a thread."""

    def __init__(self, sentinel):
        self.seen = []
        self.client = sentinel.client()
        self.pubsub = self.client.pubsub()
        self.pubsub.psubscribe("*")
        self.pubsub.get_message(timeout=5)
        self.stopping = False
        self.thread = threading.Thread(target=self._collect, daemon=True)
        self.thread.start()

    def _collect(self):
        while not self.stopping:
            try:
                message = self.pubsub.get_message(timeout=0.1)
            except Exception:  # the sentinel went away: what was seen stays
                return
            if message and message["type"] == "pmessage":
                self.seen.append((time.monotonic(), message["channel"], message["data"]))

    def all(self, channel):
        return [data for _, name, data in self.seen if name == channel]

    def time_of(self, channel):
        return next((at for at, name, _ in self.seen if name == channel), None)

    def wait(self, channel, seconds=15):
        poll(lambda: self.all(channel), seconds, f"event {channel}")
        return self.all(channel)[0]

    def stop(self):
        self.stopping = True
        self.thread.join()
        self.client.close()


class Deployment:
    """redis-server nodes and sentinels of any kind, settled."""

    def __init__(self, space, kinds=(HOLDFAST,) * 3, replicas=2, down_after_ms=1000, quorum=None, extra=""):
        self.space = space
        node_conf = 'save ""\nrepl-diskless-sync-delay 0\n'
        self.primary = space.node("primary", node_conf, kind=REDIS)
        self.replicas = [
            space.node(f"replica{i}", node_conf + f"replicaof 127.0.0.1 {self.primary.port}\n", kind=REDIS)
            for i in range(1, replicas + 1)
        ]
        self.nodes = [self.primary, *self.replicas]
        self.conf = (
            f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} {quorum or len(kinds) // 2 + 1}\n"
            f"sentinel down-after-milliseconds {NAME} {down_after_ms}\n"
            f"sentinel failover-timeout {NAME} 60000\n{extra}"
        )
        self.sentinels = [space.sentinel(f"sentinel{i}", self.conf, kind=kind) for i, kind in enumerate(kinds, 1)]
        self.wait_settled()

    def wait_settled(self):
        def knows_all(sentinel):
            with sentinel.client() as client:
                state = client.sentinel_master(NAME)
                around = client.sentinel_slaves(NAME) + client.sentinel_sentinels(NAME)
                return (
                    state["num-slaves"] == len(self.nodes) - 1
                    and state["num-other-sentinels"] == len(self.sentinels) - 1
                    and not any(x["is_sdown"] or x["is_disconnected"] for x in [state, *around])
                    and all(x["master-link-status"] == "ok" for x in around if "master-link-status" in x)
                )

        poll(lambda: all(knows_all(s) for s in self.sentinels), 40, "every sentinel knows the whole group")

    def address(self, sentinel):
        with sentinel.client() as client:
            return client.sentinel_get_master_addr_by_name(NAME)

    def agreed_address(self):
        found = {self.address(s) for s in self.sentinels if s.running()}
        return found.pop() if len(found) == 1 else None

    def wait_switched(self, seconds=20):
        old = self.primary.address
        poll(lambda: (a := self.agreed_address()) and a != old, seconds, "all sentinels name a new primary", 0.005)
        new = next(n for n in self.nodes if n.address == self.agreed_address())
        poll(lambda: new.info("replication")["role"] == "master", 5, "the node they name is a primary")
        return new


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


def sentinel_state(sentinel):
    with sentinel.client() as client:
        return client.sentinel_master(NAME)


def test_a_group_finds_itself(space):
    group = Deployment(space)
    ids = [s.cli("SENTINEL", "MYID").strip() for s in group.sentinels]
    assert len(set(ids)) == 3 and all(re.fullmatch(r"[0-9a-f]{40}", i) for i in ids)
    for i, sentinel in enumerate(group.sentinels):
        with sentinel.client() as client:
            assert {x["runid"] for x in client.sentinel_sentinels(NAME)} == set(ids) - {ids[i]}
            assert {x["port"] for x in client.sentinel_slaves(NAME)} == {r.port for r in group.replicas}
            assert sentinel.cli("SENTINEL", "CKQUORUM", NAME).startswith("OK 3 usable Sentinels.")
            names = [c["name"] for c in redis_clients(group.primary)]
        assert f"sentinel-{ids[i][:8]}-cmd" in names and f"sentinel-{ids[i][:8]}-pubsub" in names


def redis_clients(node):
    with node.client() as client:
        return client.client_list()


def test_kill_9_is_answered_by_a_failover_that_all_follow(space):
    group = Deployment(space)
    ids = {s.port: s.cli("SENTINEL", "MYID").strip() for s in group.sentinels}
    events = {s.port: Events(s) for s in group.sentinels}
    old = group.primary
    old.kill()
    new = group.wait_switched()
    leader = poll(lambda: next((p for p, e in events.items() if e.all("+failover-end")), None), 15, "+failover-end")
    other = next(r for r in group.replicas if r is not new)
    poll(lambda: other.info("replication")["master_port"] == new.port, 10, "the other replica follows")

    master = f"master {NAME} 127.0.0.1 {old.port}"
    at_old = f"@ {NAME} 127.0.0.1 {old.port}"
    at_new = f"@ {NAME} 127.0.0.1 {new.port}"

    def slave(node):
        return f"slave 127.0.0.1:{node.port} 127.0.0.1 {node.port}"

    led = events[leader]
    epochs = {sentinel_state(s)["config-epoch"] for s in group.sentinels}
    assert len(epochs) == 1
    epoch = epochs.pop()  # 1, but for a vote that was split on a busy machine
    vote = f"{ids[leader]} {epoch}"
    assert str(epoch) in led.all("+new-epoch") and vote in led.all("+vote-for-leader")
    for channel, payload in {
        "+sdown": master,
        "+odown": f"{master} #quorum 2/2",
        "+try-failover": master,
        "+elected-leader": master,
        "+failover-state-select-slave": master,
        "+selected-slave": f"{slave(new)} {at_old}",
        "+failover-state-send-slaveof-noone": f"{slave(new)} {at_old}",
        "+failover-state-wait-promotion": f"{slave(new)} {at_old}",
        "+promoted-slave": f"{slave(new)} {at_old}",
        "+failover-state-reconf-slaves": master,
        "+switch-master": f"{NAME} 127.0.0.1 {old.port} 127.0.0.1 {new.port}",
    }.items():
        found = led.all(channel)
        assert found, channel
        assert re.sub(r"#quorum [23]/2", "#quorum 2/2", found[0]) == payload, channel
    for channel in ("+slave-reconf-sent", "+slave-reconf-inprog", "+slave-reconf-done"):
        assert led.wait(channel).startswith(slave(other)), channel
    assert led.all("+failover-end")[0].startswith(f"master {NAME} 127.0.0.1 ")
    order = [name for _, name, _ in led.seen]
    expected = ["+sdown", "+odown", "+try-failover", "+elected-leader", "+selected-slave", "+promoted-slave", "+switch-master"]
    assert list(dict.fromkeys(n for n in order if n in expected)) == expected

    followers = [seen for port, seen in events.items() if port != leader]
    assert any(vote in seen.all("+vote-for-leader") for seen in followers)
    for seen in followers:
        assert seen.wait("+switch-master") == f"{NAME} 127.0.0.1 {old.port} 127.0.0.1 {new.port}"
        assert seen.wait("+config-update-from") == f"sentinel {ids[leader]} 127.0.0.1 {leader} {at_old}"

    # It returns, as a primary of its own belief, and is made a replica.
    back = space.node("primary", kind=REDIS, port=old.port, wait=True)
    poll(lambda: back.info("replication")["role"] == "slave", 30, "the old primary becomes a replica")
    assert back.info("replication")["master_port"] == new.port
    converted = poll(lambda: [d for e in events.values() for d in e.all("+convert-to-slave")], 5, "+convert-to-slave")
    assert set(converted) == {f"{slave(back)} {at_new}"}
    poll(lambda: all(sentinel_state(s)["num-slaves"] == 2 for s in group.sentinels), 10, "nobody is lost or counted twice")
    for seen in events.values():
        seen.stop()


def test_a_mixed_quorum_fails_over(space):
    group = Deployment(space, kinds=(HOLDFAST, HOLDFAST, REDIS))
    group.primary.kill()
    new = group.wait_switched(30)
    with new.client() as client:
        assert client.set("k", "v")
    assert {sentinel_state(s)["config-epoch"] for s in group.sentinels} == {1}


def test_ours_votes_for_a_real_sentinel(space):
    """Two real ones can only win with our vote: ours is a third of the voters, quorum and majority are two."""
    group = Deployment(space, kinds=(REDIS, REDIS, HOLDFAST), quorum=3)
    group.primary.kill()
    new = group.wait_switched(40)
    assert new in group.replicas


@pytest.mark.alone
def test_failover_time_past_detection(space):
    """From kill -9 to +switch-master, less down-after."""
    samples = []
    group = Deployment(space)
    for _ in range(3):
        events = [Events(s) for s in group.sentinels]
        old = group.primary
        killed = time.monotonic()
        old.kill()
        new = group.wait_switched()
        for seen in events:
            seen.wait("+switch-master")
        samples.append(min(e.time_of("+switch-master") for e in events) - killed - 1.0)
        for seen in events:
            seen.stop()
        back = space.node(old.name, kind=REDIS, port=old.port)
        poll(lambda: back.info("replication")["role"] == "slave", 30, "the old primary becomes a replica")
        group.nodes = [back if n is old else n for n in group.nodes]
        group.primary = new
        group.wait_settled()
    assert statistics.median(samples) < 0.1 * SLOW, samples


def test_an_ordered_failover(space):
    group = Deployment(space, down_after_ms=30000)
    events = Events(group.sentinels[0])
    started = time.monotonic()
    assert group.sentinels[0].cli("SENTINEL", "FAILOVER", NAME).strip() == "OK"
    new = group.wait_switched()
    assert time.monotonic() - started < 5 * SLOW
    assert events.wait("+switch-master") == f"{NAME} 127.0.0.1 {group.primary.port} 127.0.0.1 {new.port}"
    poll(lambda: group.primary.info("replication")["role"] == "slave", 30, "the former primary follows")
    events.stop()


def test_state_survives_a_restart(space):
    group = Deployment(space)
    group.primary.kill()
    new = group.wait_switched()
    sentinel = group.sentinels[0]
    poll(lambda: "current-epoch 1" in (sentinel.folder / "sentinel1.conf").read_text(), 5, "the epoch is saved")
    before = (sentinel.cli("SENTINEL", "MYID"), group.address(sentinel), sentinel_state(sentinel)["config-epoch"])
    for number in (signal.SIGKILL, signal.SIGTERM):
        sentinel.signal(number)
        sentinel.wait_exit()
        sentinel = space.sentinel("sentinel1", port=sentinel.port)
        after = (sentinel.cli("SENTINEL", "MYID"), group.address(sentinel), sentinel_state(sentinel)["config-epoch"])
        assert after == before and group.address(sentinel) == new.address
        with sentinel.client() as client:
            assert len(client.sentinel_slaves(NAME)) == 2 and len(client.sentinel_sentinels(NAME)) == 2


@pytest.mark.parametrize("first,second", [(HOLDFAST, REDIS), (REDIS, HOLDFAST)])
def test_each_reads_the_file_that_the_other_has_written(space, first, second):
    group = Deployment(space, kinds=(first, HOLDFAST, HOLDFAST))
    sentinel = group.sentinels[0]
    # Not auth-pass with spaces: the reference cannot read back what it writes then.
    assert sentinel.cli("SENTINEL", "SET", NAME, "parallel-syncs", "2", "down-after-milliseconds", "2345").strip() == "OK"
    identity = sentinel.cli("SENTINEL", "MYID")
    assert sentinel.stop() == 0
    taken = space.sentinel("sentinel1", kind=second, port=sentinel.port)
    assert taken.cli("SENTINEL", "MYID") == identity
    group.sentinels[0] = taken
    group.wait_settled()
    state = sentinel_state(taken)
    assert state["parallel-syncs"] == 2 and state["down-after-milliseconds"] == 2345
    assert taken.cli("SENTINEL", "FLUSHCONFIG").strip() == "OK"
    assert taken.stop() == 0
    group.sentinels[0] = space.sentinel("sentinel1", kind=first, port=sentinel.port)
    group.wait_settled()


def test_comments_and_order_are_kept(space):
    conf = f"# ours\nloglevel verbose\n\n# watched\nsentinel monitor {NAME} 127.0.0.1 {free_port()} 1\n# end\n"
    sentinel = space.sentinel("sentinel", conf)
    assert sentinel.cli("SENTINEL", "SET", NAME, "auth-pass", 'a "b" c').strip() == "OK"
    text = (sentinel.folder / "sentinel.conf").read_text()
    lines = text.splitlines()
    assert [lines.index(x) for x in ("# ours", "loglevel verbose", "# watched", "# end")] == sorted(
        lines.index(x) for x in ("# ours", "loglevel verbose", "# watched", "# end"))
    assert re.search(r'^sentinel auth-pass mymaster "a \\"b\\" c"$', text, re.M), text
    assert sentinel.stop() == 0
    again = space.sentinel("sentinel", port=sentinel.port)
    assert again.running()


def test_passwords_are_used_and_never_shown(space):
    node = space.node("primary", 'save ""\nrequirepass s3cret\nmasterauth s3cret\n', password="s3cret", kind=REDIS)
    replica = space.node(
        "replica", f'save ""\nrequirepass s3cret\nmasterauth s3cret\nreplicaof 127.0.0.1 {node.port}\n', password="s3cret",
        kind=REDIS)
    conf = (
        f"requirepass outer\nsentinel sentinel-pass outer\nsentinel monitor {NAME} 127.0.0.1 {node.port} 2\n"
        f"sentinel down-after-milliseconds {NAME} 1000\nsentinel auth-pass {NAME} s3cret\n"
    )
    sentinels = [space.sentinel(f"sentinel{i}", conf, wait=False) for i in (1, 2)]
    for sentinel in sentinels:
        sentinel.password = "outer"
        sentinel.wait_ready()

    def settled():
        return all(
            sentinel_state(s)["num-slaves"] == 1 and sentinel_state(s)["num-other-sentinels"] == 1
            and not sentinel_state(s)["is_sdown"] for s in sentinels
        )

    poll(settled, 20, "the sentinels log in everywhere")
    assert "NOAUTH" in redis_cli(sentinels[0].port, "SENTINEL", "MASTERS")
    assert sentinels[0].cli("SENTINEL", "SET", NAME, "auth-pass", "s3cret").strip() == "OK"
    node.kill()
    poll(lambda: replica.info("replication")["role"] == "master", 20, "the replica is promoted")
    assert all("s3cret" not in s.log() and "outer" not in s.log() for s in sentinels)


def test_nodes_with_renamed_commands_are_failed_over(space):
    renamed = {"SLAVEOF": "follow-x", "CONFIG": "config-x", "PUBLISH": "publish-x", "CLIENT": "client-x"}
    node_conf = 'save ""\n' + "".join(f"rename-command {old} {new}\n" for old, new in renamed.items())
    primary = space.node("primary", node_conf, kind=REDIS)
    replica = space.node("replica", node_conf + f"replicaof 127.0.0.1 {primary.port}\n", kind=REDIS)
    conf = f"sentinel monitor {NAME} 127.0.0.1 {primary.port} 2\nsentinel down-after-milliseconds {NAME} 1000\n"
    conf += "".join(f"sentinel rename-command {NAME} {old} {new}\n" for old, new in renamed.items())
    sentinels = [space.sentinel(f"sentinel{i}", conf) for i in (1, 2)]

    def settled():
        return all(
            (state := sentinel_state(s))["num-slaves"] == 1 and state["num-other-sentinels"] == 1 for s in sentinels
        ) and replica.info("replication")["master_link_status"] == "up"

    poll(settled, 20, "the sentinels find each other by renamed commands")
    primary.kill()
    poll(lambda: replica.info("replication")["role"] == "master", 20, "the replica is promoted")
    assert f"sentinel rename-command {NAME} SLAVEOF follow-x" in (sentinels[0].folder / "sentinel1.conf").read_text()


def test_a_sentinels_own_commands_can_be_renamed(space):
    conf = f'rename-command SHUTDOWN ""\nsentinel monitor {NAME} 127.0.0.1 {free_port()} 1\n'
    sentinel = space.sentinel("sentinel", conf)
    assert "unknown command" in sentinel.cli("SHUTDOWN")
    wrong = space.sentinel("wrong", 'rename-command NOPE ""\n', wait=False)
    assert wrong.wait_exit() == 1


def test_a_password_hash_of_a_rewritten_file_counts(space):
    sentinel = space.sentinel("sentinel", f"requirepass s3cret\nsentinel monitor {NAME} 127.0.0.1 {free_port()} 1\n", kind=REDIS,
                              wait=False)
    sentinel.password = "s3cret"
    sentinel.wait_ready()
    assert sentinel.stop() == 0
    path = sentinel.folder / "sentinel.conf"
    assert re.search(r"^user default on #[0-9a-f]{64} ", path.read_text(), re.M)
    path.write_text(re.sub(r"^requirepass .*\n", "", path.read_text(), flags=re.M))
    ours = space.sentinel("sentinel", port=sentinel.port, wait=False)
    ours.password = "s3cret"
    ours.wait_ready()
    assert "NOAUTH" in ours.cli("ROLE", auth=False)


def test_monitor_and_remove_at_run_time(space):
    primary = space.node("primary", 'save ""\n', kind=REDIS)
    sentinel = space.sentinel("sentinel")
    events = Events(sentinel)
    assert sentinel.cli("SENTINEL", "MONITOR", "late", "127.0.0.1", primary.port, 1).strip() == "OK"
    assert events.wait("+monitor") == f"master late 127.0.0.1 {primary.port} quorum 1"
    with sentinel.client() as client:
        poll(lambda: client.sentinel_master("late")["flags"] == "master" and client.sentinel_master("late")["runid"], 5,
             "the primary answers")
        assert client.execute_command("SENTINEL INFO-CACHE", "late")[1][0][1].startswith("# Server")
    assert sentinel.cli("SENTINEL", "REMOVE", "late").strip() == "OK"
    assert events.wait("-monitor") == f"master late 127.0.0.1 {primary.port}"
    assert "late" not in (sentinel.folder / "sentinel.conf").read_text()
    events.stop()


def test_a_failed_save_loses_no_vote_and_heals(space):
    """While the file's folder is gone, our vote is withheld; another sentinel's candidate gets no answer to count."""
    sentinel = space.sentinel("sentinel", f"sentinel monitor {NAME} 127.0.0.1 {free_port()} 2\n")
    port = sentinel_state(sentinel)["port"]
    hidden = space.folder / "hidden"
    shutil.move(sentinel.folder, hidden)
    candidate = "a" * 40
    ask = ("SENTINEL", "IS-MASTER-DOWN-BY-ADDR", "127.0.0.1", port, 7, candidate)
    with sentinel.client() as client:
        assert client.execute_command(*ask)[1:] == ["*", 0]
        shutil.move(hidden, sentinel.folder)
        poll(lambda: client.execute_command("SENTINEL FLUSHCONFIG") in (True, "OK", b"OK"), 5, "the file can be saved again")
        poll(lambda: "leader-epoch" in (sentinel.folder / "sentinel.conf").read_text()
             or client.execute_command(*ask[:4], 8, candidate)[1:] == [candidate, 8], 5, "votes are given again")


def test_ends_in_order(space):
    conf = f"sentinel monitor {NAME} 127.0.0.1 {free_port()} 1\n"
    for number in (signal.SIGTERM, signal.SIGINT):
        sentinel = space.sentinel(f"by-signal-{int(number)}", conf, "--pidfile", space.folder / f"{int(number)}.pid")
        assert (space.folder / f"{int(number)}.pid").read_text().strip() == str(sentinel.pid)
        sentinel.child.send_signal(signal.SIGHUP)
        assert sentinel.cli("PING").strip() == "PONG"
        sentinel.signal(number)
        assert sentinel.wait_exit() == 0
        assert not (space.folder / f"{int(number)}.pid").exists()
    sentinel = space.sentinel("by-command", conf)
    sentinel.cli("SHUTDOWN", "NOSAVE")
    assert sentinel.wait_exit() == 0


@pytest.mark.parametrize("point", ["crash-after-election", "crash-after-promotion"])
def test_another_sentinel_finishes_what_a_crashed_leader_began(space, point):
    group = Deployment(space)
    for sentinel in group.sentinels[:2]:  # whichever of them leads, one that does not crash is left beside a second
        assert sentinel.cli("SENTINEL", "SIMULATE-FAILURE", point).strip() == "OK"
    for sentinel in group.sentinels:
        sentinel.cli("SENTINEL", "SET", NAME, "failover-timeout", "3000")
    group.primary.kill()

    def crashed_or_done():
        return any(not s.running() for s in group.sentinels) or (group.agreed_address() or group.primary.address) != group.primary.address

    poll(crashed_or_done, 20, "a leader crashes or the third leads")
    for sentinel in group.sentinels[:2]:
        if not sentinel.running():
            assert sentinel.wait_exit() == 99
        else:  # the next leader must not crash
            sentinel_port = sentinel.port
            sentinel.kill()
            space.sentinel(sentinel.name, port=sentinel_port)
    group.sentinels = [s for s in space.processes if s.name.startswith("sentinel") and s.running()]
    group.wait_switched(40)


def test_a_suspended_sentinel_does_not_cry_wolf(space):
    """After a pause longer than down-after its own silence must not be taken for the others'."""
    group = Deployment(space)
    sentinel = group.sentinels[0]
    events = Events(group.sentinels[1])
    sentinel.pause()
    time.sleep(2.5)
    sentinel.resume()
    poll(lambda: sentinel_state(sentinel)["flags"] == "master", 10, "it sees the primary")
    deadline = time.monotonic() + 2
    while time.monotonic() < deadline:
        assert group.address(sentinel) == group.primary.address
        time.sleep(0.05)
    assert not events.all("+switch-master") and not events.all("+odown")
    events.stop()


def test_it_knows_its_peers_pubsub_and_commands_in_any_protocol(space):
    sentinel = space.sentinel("sentinel", f"sentinel monitor {NAME} 127.0.0.1 {free_port()} 1\n")
    with socket.create_connection(sentinel.address) as raw:
        raw.settimeout(5)
        raw.sendall(b"PING\r\nSENTINEL get-master-addr-by-name nobody\r\nHELLO 3\r\nSUBSCRIBE a\r\nSENTINEL myid\r\n")
        data = b""
        deadline = time.monotonic() + 5 * SLOW
        while data.count(b"\r\n") < 25 and time.monotonic() < deadline:
            try:
                data += raw.recv(65536)
            except TimeoutError:
                break
            if re.search(rb"\$40\r\n[0-9a-f]{40}\r\n$", data):
                break
    assert data.startswith(b"+PONG\r\n*-1\r\n%6\r\n")
    assert b">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n" in data
    assert re.search(rb"\$40\r\n[0-9a-f]{40}\r\n$", data)


def scripts_conf(space, kind, body):
    """A sentinel.conf's lines for a script that notes its arguments and then does `body`; and where it notes them."""
    folder = space.folder / f"scripts-{kind}"
    folder.mkdir()
    noted = folder / "noted"
    script = folder / "script"
    script.write_text(f'#!/bin/sh\nIFS="|"; echo "$*" >> {noted}\n{body}\n')
    script.chmod(0o755)
    conf = f"sentinel notification-script {NAME} {script}\nsentinel client-reconfig-script {NAME} {script}\n"
    return conf, noted, script


def notes(noted):
    return [line.split("|") for line in noted.read_text().splitlines()] if noted.exists() else []


@pytest.mark.parametrize("kind", [HOLDFAST, REDIS])
def test_scripts_are_told_of_a_failover(space, kind):
    conf, noted, _ = scripts_conf(space, kind, "exit 0")
    group = Deployment(space, kinds=(kind,) * 3, extra=conf)
    old = group.primary
    old.kill()
    new = group.wait_switched(60)
    moved = ["start", "127.0.0.1", str(old.port), "127.0.0.1", str(new.port)]
    switched = ["+switch-master", f"{NAME} 127.0.0.1 {old.port} 127.0.0.1 {new.port}"]

    def complete():
        seen = notes(noted)
        return seen.count([NAME, "leader", *moved]) == 1 and seen.count([NAME, "observer", *moved]) == 2 and seen.count(switched) == 3

    poll(complete, 30, "the scripts of all three sentinels ran")
    events = {words[0] for words in notes(noted) if len(words) == 2}
    expected = {"+sdown", "+odown", "+new-epoch", "+try-failover", "+vote-for-leader", "+elected-leader", "+selected-slave",
                "+promoted-slave", "+switch-master", "+failover-state-reconf-slaves", "+config-update-from"}  # fmt: skip
    assert expected <= events, expected - events
    assert ["+sdown", f"master {NAME} 127.0.0.1 {old.port}"] in notes(noted)
    assert not {"+slave", "+sentinel", "+slave-reconf-sent"} & events  # no warnings


@pytest.mark.parametrize("kind", [HOLDFAST, REDIS])
def test_scripts_that_fail_are_retried_or_reported(space, kind):
    """Exit status 1 waits for another try, 2 is an error at once."""
    conf, noted, script = scripts_conf(space, kind, '[ "$1" = +reset-master ] && exit 1; [ "$1" = "+set" ] && exit 2; exit 0')
    sentinel = Deployment(space, kinds=(kind,), replicas=0, extra=conf).sentinels[0]
    events = Events(sentinel)
    with sentinel.client() as client:
        client.execute_command("SENTINEL", "SET", NAME, "quorum", "1")
        events.wait("-script-error")
        assert events.all("-script-error") == [f"{script} 0 2"]
        client.execute_command("SENTINEL", "RESET", NAME)
        poll(lambda: any(words[0] == "+reset-master" for words in notes(noted)), 10, "the script ran")

        def scheduled():
            waiting = client.execute_command("SENTINEL", "PENDING-SCRIPTS")
            return waiting if waiting and dict(zip(waiting[0][::2], waiting[0][1::2]))["flags"] == "scheduled" else None

        (entry,) = poll(scheduled, 10, "the next try is scheduled")
        fields = dict(zip(entry[::2], entry[1::2]))
        assert list(fields) == ["argv", "flags", "pid", "run-delay", "retry-num"]
        assert fields["argv"] == [str(script), "+reset-master", f"master {NAME} 127.0.0.1 {sentinel_state(sentinel)['port']}"]
        assert (fields["pid"], fields["retry-num"]) == ("0", "1") and 20_000 < int(fields["run-delay"]) <= 30_000
        info = client.info("sentinel")
        assert (info["sentinel_running_scripts"], info["sentinel_scripts_queue_length"]) == (0, 1)
    events.stop()


def test_a_script_that_hangs_is_killed_and_tried_again(space):
    conf, noted, script = scripts_conf(space, HOLDFAST, '[ "$1" = "+set" ] && exec sleep 600; exit 0')
    sentinel = Deployment(space, kinds=(HOLDFAST,), replicas=0, extra=conf).sentinels[0]
    events = Events(sentinel)
    with sentinel.client() as client:
        client.execute_command("SENTINEL", "DEBUG", "SCRIPT-MAX-RUNTIME", "300", "SCRIPT-RETRY-DELAY", "100")
        client.execute_command("SENTINEL", "SET", NAME, "quorum", "1")
        poll(lambda: len([w for w in notes(noted) if w[0] == "+set"]) >= 3, 20, "it was tried three times")
        assert all(re.fullmatch(rf"{re.escape(str(script))} \d+", text) for text in events.all("-script-timeout"))
        client.execute_command("SENTINEL", "DEBUG", "SCRIPT-MAX-RUNTIME", "60000")
        (entry,) = poll(lambda: client.execute_command("SENTINEL", "PENDING-SCRIPTS"), 10, "it is there")
        assert int(dict(zip(entry[::2], entry[1::2]))["retry-num"]) >= 2
    events.stop()


@pytest.mark.parametrize("option", ["notification-script", "client-reconfig-script"])
def test_a_script_that_cannot_be_executed_is_refused(space, option):
    words = {"notification-script": "Notification script", "client-reconfig-script": "Client reconfiguration script"}[option]
    conf = f"sentinel monitor {NAME} 127.0.0.1 1 1\nsentinel deny-scripts-reconfig no\n"
    for kind in (HOLDFAST, REDIS):
        sentinel = space.sentinel(kind, conf, kind=kind)
        replies = [sentinel.cli("SENTINEL", "SET", NAME, option, path).strip() for path in ("/nowhere/script", "")]
        assert replies == [f"ERR {words} seems non existing or non executable", "OK"]
        with pytest.raises(Failure, match=f"{words} seems non existing or non executable\\."):
            space.sentinel(f"{kind}-at-start", f"{conf}sentinel {option} {NAME} /nowhere/script\n", kind=kind)


def test_what_is_gone_for_good_can_be_forgotten(space):
    group = Deployment(space)
    replica, gone = group.replicas[0], group.sentinels[2]
    connections = f"name=sentinel-{gone.cli('SENTINEL', 'MYID')[:8]}-"
    living = [group.primary, group.replicas[1], *group.sentinels[:2]]
    assert all(connections in x.cli("CLIENT", "LIST") for x in living)
    replica.kill()
    gone.kill()
    # A hello of its last moment that a node has yet to read would make it known again.
    poll(lambda: not any(connections in x.cli("CLIENT", "LIST") for x in living), 10, "all that it sent has been read")
    for sentinel in group.sentinels[:2]:
        for port in (replica.port, gone.port):
            assert sentinel.cli("SENTINEL", "FORGET", NAME, "127.0.0.1", str(port)).strip() == "OK"
        state = sentinel_state(sentinel)
        assert (state["num-slaves"], state["num-other-sentinels"]) == (1, 1)
        second = sentinel.cli("SENTINEL", "FORGET", NAME, "127.0.0.1", str(gone.port)).strip()
        assert second == "ERR No such replica or sentinel with that address"
    # It is not told of again by the others, nor remembered over a restart.
    group.sentinels[0].stop()
    group.sentinels[0] = again = space.sentinel("sentinel1", port=group.sentinels[0].port)
    poll(lambda: sentinel_state(again)["num-other-sentinels"] == 1, 20, "the other sentinel is known")
    assert sentinel_state(again)["num-slaves"] == 1
    group.primary.kill()
    poll(lambda: group.address(again) == group.replicas[1].address, 20, "two of two elect")
