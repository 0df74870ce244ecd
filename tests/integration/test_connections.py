"""Connections: I/O threads, and as many clients as the file limit allows."""

import resource
import subprocess
import threading

import pytest

import harness
from harness import SLOW


@pytest.fixture
def space():
    with harness.Workspace() as workspace:
        yield workspace


@pytest.mark.parametrize("reads", ["no", "yes"])
def test_io_threads_serve_many_clients_at_once(space, reads):
    node = space.node("threaded", f"io-threads 3\nio-threads-do-reads {reads}\n")
    failures = []

    def work(number):
        client = node.client(timeout=30)
        for turn in range(20):
            pipe = client.pipeline(transaction=False)
            value = f"{number}:{turn}:" + "v" * (turn * 100)
            for i in range(10):
                pipe.set(f"key:{number}:{i}", value)
                pipe.get(f"key:{number}:{i}")
            answers = pipe.execute()
            if answers != [True, value] * 10:
                failures.append((number, turn, answers))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []

    bench = subprocess.run(
        ["redis-benchmark", "-p", str(node.port), "-c", "60", "-n", str(60_000 // SLOW), "-P", "8", "-r", "1000", "-q",
         "-t", "set,get,incr"],
        capture_output=True, text=True, timeout=120 * SLOW, check=True,
    )  # fmt: skip
    assert "rror" not in bench.stdout + bench.stderr
    facts = node.info()
    assert facts["io_threaded_writes_processed"] > 0
    assert (facts["io_threaded_reads_processed"] > 0) == (reads == "yes")


def test_a_low_file_limit_reduces_maxclients_and_the_one_too_many_is_refused(space):
    def limited():
        resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))

    node = space.node("limited", "maxclients 1000\n", preexec_fn=limited)
    node.wait_log(r"Current maximum open files is 160\. maxclients has been reduced to 128 to compensate for low ulimit\. "
                  r"If you need higher maxclients increase 'ulimit -n'\.")  # fmt: skip
    held = [node.client() for _ in range(128)]
    assert all(client.ping() for client in held[:-1])
    harness.poll(lambda: held[-1].ping(), 5, "the last client is served")
    refused = subprocess.run(["redis-cli", "-p", str(node.port), "ping"], capture_output=True, text=True, check=False)
    assert "max number of clients reached" in refused.stdout + refused.stderr
    held.pop().close()
    harness.poll(lambda: "PONG" in harness.redis_cli(node.port, "ping"), 5, "room for another client")
