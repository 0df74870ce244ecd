"""What is measured: one function for each group of works. Each runs one round over all makes and records samples.

A sample is one number of one make in one round; the report takes medians over rounds. Makes come in turn within a
round, and each round begins with another make, so that drift of the machine meets all of them.
"""

import contextlib
import dataclasses
import time

import machine
from aof_works import aof
from clients import load, pinging
from loading import loading
from saving import saving
from servers import FLOOR, Connection, Failure, ReplyError, Server
from syncing import syncing

MILLION = 1_000_000


@dataclasses.dataclass
class Bench:
    makes: list
    port: int
    scale: str  # full, quick or smoke
    rounds: int
    round: int = 0
    samples: list = dataclasses.field(default_factory=list)
    notes: list = dataclasses.field(default_factory=list)
    prepared: object = None  # what a group keeps from round to round

    def in_turn(self, floor=True):
        """The makes in this round's order."""
        makes = [make for make in self.makes if floor or make.name != FLOOR]
        shift = self.round % len(makes)
        return makes[shift:] + makes[:shift]

    def size(self, full, quick, smoke):
        return {"full": full, "quick": quick, "smoke": smoke}[self.scale]

    def settled(self, server):
        """Resident bytes once crons and allocators gave back what they will: both take some ten seconds to begin."""
        return server.resident(quiet_seconds=self.size(12, 12, 0.5))

    def keys(self):
        return self.size(MILLION, MILLION, 10_000)

    def start(self, make, index=0, **options):
        return Server(make, self.port + index, **options)

    def record(self, work, make, noise, piece=0, **metrics):
        whose = {"work": work, "make": make.name, "round": self.round, "piece": piece, "noise": round(noise, 4)}
        for metric, value in metrics.items():
            self.samples.append({**whose, "metric": metric, "value": value})
        shown = ", ".join(f"{metric} {value:.4g}" for metric, value in metrics.items())
        noisy = "  (noisy)" if noise > machine.NoiseWatch.LIMIT else ""
        print(f"  round {self.round + 1}  {make.name:9} {work}: {shown}{noisy}", flush=True)

    def note(self, text):
        if text not in self.notes:
            self.notes.append(text)
            print(f"  note: {text}", flush=True)


@dataclasses.dataclass(frozen=True)
class Work:
    title: str
    command: str
    pipeline: int = 1
    prepare: tuple = ()  # (template, requests) pairs
    floor: bool = False


FILL = "SET key:{seq} {value}"

STRING_WORKS = [
    Work("SET", "SET key:{key} {value}", floor=True),
    Work("GET", "GET key:{key}", floor=True),
    Work("SET, pipeline 32", "SET key:{key} {value}", 32, floor=True),
    Work("GET, pipeline 32", "GET key:{key}", 32, floor=True),
]

TYPE_WORKS = [
    Work("INCR, pipeline 32", "INCR counter:{rand:100000}", 32),
    Work("MSET of 10", "MSET" + " key:{key} {value}" * 10),
    Work("MGET of 100, pipeline 32", "MGET" + " key:{key}" * 100, 32),
    Work("LPUSH, pipeline 32", "LPUSH list:{rand:1000} {value}", 32),
    Work("LRANGE of 100, pipeline 32", "LRANGE long 0 99", 32, prepare=(("RPUSH long {value}", 100),)),
    Work("HSET, pipeline 32", "HSET hash:{rand:100000} field:{rand:10} {value}", 32),
    Work("SADD, pipeline 32", "SADD set:{rand:1000} member:{rand:1000}", 32),
    Work("XADD, pipeline 32", "XADD stream:{rand:1000} MAXLEN ~ 1000 * field {value}", 32),
    Work("ZADD to 1M, pipeline 32", "ZADD sorted {rand:1000000} member:{key}", 32,
         prepare=(("ZADD sorted {rand:1000000} member:{seq}", MILLION),)),
    Work("ZRANK in 1M, pipeline 32", "ZRANK sorted member:{key}", 32),
    Work("ZRANGE of 100, pipeline 32", "ZRANGE ranking 0 99", 32, prepare=(("ZADD ranking {seq} member:{seq}", 1000),)),
]  # fmt: skip


def run_works(bench, works, connections):
    """All makes hold the same data and are stopped but for the one that is measured."""
    with contextlib.ExitStack() as stack:
        servers = []
        for index, make in enumerate(bench.in_turn(floor=any(work.floor for work in works))):
            server = stack.enter_context(bench.start(make, index, maxclients=connections + 100))
            load(server, FILL, requests=bench.keys(), pipeline=32)
            servers.append(server)
        for server in servers:
            server.pause()
        # In short slices, one make after the other: a machine that is faster for some seconds is so for all of them.
        for work in works:
            for piece in range(bench.size(4, 2, 1)):
                for server in servers:
                    if server.make.name == FLOOR and not work.floor:
                        continue
                    server.resume()
                    measure_work(bench, server, work, connections, piece)
                    server.pause()


