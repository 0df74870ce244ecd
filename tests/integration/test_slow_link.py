"""A replica at the far end of a bad line (tests/support/link_emulator.py): 50 ms each way, stalls, cuts.

HOLDFAST_LINK_SECONDS is how long each load lasts (4), HOLDFAST_LINK_RATE its writes a second (20,000, less under
sanitizers), HOLDFAST_LINK_CUT how long the long cut lasts in seconds (3). The long tier takes 60 and 30. With --kind redis
both nodes are Redis: that proves the tests.
"""

import json
import os
import subprocess
import time

import pytest

from harness import BIN, SLOW, poll
from line import Line

pytestmark = pytest.mark.alone  # it wants a rate

SECONDS = float(os.environ.get("HOLDFAST_LINK_SECONDS", "4"))
RATE = float(os.environ.get("HOLDFAST_LINK_RATE", "20000")) / SLOW**2
CUT = float(os.environ.get("HOLDFAST_LINK_CUT", "3"))
DELAY_MS = 50
# For the bytes of the long cut: about 150 for each write.
BACKLOG = max(64, int(RATE * (CUT + 5) * 200 / 1e6))
CONF = f'save ""\nrepl-diskless-sync-delay 0\nrepl-backlog-size {BACKLOG}mb\nenable-debug-command yes\n'


@pytest.fixture
def line(space):
    """(primary, link, replica), in sync over the link."""
    primary = space.node("primary", CONF)
    link = Line(primary.port, delay_ms=DELAY_MS)
    replica = space.node("replica", CONF + f"replicaof 127.0.0.1 {link.port}\n")
    poll(lambda: offset(replica) == offset(primary) and up(replica), 20, "the replica to be in sync")
    yield primary, link, replica
    link.close()


def offset(node):
    return node.info("replication")["master_repl_offset"]


def up(node):
    return node.info("replication")["master_link_status"] == "up"


class Load:
    """bench_load at a fixed rate in the background: three families, so that the digest says something."""

    def __init__(self, node, seconds):
        self.begun = time.monotonic()
        self._process = subprocess.Popen(
            [BIN / "bench_load", f"--port={node.port}", "--connections=20", "--pipeline=5", "--keys=20000",
             f"--rate={RATE:g}", f"--seconds={seconds:g}", "SET key:{key} {value}", "SET key:{key} {value}",
             "HSET hash:{key} field:{key} {value}", "INCR counter:{key}"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )

    def running(self):
        return self._process.poll() is None

    def finish(self):
        output, _ = self._process.communicate(timeout=300)
        assert self._process.returncode == 0, output
        figures = json.loads(output)
        assert figures["errors"] == 0, figures
        print(f"{figures['requests_per_second']:.0f} writes/s of {RATE:.0f}, p99 {figures['p99_us']:.0f} us")
        return figures


def assert_caught_up(primary, replica, seconds):
    poll(lambda: up(replica) and offset(replica) == offset(primary), seconds, "the replica has every byte")
    assert primary.cli("DEBUG", "DIGEST") == replica.cli("DEBUG", "DIGEST")


def assert_no_full_resync(primary, replica, partial):
    stats = primary.info("stats")
    assert stats["sync_full"] == 1, "only the first one"
    assert stats["sync_partial_ok"] >= partial
    assert replica.running()


def test_a_replica_keeps_up_over_a_line_that_stalls_and_breaks(line):
    primary, link, replica = line
    load = Load(primary, SECONDS)
    cuts, worst, step = 0, 0, 0
    while load.running():
        time.sleep(SECONDS / 20)
        step += 1
        if step % 6 == 2:
            link.tell("stall")
            time.sleep(min(0.3, SECONDS / 20))
            link.tell("flow")
        elif step % 6 == 5:
            link.tell("cut")
            link.tell("mend")
            cuts += 1
        else:
            worst = max(worst, offset(primary) - offset(replica))
    figures = load.finish()
    assert cuts >= 2 and figures["requests"] > 0.5 * RATE * SECONDS
    # What is behind at the end is what is on the line, not a pile that grew with time.
    assert_caught_up(primary, replica, 3)
    assert_no_full_resync(primary, replica, cuts)
    print(f"{cuts} cuts; at most {worst} bytes behind")


def test_a_replica_continues_after_a_long_cut(line):
    primary, link, replica = line
    load = Load(primary, CUT + 1)
    link.tell("cut")
    time.sleep(CUT)
    behind = offset(primary) - offset(replica)
    assert behind > 50 * RATE * CUT * 0.5, "the cut kept nothing back"
    link.tell("mend")
    poll(lambda: up(replica), 10, "the link to be up again")
    load.finish()
    assert_caught_up(primary, replica, 5 + CUT)
    assert_no_full_resync(primary, replica, 1)


def test_a_replica_follows_through_a_narrow_line(line):
    """The stream is wider than the line for a while: the replica falls behind and comes back, without a resync."""
    primary, link, replica = line
    link.tell("rate 500000")
    load = Load(primary, SECONDS / 2)
    load.finish()
    assert offset(primary) > offset(replica)
    link.tell("rate 0")
    assert_caught_up(primary, replica, 10)
    assert_no_full_resync(primary, replica, 0)
