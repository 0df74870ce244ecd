"""A restarted sentinel asks its peers before it answers; an old primary that returns steps down at once."""

import select
import socket
import time
import urllib.error
import urllib.request

import pytest

from harness import HOLDFAST, REDIS, SLOW, Group, Workspace, poll

pytestmark = pytest.mark.alone  # most of them say how long something takes


@pytest.fixture
def space():
    with Workspace() as workspace:
        yield workspace


def first_answer(sentinel, name):
    """What the sentinel tells a client that connects as soon as it can, and after how many seconds."""
    started = time.monotonic()

    def answer():
        with sentinel.client() as client:
            return client.sentinel_get_master_addr_by_name(name)

    found = poll(answer, 10, "an answer of the restarted sentinel", 0.001)
    return (found[0], int(found[1])), time.monotonic() - started


def restart(space, sentinel):
    return space.sentinel(sentinel.name, port=sentinel.port, wait=False)


@pytest.mark.parametrize("peers", [HOLDFAST, REDIS])
def test_its_first_answer_is_what_the_others_know(space, peers):
    group = Group(space, down_after_ms=500, sentinels=1)
    monitor = f"sentinel monitor {group.name} 127.0.0.1 {group.primary.port} 2\n"
    monitor += f"sentinel down-after-milliseconds {group.name} 500\n"
    monitor += f"sentinel failover-timeout {group.name} 3000\n"  # real ones try again after twice that, if they split
    group.sentinels += [space.sentinel(f"sentinel{i}", monitor, kind=peers) for i in (2, 3)]
    group.wait_settled()
    group.sentinels[0].kill()
    group.primary.kill()
    others, ours = group.sentinels[1:], group.sentinels[0]
    new = poll(
        lambda: (a := {group.address_by(s) for s in others}) and len(a) == 1 and a != {group.primary.address} and a.pop(),
        30, "the others have failed over")  # fmt: skip
    address, seconds = first_answer(restart(space, ours), group.name)
    assert address == new
    assert seconds < 2 * SLOW


def test_it_answers_from_its_file_where_no_peer_lives(space):
    group = Group(space, down_after_ms=500)
    for sentinel in group.sentinels:
        sentinel.kill()
    taken = []
    for _ in range(3):  # the best of three: a busy machine may be slow to start a process
        again = restart(space, group.sentinels[0])
        address, seconds = first_answer(again, group.name)
        assert address == group.primary.address
        taken.append(seconds)
        again.kill()
    assert min(taken) < 0.9 * SLOW


def test_a_peer_that_hangs_is_waited_for_a_second(space):
    group = Group(space, down_after_ms=30000, http=True)
    ours, *others = group.sentinels

    def ready():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ours.http_port}/readyz", timeout=5 * SLOW) as answer:
                return answer.status == 200
        except urllib.error.HTTPError as error:
            assert error.code == 503
            return False

    poll(ready, 10, "ready")
    for other in others:
        other.pause()
    ours.kill()
    started = time.monotonic()
    again = restart(space, ours).wait_ready()  # PING is answered
    held = socket.create_connection(again.address)
    held.settimeout(10 * SLOW)
    held.sendall(f"SENTINEL GET-MASTER-ADDR-BY-NAME {group.name}\r\n".encode())
    with again.client() as client:
        assert client.ping() and client.execute_command("SENTINEL", "MYID")
    is_ready = ready()
    assert not is_ready or time.monotonic() - started > 0.9, "a load balancer must not send clients yet"
    answered = bool(select.select([held], [], [], 0)[0])
    assert not answered or time.monotonic() - started > 0.9
    assert str(group.primary.port).encode() in held.recv(1000)
    assert 0.9 < time.monotonic() - started < 5 * SLOW
    poll(ready, 5, "ready once it answers")
    for other in others:
        other.resume()


def test_an_old_primary_that_returns_steps_down_at_once(space):
    group = Group(space, down_after_ms=500)
    group.primary.kill()
    new = group.wait_new_primary(group.primary)
    poll(lambda: all(n.info("replication")["role"] == "slave" for n in group.nodes[1:] if n is not new), 10, "moved")
    poll(lambda: all("s_down" in old_of(s, group)["flags"] for s in group.sentinels), 10, "its death is seen")
    returned = space.node("primary", port=group.primary.port)
    started = time.monotonic()
    poll(lambda: returned.info("replication")["role"] == "slave", 10, "the old primary steps down", 0.005)
    assert time.monotonic() - started < 1.9 * SLOW  # by hellos it takes more than 2
    assert int(returned.info("replication")["master_port"]) == new.port


def old_of(sentinel, group):
    with sentinel.client() as client:
        return next(r for r in client.sentinel_slaves(group.name) if r["port"] == group.primary.port)
