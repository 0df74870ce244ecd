"""What a background save costs the clients that go on writing: stalls, throughput, memory, and how long it takes."""

import contextlib
import dataclasses
import threading
import time

from clients import load, load_anew, pinging
from servers import REDIS, Failure

KEYS = "BGSAVE of {millions:g}M keys of 16 + 100 B under random writes"
ON_BOTH_CORES = "server and load on both cores"
SHARED = f"{KEYS}, {ON_BOTH_CORES}"
VALUES = "BGSAVE of a sorted set and a hash of {millions:g}M each under random writes"
WRITERS = {"connections": 50}
PATIENCE = 300


def resident(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmRSS"))


@contextlib.contextmanager
def peak_of(server):
    """Yields a list whose only element becomes the most resident memory seen meanwhile."""
    peak, done = [resident(server.pid)], threading.Event()

    def watch():
        while not done.wait(0.02):
            peak[0] = max(peak[0], resident(server.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def persistence(server):
    lines = server.call("INFO", "persistence").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


class Writing:
    """Clients that write, a second at a time, so that what they do can be ended when a save has."""

    def __init__(self, server, commands, slice_seconds, options):
        self._server, self._commands, self._seconds = server, commands, slice_seconds
        self._options = WRITERS | options
        self.requests = self.seconds = 0

    def go_on(self):
        figures = load_anew(self._server, *self._commands, seconds=self._seconds, **self._options)
        self.requests += figures["requests_per_second"] * figures["seconds"]
        self.seconds += figures["seconds"]

    def per_second(self):
        return self.requests / self.seconds if self.seconds else 0


@dataclasses.dataclass
class Phase:
    """A time of the load, with a save or without."""

    writing: Writing
    stalls: dict

    def print(self, name):
        stolen = sorted((stall["ms"] for stall in self.stalls["stolen"]), reverse=True)
        print(f"             longest {name}, ms: {', '.join(map(described, self.stalls['worst']))}"
              f"; the host's {len(stolen)}: {' '.join(f'{ms:.1f}' for ms in stolen[:5])}", flush=True)  # fmt: skip


def quiet_phase(bench, server, writing):
    begin = time.monotonic()
    with pinging(server) as stalls:
        while time.monotonic() < begin + bench.size(18, 6, 0.3):
            writing.go_on()
    return Phase(writing, stalls)


def save_phase(server, writing):
    begin = time.monotonic()
    with pinging(server) as stalls:
        server.call("BGSAVE")
        while persistence(server)["rdb_bgsave_in_progress"] == "1":
            writing.go_on()
            if time.monotonic() > begin + PATIENCE:
                raise Failure(f"{server.make.name} has not saved in {PATIENCE} s")
        took = time.monotonic() - begin
    facts = persistence(server)
    if facts["rdb_last_bgsave_status"] != "ok" or not writing.per_second():
        raise Failure(f"{server.make.name} did not save:\n{server.log_text()[-2000:]}")
    return Phase(writing, stalls), took, int(facts["rdb_last_cow_size"])


def measure(bench, server, work, commands, **options):
    # The machine's speed drifts: the load without a save runs before and after each, together for as long as the save
    # takes or longer, since a longer time has longer pauses of the machine.
    slice_seconds = bench.size(1, 1, 0.3)
    Writing(server, commands, slice_seconds, options).go_on()
    before = quiet_phase(bench, server, Writing(server, commands, slice_seconds, options))
    for piece in range(bench.size(3, 1, 1)):
        resident_before = server.resident(bench.size(1.5, 1.5, 0.2))
        with peak_of(server) as peak:
            during, took, copied = save_phase(server, Writing(server, commands, slice_seconds, options))
        after = quiet_phase(bench, server, Writing(server, commands, slice_seconds, options))
        quiet = [before, after]
        per_second = sum(phase.writing.requests for phase in quiet) / sum(phase.writing.seconds for phase in quiet)
        extra = peak[0] - resident_before
        if server.make.name == REDIS:
            extra += copied  # of the child
        bench.record(
            work, server.make, during.stalls["noise"], piece, stall_ms=during.stalls["max_ms"],
            quiet_ms=max(phase.stalls["max_ms"] for phase in quiet), save_seconds=took,
            of_throughput=during.writing.per_second() / per_second, extra_mb=extra / 2**20,
            extra_bound_mb=max(64, 0.03 * resident_before / 2**20), resident_mb=resident_before / 2**20,
        )  # fmt: skip
        for name, phase in (("before", before), ("during", during), ("after", after)):
            phase.print(name)
        before = after


def described(stall):
    waited = f", waited {stall['waited_ms']:.1f}" if stall["waited_ms"] else ""
    return f"{stall['ms']:.2f} at {stall['at_s']:.1f} s{waited}"


def saving(bench):
    keys = bench.size(10_000_000, 2_000_000, 20_000)
    for work, shared in ((KEYS, False), (SHARED, True)):
        for make in bench.in_turn(floor=False):
            with bench.start(make, shared=shared) as server:
                load(server, "SET key:{seq} {value:100}", requests=keys, pipeline=32)
                measure(bench, server, work.format(millions=keys / 1e6), ["SET key:{key} {value:100}"], keys=keys)
    members = bench.size(5_000_000, 1_000_000, 10_000)
    for make in bench.in_turn(floor=False):
        with bench.start(make) as server:
            load(server, "ZADD sorted {rand:1000000} member:{seq}", requests=members, pipeline=32)
            load(server, "HSET hash field:{seq} {value:32}", requests=members, pipeline=32)
            commands = ["ZADD sorted {rand:1000000} member:{key}", "HSET hash field:{key} {value:32}"]
            measure(bench, server, VALUES.format(millions=members / 1e6), commands, keys=members)
