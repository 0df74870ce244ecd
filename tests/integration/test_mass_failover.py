"""Many primaries that die at once, watched by the same three sentinels: how long until the median and the last one can
be written to again, and redis-sentinel beside it in the same run.

HOLDFAST_MASS_PRIMARIES=20 makes it that many instead of a few, and measures Redis too. Each primary has one replica.
"""

import os
import statistics
import time

import pytest
import redis

import harness
from harness import HOLDFAST, REDIS, Workspace, poll

ASKED = int(os.environ.get("HOLDFAST_MASS_PRIMARIES", "0"))
PRIMARIES = ASKED or 6
DOWN_AFTER_MS = 1000
PLAIN = 'save ""\nrepl-diskless-sync-delay 0\nrepl-backlog-size 64kb\n'


class Groups:
    """Primaries p0, p1, ... with a replica each, and three sentinels that watch them all."""

    def __init__(self, space):
        self.primaries = {f"p{i}": space.node(f"p{i}", PLAIN) for i in range(PRIMARIES)}
        self.replicas = {
            name: space.node(f"r{name}", PLAIN + f"replicaof 127.0.0.1 {primary.port}\n") for name, primary in self.primaries.items()
        }
        conf = "".join(
            f"sentinel monitor {name} 127.0.0.1 {primary.port} 2\nsentinel down-after-milliseconds {name} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {name} 20000\n"
            for name, primary in self.primaries.items()
        )
        self.sentinels = [space.sentinel(f"sentinel{i}", conf) for i in range(3)]
        poll(self.settled, 60, "the sentinels know all groups", 0.1)

    def settled(self):
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                for state in client.sentinel_masters().values():
                    if state["num-slaves"] != 1 or state["num-other-sentinels"] != 2 or state["is_sdown"]:
                        return False
                for name in self.primaries:
                    if any(r["is_sdown"] or r["master-link-status"] != "ok" for r in client.sentinel_slaves(name)):
                        return False
        return True

    def named(self, client, name):
        host, port = client.sentinel_get_master_addr_by_name(name)
        return host, int(port)

    def agreed(self):
        for sentinel in self.sentinels:
            with sentinel.client() as client:
                if any(self.named(client, name) != replica.address for name, replica in self.replicas.items()):
                    return False
        return True


def seconds_until_written(groups):
    """Kills all primaries; for each the seconds until a write through discovery was accepted."""
    clients = [sentinel.client() for sentinel in groups.sentinels]
    for client in clients:
        client.ping()
    begin = time.monotonic()
    for primary in groups.primaries.values():
        primary.kill()
    missing, seconds, turn = dict(groups.replicas), {}, 0
    while missing:
        assert time.monotonic() < begin + 60 * harness.SLOW, f"no new primary for {sorted(missing)}"
        for name, replica in list(missing.items()):
            turn += 1
            if groups.named(clients[turn % len(clients)], name) != replica.address:
                continue
            with replica.client() as writer:
                try:
                    writer.set("after", "the fault")
                except redis.exceptions.ReadOnlyError:
                    continue
            seconds[name] = time.monotonic() - begin
            del missing[name]
        time.sleep(0.002)
    for client in clients:
        client.close()
    return list(seconds.values())


def measure(kind):
    with Workspace(kind) as space:
        groups = Groups(space)
        past = [1000 * seconds - DOWN_AFTER_MS for seconds in seconds_until_written(groups)]
        poll(groups.agreed, 60, "all sentinels name the new primaries")
    print(f"{kind:9s} {PRIMARIES} primaries, ms past down-after: median {statistics.median(past):6.0f}  last {max(past):6.0f}")
    return past


@pytest.mark.ours
@pytest.mark.alone
def test_primaries_that_die_together():
    measure(HOLDFAST)
    if ASKED:
        measure(REDIS)
