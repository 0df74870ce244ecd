"""One sentinel that watches very many primaries: fake nodes (tests/bench/fake_nodes.cc), two replicas for each primary. It
finds them all, asks them little while all is well, and sees primaries die in time and fails them over.

HOLDFAST_SCALE_PRIMARIES=1000 makes it that many, and measures redis-sentinel too, each with two periods of down-after;
`-s` shows the figures. `-k holdfast`, `-k 10000` and so on choose among them.
"""

import contextlib
import json
import os
import statistics
import subprocess
import time

import pytest

import harness
from harness import HOLDFAST, REDIS, SLOW, Workspace, free_port, poll

pytestmark = [pytest.mark.ours, pytest.mark.alone]

ASKED = int(os.environ.get("HOLDFAST_SCALE_PRIMARIES", "0"))
PRIMARIES = ASKED or 100
REPLICAS = 2
CASES = [(kind, ms) for ms in (30000, 10000) for kind in (HOLDFAST, REDIS)] if ASKED else [(HOLDFAST, 2000)]
PROCESSES = 3  # that play the nodes
AT_REST = {}  # (kind, down-after): CPU seconds a second
QUIET_SECONDS, REST_SECONDS, KILLS = (12, 30, 9) if ASKED else (1, 2, 5)


def cpu_seconds(pid):
    """User and system time of all its threads, by the process's CPU clock."""
    return time.clock_gettime(((~pid) << 3) | 2)


class FakeNodes:
    """The nodes of all groups, in some processes, at one port of many addresses."""

    def __init__(self, stack):
        self.port = free_port()
        self.share = -(-PRIMARIES // PROCESSES)
        self.processes = []
        for first in range(0, PRIMARIES, self.share):
            count = min(self.share, PRIMARIES - first)
            argv = [harness.BIN / "bench_fake_nodes", str(first), str(count), str(REPLICAS), str(self.port)]
            process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
            stack.callback(process.wait)
            stack.callback(process.stdin.close)  # ends it
            self.processes.append(process)
            assert process.stdout.readline().strip() == "ready"

    def host(self, group):
        return f"127.10.{group // 250}.{1 + group % 250}"

    def ask(self, process, line):
        process.stdin.write(line + "\n")
        return process.stdout.readline()

    def counts(self):
        """Requests of each kind since the last call."""
        total = {}
        for process in self.processes:
            for kind, count in json.loads(self.ask(process, "counts")).items():
                total[kind] = total.get(kind, 0) + count
        return total

    def kill(self, group):
        assert self.ask(self.processes[group // self.share], f"kill {group}").startswith("killed")
        return time.monotonic()


def start_sentinel(space, nodes, kind, down_after_ms):
    conf = "".join(
        f"sentinel monitor m{group} {nodes.host(group)} {nodes.port} 1\nsentinel down-after-milliseconds m{group} {down_after_ms}\n"
        for group in range(PRIMARIES)
    )
    return space.sentinel("sentinel", conf, kind=kind, wait=False)


def wait_settled(sentinel):
    def settled():
        state = sentinel.info("sentinel")
        masters = [state[f"master{i}"] for i in range(PRIMARIES)]
        return state["sentinel_tilt"] == 0 and all(m["status"] == "ok" and int(m["slaves"]) == REPLICAS for m in masters)

    poll(settled, 120, "all groups are known", 0.2)


def events_of_deaths(sentinel, nodes, down_after_ms):
    """Kills primaries at different moments of a ping period; of each the seconds until +sdown and +switch-master."""
    victims = [(i * 37) % PRIMARIES for i in range(KILLS)]
    killed, seconds = {}, {}
    with sentinel.client() as client, client.pubsub() as pubsub:
        pubsub.subscribe("+sdown", "+switch-master")
        for group in victims:
            killed[f"m{group}"] = nodes.kill(group)
            time.sleep(0.17)
        deadline = time.monotonic() + down_after_ms / 1000 + 20 * SLOW
        while len(seconds) < 2 * KILLS and time.monotonic() < deadline:
            message = pubsub.get_message(ignore_subscribe_messages=True, timeout=1)
            words = message["data"].split() if message else []
            name = words[1] if words[:1] == ["master"] else words[0] if words else None
            if name in killed:
                seconds.setdefault((message["channel"], name), time.monotonic() - killed[name])
    return [[seconds.get((event, name)) for name in killed] for event in ("+sdown", "+switch-master")]


@pytest.mark.parametrize("kind,down_after_ms", CASES)
def test_many_primaries(kind, down_after_ms):
    with contextlib.ExitStack() as stack:
        nodes = FakeNodes(stack)
        space = stack.enter_context(Workspace())
        begin = time.monotonic()
        sentinel = start_sentinel(space, nodes, kind, down_after_ms)
        wait_settled(sentinel)
        settle_seconds, settle_cpu = time.monotonic() - begin, cpu_seconds(sentinel.pid)

        time.sleep(QUIET_SECONDS)
        nodes.counts()
        begin, before = time.monotonic(), cpu_seconds(sentinel.pid)
        time.sleep(REST_SECONDS)
        elapsed = time.monotonic() - begin
        cpu = (cpu_seconds(sentinel.pid) - before) / elapsed
        rates = {name: count / elapsed for name, count in nodes.counts().items()}

        sdown, switched = events_of_deaths(sentinel, nodes, down_after_ms)
        shown = {name: round(rate) for name, rate in sorted(rates.items())}
        print(f"\n{kind}, {PRIMARIES} primaries, down-after {down_after_ms}: settled after {settle_seconds:.1f} s and "
              f"{settle_cpu:.1f} s of CPU; at rest {100 * cpu:.2f} % CPU, requests a second {shown}")  # fmt: skip
        for event, times in (("+sdown", sdown), ("+switch-master", switched)):
            past = [round(1000 * t) - down_after_ms for t in times if t is not None]
            print(f"  {event} past down-after, ms: median {statistics.median(past):.0f}, {min(past)} to {max(past)}")

        AT_REST[kind, down_after_ms] = cpu
        if PRIMARIES >= 1000 and {(HOLDFAST, down_after_ms), (REDIS, down_after_ms)} <= AT_REST.keys():
            assert AT_REST[HOLDFAST, down_after_ms] <= 0.5 * AT_REST[REDIS, down_after_ms]
        assert None not in sdown + switched
        if kind == HOLDFAST:
            # Down-after counts from the last answer, at most a ping period before the death.
            period = min(1000, down_after_ms / 10)
            assert min(sdown) >= (down_after_ms - period - 100) / 1000
            assert max(switched) <= down_after_ms / 1000 + SLOW
            # A request for each period; an INFO may leave beside a hello, and periods end up to 50 ms early.
            wanted = PRIMARIES * (1 + REPLICAS) / (period / 1000)
            assert 0.7 * wanted / SLOW <= sum(rates.values()) <= 1.35 * wanted
