"""A group whose nodes and sentinels know each other by IPv6 addresses only."""

import socket

import pytest

from harness import free_port, poll

NODE = 'save ""\nrepl-diskless-sync-delay 0\nbind 127.0.0.1 ::1\n'


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_a_group_on_ipv6_fails_over(space):
    primary = space.node("primary", NODE)
    replica = space.node("replica", NODE + f"replicaof ::1 {primary.port}\n")
    poll(lambda: replica.info("replication").get("master_link_status") == "up", 20, "in step")
    assert primary.info("replication")["slave0"]["ip"] == "::1"
    conf = (
        f"bind 127.0.0.1 ::1\nsentinel monitor mymaster ::1 {primary.port} 2\n"
        "sentinel down-after-milliseconds mymaster 1000\n"
    )
    sentinels = [space.sentinel(f"sentinel{i}", conf) for i in range(3)]

    def state(sentinel):
        with sentinel.client() as client:
            return client.sentinel_master("mymaster")

    poll(lambda: all(state(s)["num-other-sentinels"] == 2 and state(s)["num-slaves"] == 1 for s in sentinels), 30, "settled")
    with sentinels[0].client() as client:
        assert {peer["ip"] for peer in client.sentinel_sentinels("mymaster")} == {"::1"}
        assert client.sentinel_slaves("mymaster")[0]["name"] == f"[::1]:{replica.port}"
    primary.kill()

    def named(sentinel):
        with sentinel.client() as client:
            return client.sentinel_get_master_addr_by_name("mymaster")

    poll(lambda: all(named(s) == ("::1", replica.port) for s in sentinels), 20, "all name the new primary")
    assert replica.info("replication")["role"] == "master"
    sentinels[0].stop()
    again = space.sentinel("sentinel0", port=sentinels[0].port)  # reads its own file back
    assert named(again) == ("::1", replica.port)
    poll(lambda: state(again)["num-other-sentinels"] == 2, 10, "its file names the others")
