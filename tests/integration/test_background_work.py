"""Expiry, lazy freeing and compaction in a running node."""

import os
import pathlib
import time

import pytest

from harness import SLOW, poll


def fill(client, count, value="value", prefix="key", **options):
    pipe = client.pipeline(transaction=False)
    for i in range(count):
        pipe.set(f"{prefix}:{i}", value(i) if callable(value) else value, **options)
        if i % 1000 == 999:
            pipe.execute()
    pipe.execute()


def test_keys_that_expire_at_once_go_here_and_on_the_replica(space):
    primary = space.node("primary", 'save ""\nrepl-diskless-sync-delay 0\nappendonly yes\n')
    replica = space.node("replica", f'save ""\nreplicaof 127.0.0.1 {primary.port}\n')
    client = primary.client(timeout=20)
    poll(lambda: replica.info()["master_link_status"] == "up", 20, "the replica to be in sync")
    when = int(time.time() * 1000 + 5000 * SLOW)
    fill(client, 50_000, pxat=when)
    client.set("stays", "x")
    assert replica.client().dbsize() == 50_001
    poll(lambda: client.dbsize() == 1, 60, "the keys to expire")
    poll(lambda: replica.client().dbsize() == 1, 20, "the replica to hear of it")
    facts = primary.info()
    assert facts["expired_keys"] == 50_000
    assert facts["expire_cycle_cpu_milliseconds"] > 0
    assert facts["expired_stale_perc"] > 0
    assert client.get("stays") == "x"


@pytest.mark.alone
def test_idle_node_wakes_up_no_more_than_hz_asks_for(space):
    node = space.node("node", 'save ""\nhz 10\n')
    client = node.client()
    fill(client, 1000, ex=1000)
    client.close()

    def switches():
        status = pathlib.Path(f"/proc/{node.pid}/status").read_text()
        return int(status.split("voluntary_ctxt_switches:")[1].split()[0])

    time.sleep(1)  # what is measured is a span of time
    before = switches()
    time.sleep(2)
    assert switches() - before <= 2 * 10 * 3


def test_unlinked_values_and_flushed_tables_are_freed_behind_the_scenes(space):
    node = space.node("node", 'save ""\n')
    client = node.client(timeout=20)
    empty = node.info()["used_memory"]
    client.set("big", "x" * 50_000_000)
    fill(client, 100_000)
    full = node.info()["used_memory"]
    assert client.unlink("big") == 1
    poll(lambda: node.info()["lazyfreed_objects"] == 1, 20, "the value to be freed")
    client.flushall(asynchronous=True)
    assert client.dbsize() == 0
    poll(lambda: node.info()["lazyfree_pending_objects"] == 0, 30, "the table to be freed")
    assert node.info()["lazyfreed_objects"] == 100_001
    poll(lambda: node.info()["used_memory"] < empty + (full - empty) / 10, 20, "the memory to be free")
    client.config_resetstat()
    assert node.info()["lazyfreed_objects"] == 0
    fill(client, 1000)
    client.execute_command("FLUSHALL", "SYNC")
    assert node.info()["lazyfreed_objects"] == 0


@pytest.mark.parametrize("option, change", [
    ("lazyfree-lazy-user-del", lambda client: client.delete("big")),
    ("lazyfree-lazy-server-del", lambda client: client.set("big", "small")),
    ("lazyfree-lazy-expire", lambda client: client.pexpire("big", -1)),
    ("lazyfree-lazy-user-flush", lambda client: client.execute_command("FLUSHDB")),
])  # fmt: skip
def test_lazyfree_options_are_obeyed(space, option, change):
    node = space.node("node", 'save ""\n')
    client = node.client()
    for value, freed in (("no", 0), ("yes", 1)):
        client.config_set(option, value)
        client.set("big", "x" * 1_000_000)
        fill(client, 100)
        change(client)
        client.ping()
        if freed:
            poll(lambda: node.info()["lazyfreed_objects"] > 0, 20, "the value to be freed")
        else:
            assert node.info()["lazyfreed_objects"] == 0


def test_memory_is_compacted_after_deletes(space):
    node = space.node("node", 'save ""\nactivedefrag no\nactive-defrag-ignore-bytes 1mb\n')
    client = node.client(timeout=30)
    if not node.info()["mem_allocator"].startswith("jemalloc"):
        pytest.skip("the sanitizers' builds have no jemalloc")

    def value(i):
        return str(i) * (1 + i % 40)

    fill(client, 200_000, value)
    for start in range(0, 200_000, 1000):
        client.delete(*(f"key:{i}" for i in range(start, start + 1000) if i % 10))
    assert node.info()["allocator_frag_ratio"] > 1.5
    client.config_set("activedefrag", "yes")
    poll(lambda: node.info()["active_defrag_hits"] > 1000 and node.info()["active_defrag_running"] == 0, 60, "compaction")
    facts = node.info()
    assert facts["allocator_frag_ratio"] < 1.4
    assert facts["active_defrag_key_hits"] > 1000
    assert facts["total_active_defrag_time"] > 0
    assert client.dbsize() == 20_000
    for i in range(0, 200_000, 10):
        if i % 1000 == 0:
            assert client.get(f"key:{i}") == value(i)


def node_with_hogs(space, processors):
    """A client of a node with a million keys, each of whose processors another process fills."""
    node = space.node("node", 'save ""\nenable-debug-command local\n')
    for thread in os.listdir(f"/proc/{node.pid}/task"):
        os.sched_setaffinity(int(thread), processors)
    client = node.client(timeout=30)
    client.execute_command("DEBUG", "POPULATE", 1_000_000, "key", 100)
    for processor in processors:
        space.run(f"hog-{processor}", ["taskset", "-c", str(processor), "sh", "-c", "while :; do :; done"])
    return client


@pytest.mark.alone
@pytest.mark.parametrize("count", [1, 2])
def test_a_save_ends_on_processors_that_others_fill(space, count):
    """Its writer takes only time that nobody else wants, unless that is none."""
    client = node_with_hogs(space, sorted(os.sched_getaffinity(0))[:count])
    client.execute_command("BGSAVE")
    poll(lambda: client.info("persistence")["rdb_bgsave_in_progress"] == 0, 20, "the save's end", 0.1)
    assert client.info("persistence")["rdb_last_bgsave_status"] == "ok"


@pytest.mark.alone
def test_a_flush_does_not_wait_for_a_save_that_has_no_processor(space):
    client = node_with_hogs(space, sorted(os.sched_getaffinity(0)))
    took = []
    for _ in range(5):
        client.execute_command("DEBUG", "POPULATE", 200_000, "key", 100)
        client.execute_command("BGSAVE")
        begin = time.monotonic()
        client.flushall(asynchronous=True)
        took.append(time.monotonic() - begin)
        assert client.info("persistence")["rdb_bgsave_in_progress"] == 0
    assert sorted(took)[2] < 0.05 * SLOW, took