def measure_work(bench, server, work, connections, piece):
    options = {"connections": connections, "pipeline": work.pipeline, "keys": bench.keys(), "seed": bench.round + 1}
    try:
        for template, requests in work.prepare if piece == 0 else ():
            load(server, template, requests=min(requests, bench.keys()), pipeline=32)
        seconds, warmup = bench.size(1, 0.7, 0.5), bench.size(0.2, 0.2, 0.05)
        figures = load(server, work.command, seconds=seconds, warmup=warmup, **options)
    except Failure as failure:
        if "unknown command" not in str(failure):
            raise
        bench.note(f"{server.make.name} does not have {work.command.split()[0]} yet")
        return
    if figures["nulls"]:
        raise Failure(f"{server.make.name}: {figures['nulls']} reads of {work.title} missed")
    kept = ("p50_us", "p99_us", "p999_us", "max_us", "server_busy", "load_busy")
    bench.record(
        work.title, server.make, figures["noise"], piece, cpu_us=figures["server_cpu_us"],
        per_second=figures["requests_per_second"], **{name: figures[name] for name in kept},
    )  # fmt: skip


def string(bench):
    run_works(bench, STRING_WORKS, 50)


def types(bench):
    run_works(bench, TYPE_WORKS, 50)


def clients(bench):
    for connections in (500, 10_000):
        works = [dataclasses.replace(work, title=f"{work.title}, {connections:,} clients") for work in STRING_WORKS[:2]]
        run_works(bench, works, connections)


def bytes_per_key(bench, keys, work, command):
    for make in bench.in_turn(floor=False):
        with bench.start(make) as server:
            empty = server.resident()
            watch = machine.NoiseWatch([server.pid])
            filled = load(server, command, requests=keys, pipeline=32)
            noise = watch.share()
            used = (bench.settled(server) - empty) / keys
            bench.record(work, make, noise, bytes_per_key=used, fill_per_second=filled["requests_per_second"])


def memory(bench):
    keys = bench.size(2 * MILLION, 2 * MILLION, 20_000)
    work = f"{keys / MILLION:g}M keys of 16 + 16 B"
    bytes_per_key(bench, keys, work, "SET key:{seq} {value:16}")
    bytes_per_key(bench, keys, f"{work} with a TTL", "SET key:{seq} {value:16} EX 1000000")


def memory_large(bench):
    keys = bench.size(10 * MILLION, 10 * MILLION, 100_000)
    bytes_per_key(bench, keys, f"{keys / MILLION:g}M keys of 16 + 100 B", "SET key:{seq} {value:100}")


def memory_types(bench):
    members = bench.size(2 * MILLION, 2 * MILLION, 20_000)
    bytes_per_key(bench, members, f"sorted set of {members / MILLION:g}M members of 16 B", "ZADD sorted {rand:1000000} key:{seq}")
    hashes = bench.size(200_000, 200_000, 2_000)
    fields = "".join(f" field{i} {{value:6}}" for i in range(10))
    bytes_per_key(bench, hashes, f"{hashes:,} hashes of ten small fields", "HSET hash:{seq}" + fields)
    sets = bench.size(2 * MILLION, 2 * MILLION, 20_000)
    bytes_per_key(bench, sets, f"set of {sets / MILLION:g}M members of 16 B", "SADD set key:{seq}")


def deletion(bench):
    """One set is deleted: the longest stall until its memory is back."""
    members = bench.size(10 * MILLION, 2 * MILLION, 20_000)
    for make in bench.in_turn(floor=False):
        with bench.start(make) as server:
            measure_idle(bench, server)
            load(server, "SADD set member:{seq}", requests=members, pipeline=32)
            with pinging(server) as stalls:
                time.sleep(1)
                server.call("DEL", "set")
                time.sleep(bench.size(10, 4, 0.2))
            record_stalls(bench, f"DEL of a set of {members / MILLION:g}M members", make, stalls)


def connections(bench):
    """Idle connections, each of which was served once, and the one too many."""
    count = min(bench.size(10_000, 10_000, 100), machine.raise_file_limit() - 200)
    for make in bench.in_turn(floor=False):
        with bench.start(make, maxclients=count) as server, contextlib.ExitStack() as stack:
            before = server.resident()
            held = [stack.enter_context(Connection(server.port)) for _ in range(count)]
            for connection in held:
                connection.call("PING")
            bench.record(f"{count:,} idle connections", make, 0, bytes_each=(bench.settled(server) - before) / count)
            refused = refusal(server)
            if refused != "ERR max number of clients reached":
                bench.note(f"{make.name}: connection {count + 1} got {refused!r}")
    many_connections(bench)


def many_connections(bench):
    """maxclients 20000 under this machine's file limit: what the server makes of it, and whether it serves as many."""
    reachable = machine.raise_file_limit() - 100
    for make in bench.in_turn(floor=False):
        with bench.start(make, maxclients=20_000) as server, contextlib.ExitStack() as stack:
            served = 0
            while served < min(20_000, reachable):
                try:
                    stack.enter_context(Connection(server.port)).call("PING")
                except (OSError, ReplyError):
                    break
                served += 1
            bench.record("connections served with maxclients 20000", make, 0, count=served)
            said = [line.split(" # ")[-1] for line in server.log_text().splitlines() if "maxclients" in line]
            if said:
                bench.note(f'{make.name} at a file limit of {machine.raise_file_limit()}: "{said[-1]}"')


