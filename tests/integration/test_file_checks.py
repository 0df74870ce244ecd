"""--check-rdb, --check-aof, point-in-time restore and loading, on real files of both makes."""

import os
import random
import shutil
import subprocess
import time

import pytest

from harness import SLOW, poll

pytestmark = pytest.mark.ours

CONF = "enable-debug-command yes\n"
LOG_CONF = CONF + 'save ""\nappendonly yes\naof-timestamp-enabled yes\nappendfsync always\n'
KINDS = ["holdfast", "redis"]


def checker(space, tool, kind):
    """The command of Redis's own tool, or of ours under a link with its name."""
    if kind == "redis":
        return f"/usr/bin/{tool}"
    link = space.folder / tool
    if not link.exists():
        link.symlink_to(space.binary("node"))
    return link


def check(space, tool, kind, *arguments, stdin=""):
    done = subprocess.run([checker(space, tool, kind), *map(str, arguments)], input=stdin, capture_output=True, text=True,
                          errors="replace", timeout=60 * SLOW, check=False)
    return done.returncode, done.stdout + done.stderr


def fill(client):
    pipeline = client.pipeline(transaction=False)
    for i in range(2000):
        pipeline.set(f"key:{i}", f"value {i} " * (i % 9), ex=1000 + i if i % 3 == 0 else None)
    for i in range(300):
        pipeline.rpush("list", "x" * i)
        pipeline.hset("hash", f"field:{i}", i)
        pipeline.sadd("set", i, f"member:{i}")
        pipeline.zadd("zset", {f"member:{i}": i / 7})
        pipeline.xadd("stream", {"f": i})
    pipeline.hset("small", mapping={"a": 1, "b": "x"})
    pipeline.sadd("integers", 1, 2, 3)
    pipeline.execute()
    client.execute_command("SELECT", 3)
    client.set("elsewhere", 1)
    client.execute_command("SELECT", 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_dump_is_accepted_by_both_checkers_and_damage_is_named(space, kind):
    node = space.node("node", CONF + 'save ""\n', kind=kind)
    with node.client() as client:
        fill(client)
        client.save()
    dump = space.subfolder("node") / "dump.rdb"
    for by in KINDS:
        code, report = check(space, "redis-check-rdb", by, dump)
        assert code == 0 and "\\o/ RDB looks OK! \\o/" in report, report
        assert "[info] 2008 keys read" in report and "[info] 667 expires" in report, report
    content = dump.read_bytes()
    chance = random.Random(1)
    bad = space.folder / "bad.rdb"
    for _ in range(40):
        damaged = bytearray(content[: chance.randrange(len(content))] if chance.random() < 0.3 else content)
        if len(damaged) == len(content):
            damaged[chance.randrange(len(content))] ^= chance.randrange(1, 256)
        bad.write_bytes(damaged)
        code, report = check(space, "redis-check-rdb", "holdfast", bad)
        assert code == 1 and "--- RDB ERROR DETECTED ---\n[offset " in report, report


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_is_accepted_by_both_checkers_and_mended(space, kind):
    node = space.node("node", LOG_CONF, kind=kind)
    with node.client() as client:
        fill(client)
        client.bgrewriteaof()
        poll(lambda: client.info("persistence")["aof_rewrite_in_progress"] == 0, 20, "the rewrite has ended")
        client.set("last", 1)
        client.set("cut", 1)
        digest = client.execute_command("DEBUG", "DIGEST")
    node.stop()
    folder = space.subfolder("node") / "appendonlydir"
    manifest = folder / "appendonly.aof.manifest"
    for by in KINDS:
        code, report = check(space, "redis-check-aof", by, manifest)
        assert code == 0 and "All AOF files and manifest are valid" in report, report
    last = max((path for path in folder.glob("*.incr.aof") if path.stat().st_size), key=lambda path: path.stat().st_mtime)
    content = last.read_bytes()
    last.write_bytes(content + b"*3\r\n$3\r\nSET\r\n$4\r\nhalf")
    code, report = check(space, "redis-check-aof", "holdfast", manifest)
    assert code == 1 and "is not valid. Use the --fix option to try fixing it." in report, report
    code, report = check(space, "redis-check-aof", "holdfast", "--fix", manifest, stdin="n\n")
    assert code == 1 and "Aborting..." in report and last.stat().st_size > len(content), report
    code, report = check(space, "redis-check-aof", "holdfast", "--fix", manifest, stdin="y\n")
    assert code == 0 and "Successfully truncated AOF" in report and last.read_bytes() == content, report
    shutil.copytree(folder, space.folder / "again/appendonlydir")
    again = space.node("again", LOG_CONF, kind="holdfast")
    with again.client() as client:
        assert client.execute_command("DEBUG", "DIGEST") == digest


@pytest.mark.parametrize("kind", KINDS)
def test_restores_the_data_of_a_time(space, kind):
    node = space.node("node", LOG_CONF, kind=kind)
    with node.client() as client:
        client.set("early", 1)
        digest = client.execute_command("DEBUG", "DIGEST")
        wanted = int(client.time()[0])
        poll(lambda: int(client.time()[0]) > wanted, 5, "the next second")
        client.set("late", 1)
        client.delete("early")
    node.stop()
    for by in KINDS:
        target = space.folder / f"restored-{by}"
        shutil.copytree(space.subfolder("node") / "appendonlydir", target / "appendonlydir")
        manifest = target / "appendonlydir/appendonly.aof.manifest"
        code, report = check(space, "redis-check-aof", by, "--truncate-to-timestamp", wanted, manifest)
        assert code == 0 and f"to timestamp {wanted}" in report, report
        restored = space.node(target.name, LOG_CONF, kind="holdfast")
        with restored.client() as client:
            assert client.get("early") == "1" and client.get("late") is None
            assert client.execute_command("DEBUG", "DIGEST") == digest


def test_the_flags_of_the_node_do_the_same(space):
    (space.folder / "empty.aof").write_bytes(b"")
    node = space.binary("node")
    done = subprocess.run([node, "--check-aof", space.folder / "empty.aof"], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "is empty" in done.stdout
    done = subprocess.run([node, "--check-rdb", space.folder / "absent"], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Cannot open file" in done.stdout
    for usage in (["--check-rdb"], ["--check-aof"], ["--check-aof", "--foo", "x"]):
        done = subprocess.run([node, *usage], capture_output=True, text=True, check=False)
        assert done.returncode == 1 and "Usage:" in done.stdout + done.stderr


def test_a_long_load_answers_clients_and_tells_how_far_it_is(space):
    """key-load-delay slows the load down; clients get -LOADING, INFO counts up, the log tells the time left."""
    first = space.node("first", CONF + 'save ""\n')
    with first.client() as client:
        client.execute_command("DEBUG", "POPULATE", 120_000, "key", 100)
        digest = client.execute_command("DEBUG", "DIGEST")
        client.save()
    target = space.subfolder("second")
    os.link(space.subfolder("first") / "dump.rdb", target / "dump.rdb")
    second = space.node("second", CONF + 'save ""\nkey-load-delay 40\n', wait=False)
    seen = []

    def progress():
        found = second.info("persistence")
        if found["loading"] == 1 and found["loading_loaded_bytes"] > 0:
            seen.append(found)
        return len(seen) >= 5

    poll(progress, 10, "INFO tells of the load", interval=0.05)
    size = (target / "dump.rdb").stat().st_size
    assert all(found["loading_total_bytes"] == size for found in seen)
    assert seen[-1]["loading_loaded_bytes"] > seen[0]["loading_loaded_bytes"]
    assert 0 < seen[-1]["loading_loaded_perc"] < 100 and seen[-1]["loading_eta_seconds"] >= 1
    assert abs(seen[-1]["loading_start_time"] - time.time()) < 60 and seen[-1]["loading_rdb_used_mem"] > 1_000_000
    assert "LOADING Redis is loading the dataset in memory" in second.cli("GET", "key:1")
    second.wait_log(r"Loading: [\d.]+ % of \d+ MB at \d+ MB/s, about \d+ s left", 20 * SLOW)
    second.wait_ready(60 * SLOW)
    with second.client() as client:
        assert client.execute_command("DEBUG", "DIGEST") == digest

