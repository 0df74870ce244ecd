"""Memory limits of real processes: eviction under load with a replica, client eviction, and what redis-cli makes of us.

They pass with --kind redis too, but for what is marked.
"""

import socket
import threading

import pytest
import redis

from harness import SLOW, poll

MEGABYTE = 1 << 20
CONF = 'save ""\nlatency-tracking no\nenable-debug-command yes\n'


def replica_of(space, primary, name="replica"):
    replica = space.node(name, CONF + f"replicaof 127.0.0.1 {primary.port}\n")
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the replica is in sync")
    return replica


def in_sync(primary, replica):
    offset = primary.info("replication")["master_repl_offset"]
    return replica.info("replication")["master_repl_offset"] >= offset


def digest(server):
    with server.client() as client:
        return client.execute_command("DEBUG", "DIGEST")


@pytest.mark.parametrize("policy", ["allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-ttl"])
def test_the_limit_holds_under_load_and_the_replica_follows(space, policy):
    primary = space.node("primary", CONF)
    replica = replica_of(space, primary)
    with primary.client() as client:
        # The stream keeps going while the backlog grows to its size: it is counted as far as that.
        limit = client.info("memory")["used_memory"] + 8 * MEGABYTE
        client.config_set("maxmemory-policy", policy)
        client.config_set("maxmemory", limit)

    written = [0, 0]
    failed = []

    def load(number):
        try:
            with primary.client() as client:
                for batch in range(int(300 / SLOW)):
                    pipeline = client.pipeline(transaction=False)
                    for i in range(100):
                        pipeline.set(f"key:{number}:{batch}:{i}", "x" * (i * 10 % 900), ex=10_000 + batch)
                    pipeline.execute()
                    written[number] += 100
        except redis.RedisError as error:
            failed.append(error)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    most = 0
    while any(thread.is_alive() for thread in threads):
        memory = primary.info("memory")
        most = max(most, memory["used_memory"] - memory["mem_not_counted_for_evict"])
    for thread in threads:
        thread.join()
    assert not failed, failed
    with primary.client() as client:
        evicted = client.info("stats")["evicted_keys"]
        assert evicted > 0
        assert evicted + client.dbsize() == sum(written), "what was not evicted is there"
        assert client.dbsize() > 1000, "no more went than had to"
    assert most < limit + MEGABYTE, f"{most - limit} bytes over the limit"
    poll(lambda: in_sync(primary, replica), 20, "the replica has applied everything")
    assert digest(primary) == digest(replica)
    assert replica.info("stats")["evicted_keys"] == 0


def test_noeviction_refuses_and_recovers(space):
    node = space.node("node", CONF)
    with node.client() as client:
        client.set("present", "1")
        client.config_set("maxmemory", "1")
        with pytest.raises(redis.exceptions.ResponseError, match="used memory > 'maxmemory'"):
            client.set("a", "1")
        assert client.get("present") == "1"
        client.config_set("maxmemory", "0")
        assert client.set("a", "1")


