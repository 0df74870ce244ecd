"""A full sync while clients go on writing: how long it takes, what memory it costs the primary, how long its clients wait.

The replica has the load's core, at a lower priority: what a client of the primary waits for is the primary. Output limits
are off: with its default one redis-server drops a replica of the full size and starts over, which never ends.
"""

import threading
import time

import machine
from clients import load, load_anew, pinging
from saving import peak_of
from servers import REDIS, Failure

WORK = "full sync of {millions:g}M keys of 16 + 600 B under {rate:,} writes a second"
COMMAND = "SET key:{key} {value:600}"
RATE = 50_000
# A load that leaves the server some breath.
WRITERS = {"connections": 8, "pipeline": 4, "rate": RATE}
PATIENCE = 600
OPTIONS = {"client_output_buffer_limit": "replica 0 0 0", "repl_diskless_sync_delay": 0}


def facts(server, section="replication"):
    return dict(line.split(":", 1) for line in server.call("INFO", section).splitlines() if ":" in line)


class Writing:
    """The load, in slices of a second on a thread, while it is entered; how much of the wanted rate came about."""

    def __init__(self, server, keys):
        self.server, self.keys, self.done = server, keys, threading.Event()
        self.figures, self.failure = [], None

    def __enter__(self):
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        return self

    def _run(self):
        try:
            while not self.done.is_set():
                self.figures.append(load_anew(self.server, COMMAND, keys=self.keys, seconds=1, **WRITERS))
        except Failure as failure:
            self.failure = failure

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        if self.failure:
            raise self.failure

    @property
    def per_second(self):
        return sum(f["requests_per_second"] for f in self.figures) / len(self.figures)


def wait(condition, server):
    begin = time.monotonic()
    while not condition():
        if time.monotonic() > begin + PATIENCE:
            raise Failure(f"{server.make.name} is not in sync after {PATIENCE} s:\n{server.log_text()[-2000:]}")
        time.sleep(0.02)


def syncing(bench):
    keys = bench.size(5_000_000, 1_000_000, 5_000)
    for make in bench.in_turn(floor=False):
        replica_options = {"core": machine.LOAD_CORE, "niceness": 5, **OPTIONS}
        with bench.start(make, **OPTIONS) as primary, bench.start(make, 1, **replica_options) as replica:
            load(primary, "SET key:{seq} {value:600}", requests=keys, pipeline=32)
            measure(bench, primary, replica, keys)


def measure(bench, primary, replica, keys):
    quiet_seconds = bench.size(10, 5, 0.5)
    with pinging(primary, others=[replica]) as quiet:
        load(primary, COMMAND, keys=keys, seconds=quiet_seconds, **WRITERS)
    before = primary.resident()
    with peak_of(primary) as peak, pinging(primary, others=[replica]) as stalls, Writing(primary, keys) as writing:
        begin = time.monotonic()
        replica.call("REPLICAOF", "127.0.0.1", primary.port)
        wait(lambda: facts(replica)["master_link_status"] == "up", replica)
        took = time.monotonic() - begin
        wait(lambda: behind(primary, replica) < 2**20, replica)
        caught_up = time.monotonic() - begin
    if facts(primary, "stats")["sync_full"] != "1":
        raise Failure(f"{primary.make.name} started over:\n{primary.log_text()[-2000:]}")
    extra = peak[0] - before
    if primary.make.name == REDIS:
        extra += int(facts(primary, "persistence")["rdb_last_cow_size"])  # of the child
    bench.record(
        WORK.format(millions=keys / 1e6, rate=RATE), primary.make, stalls["noise"], sync_seconds=took,
        caught_up_seconds=caught_up, sync_extra_mb=extra / 2**20, sync_stall_ms=stalls["max_ms"], sync_quiet_ms=quiet["max_ms"],
        writes_per_second=writing.per_second,
    )  # fmt: skip
    worst = ", ".join(f"{stall['ms']:.2f} at {stall['at_s']:.1f} s" for stall in stalls["worst"])
    print(f"             longest, ms: {worst}", flush=True)


def behind(primary, replica):
    return int(facts(primary)["master_repl_offset"]) - int(facts(replica).get("slave_repl_offset", 0))