def refusal(server):
    try:
        with Connection(server.port) as connection:
            return f"the reply {connection.read()!r}"
    except (ReplyError, OSError) as error:
        return str(error)


# A load that leaves the servers some breath: what stalls then is the server's doing, not its queue.
STALL_LOAD = {"connections": 4, "pipeline": 8, "rate": 250_000}


def growth(bench):
    """The longest stall while a table grows; idle, and the floor under the same load, tell the machine's own."""
    keys = bench.size(20 * MILLION, 4 * MILLION, 20_000)
    for make in bench.in_turn():
        with bench.start(make) as server:
            measure_idle(bench, server)
            with pinging(server) as stalls:
                filled = load(server, "SET key:{seq} {value:16}", requests=keys, **STALL_LOAD)
            rate = filled["requests_per_second"]
            record_stalls(bench, f"growing to {keys / MILLION:g}M keys", make, stalls, load_per_second=rate)


def measure_idle(bench, server):
    with pinging(server) as idle:
        time.sleep(bench.size(20, 5, 0.2))
    record_stalls(bench, "idle, no load", server.make, idle)


def record_stalls(bench, work, make, figures, **more):
    bench.record(work, make, figures["noise"], max_ms=figures["max_ms"], p999_ms=figures["p999_ms"], **more)
    worst = ", ".join(f"{stall['ms']:.2f} at {stall['at_s']:.1f} s" for stall in figures["worst"])
    print(f"             longest, ms: {worst}", flush=True)


def expiry(bench):
    """All keys expire at one instant: the longest stall from before it until the last is gone."""
    keys = bench.size(10 * MILLION, MILLION, 20_000)
    patience = bench.size(120, 60, 30)
    work = f"{keys / MILLION:g}M keys expiring at once"
    for make in bench.in_turn(floor=False):
        with bench.start(make) as server:
            measure_idle(bench, server)
            instant = time.time() + keys / 200_000 + 5
            load(server, f"SET key:{{seq}} {{value:16}} PXAT {int(instant * 1000)}", requests=keys, pipeline=32)
            if time.time() > instant - 1:
                bench.note(f"{make.name} was not filled before its keys expired; not measured")
                continue
            time.sleep(max(0, instant - 1 - time.time()))
            with pinging(server) as stalls:
                while (left := server.call("DBSIZE")) > 0 and time.time() < instant + patience:
                    time.sleep(0.05)
                took = time.time() - instant
            if left:
                bench.note(f"{make.name} still held {left:,} of {keys:,} expired keys after {patience} s")
            record_stalls(bench, work, make, stalls, seconds_until_gone=took)


def churn(bench):
    """Keys of changing sizes, nine of ten deleted: resident memory, of what a fresh server needs for the same data."""
    keys = bench.size(10 * MILLION, MILLION, 20_000)
    last = "SET key:{seq} {value:16-250}"
    for make in bench.in_turn(floor=False):
        with bench.start(make) as server:
            empty = server.resident()
            load(server, last, requests=keys // 10, sequence="0:10", pipeline=32)
            fresh = bench.settled(server) - empty
        with bench.start(make) as server:
            empty = server.resident()
            for command in ("SET key:{seq} {value:16-100}", "SET key:{seq} {value:16-500}", last):
                load(server, command, requests=keys, pipeline=32)
            peak = server.resident() - empty
            for first in range(1, 10):
                load(server, "DEL key:{seq}", requests=keys // 10, sequence=f"{first}:10", pipeline=32)
            after = bench.settled(server) - empty
            bench.record(
                f"{keys / MILLION:g}M keys of changing sizes, nine of ten deleted", make, 0, of_live_data=after / fresh,
                fresh_mb=fresh / 2**20, peak_mb=peak / 2**20, after_mb=after / 2**20,
            )  # fmt: skip


GROUPS = {
    "string": (string, "Strings: 50 clients, 64-byte values, 1M keys, all reads hit"),
    "types": (types, "Other commands: 50 clients, 64-byte values"),
    "clients": (clients, "Many busy clients: no pipeline, 64-byte values, 1M keys"),
    "memory": (memory, "Memory for each key"),
    "memory-large": (memory_large, "Memory for each key, larger values"),
    "memory-types": (memory_types, "Memory of values with elements, for each of them"),
    "connections": (connections, "Connections"),
    "growth": (growth, "Stalls while growing: a ping every 0.5 ms beside 250,000 SETs a second"),
    "expiry": (expiry, "Stalls while everything expires: a ping every 0.5 ms"),
    "deletion": (deletion, "Stalls while a large value is deleted: a ping every 0.5 ms"),
    "load": (loading, "Loading at start"),
    "save": (saving, "Background saves: 50 clients writing, a ping every 0.5 ms"),
    "sync": (syncing, "Full syncs: 50,000 writes a second, a ping every 0.5 ms"),
    "churn": (churn, "Memory after churn"),
    "aof": (aof, "The append-only file: no pipeline, 64-byte values, 1M keys; with `always` each fsync takes 1 ms longer"),
}