def test_the_replicas_output_evicts_nothing(space):
    """A stopped replica's stream piles up in the primary's memory: that is no reason to drop keys."""
    primary = space.node("primary", CONF + "client-output-buffer-limit replica 100mb 100mb 300\nrepl-backlog-size 16kb\n")
    replica = replica_of(space, primary)
    with primary.client() as client:
        for i in range(50):
            client.set(f"key:{i}", "x" * 10_000)
        memory = client.info("memory")
        client.config_set("maxmemory-policy", "allkeys-random")
        client.config_set("maxmemory", memory["used_memory"] - memory["mem_not_counted_for_evict"] + MEGABYTE // 2)
        replica.pause()
        try:
            for _ in range(120):
                client.setrange("key:0", 0, "y" * 100_000)
            memory = client.info("memory")
            assert memory["mem_not_counted_for_evict"] > 4 * MEGABYTE
            assert memory["mem_clients_slaves"] > 4 * MEGABYTE
            assert client.dbsize() == 50
            assert client.info("stats")["evicted_keys"] == 0
        finally:
            replica.resume()
        poll(lambda: in_sync(primary, replica), 20, "the replica has caught up")


def test_used_memory_is_exact_between_two_requests(space):
    """No refresh in between: what a command allocates shows in the next INFO."""
    node = space.node("node", CONF)
    with node.client() as client:
        client.info("memory")
        before = client.info("memory")["used_memory"]
        client.setrange("big", 3 * MEGABYTE - 1, "x")
        grown = client.info("memory")["used_memory"] - before
        assert 3 * MEGABYTE <= grown < 3 * MEGABYTE + 700 * 1024
        client.delete("big")
        assert abs(client.info("memory")["used_memory"] - before) < 64 * 1024


def test_redis_cli_finds_hot_big_and_heavy_keys(space):
    node = space.node("node", CONF + "maxmemory-policy allkeys-lfu\nmaxmemory 100mb\n")
    with node.client() as client:
        for i in range(200):
            client.set(f"cold:{i}", "x" * 10)
        client.set("large", "y" * 5000)
        for _ in range(300):
            client.get("cold:7")
    hot = node.cli("--hotkeys").split("-- summary --")[1]
    assert "Sampled 201 keys" in hot
    first = [line for line in hot.splitlines() if line.startswith("hot key found with counter:")][0]
    assert first.endswith('keyname: "cold:7"'), first
    big = node.cli("--bigkeys").split("-- summary --")[1]
    assert """Biggest string found '"large"' has 5000 bytes""" in big
    heavy = node.cli("--memkeys").split("-- summary --")[1]
    size = int(heavy.split("""Biggest string found '"large"' has """)[1].split()[0])
    assert 5000 < size < 5600


def half_sent(node, size, protected=False):
    """A connection that has sent `size` bytes of an argument that does not end."""
    connection = socket.create_connection(node.address)
    connection.settimeout(10 * SLOW)
    if protected:
        connection.sendall(b"CLIENT NO-EVICT ON\r\n")
        assert connection.recv(100) == b"+OK\r\n"
    connection.sendall(b"*2\r\n$%d\r\n" % (size * 2))
    try:
        connection.sendall(b"x" * size)
    except OSError:
        pass  # evicted meanwhile
    return connection


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_the_largest_clients_go_when_all_together_hold_too_much(space):
    node = space.node("node", CONF)
    with node.client() as client:
        client.execute_command("CLIENT", "NO-EVICT", "ON")
        small = [half_sent(node, 100_000) for _ in range(3)]
        large = [half_sent(node, 2_000_000) for _ in range(3)]
        protected = half_sent(node, 2_000_000, protected=True)

        def held():
            return sorted(int(row["qbuf"]) for row in client.client_list())[-7:]

        poll(lambda: held()[0] >= 100_000 and held()[3] >= 2_000_000, 10, "everything has arrived")
        assert client.info("stats")["evicted_clients"] == 0
        poll(lambda: client.info("memory")["mem_clients_normal"] > 8_000_000, 10, "INFO counts them")
        client.config_set("maxmemory-clients", "7mb")  # the protected one and, it depends on the buffers, one or two more
        poll(lambda: client.info("stats")["evicted_clients"] >= 1, 10, "clients have gone")
        total = sum(int(row["tot-mem"]) for row in client.client_list())
        assert total <= 7 << 20
        gone = client.info("stats")["evicted_clients"]
        assert gone <= 3 and len(client.client_list()) == 8 - gone
        client.config_set("maxmemory-clients", "1mb")
        poll(lambda: client.info("stats")["evicted_clients"] == 6, 10, "all that may go have gone")
        for connection in small + large:
            assert is_closed(connection)
        ids = [row for row in client.client_list() if int(row["qbuf"]) >= 2_000_000]
        assert len(ids) == 1 and "e" in ids[0]["flags"]
        client.config_set("maxmemory-clients", "0")
        assert client.ping()
        protected.close()


def test_a_percentage_of_maxmemory_limits_the_clients(space):
    node = space.node("node", CONF + "maxmemory 100mb\nmaxmemory-clients 2%\n")
    with node.client() as client:
        below = half_sent(node, 500_000)
        above = half_sent(node, 3_000_000)
        assert is_closed(above)
        assert client.info("stats")["evicted_clients"] == 1
        assert len(client.client_list()) == 2
        below.close()


def test_clients_go_before_any_key(space):
    """What evicted clients held is free at once: no key goes for it."""
    node = space.node("node", CONF + "maxmemory 11mb\nmaxmemory-policy allkeys-lru\nmaxmemory-clients 3mb\n")
    with node.client() as client:
        client.execute_command("CLIENT", "NO-EVICT", "ON")
        for i in range(50):
            client.setrange(str(i), 100_000, "x")
        readers = [socket.create_connection(node.address) for _ in range(20)]

        def evicted():
            for reader in readers:
                try:
                    reader.sendall(b"GET 1\r\n" * 10)  # the replies are not read
                except OSError:
                    pass
            return client.info("stats")["evicted_clients"] > 0

        poll(evicted, 20, "readers too slow for their replies are evicted")
        assert client.info("stats")["evicted_keys"] == 0
        assert client.dbsize() == 50
        for reader in readers:
            reader.close()
