"""The goals that the figures are held against: each gives what was measured in words, and whether it is enough."""

import statistics

from aof_works import EVERYSEC, READS, WRITES
from saving import ON_BOTH_CORES
from works import STRING_WORKS

PLAIN = [work.title for work in STRING_WORKS if work.pipeline == 1]
PIPELINED = [work.title for work in STRING_WORKS if work.pipeline > 1]
IDLE = "idle, no load"
# Server CPU for a request, of redis-server's, at most.
TYPES = {"ZRANK in 1M, pipeline 32": 0.35} | {
    f"{work}, pipeline 32": 0.67
    for work in ("LPUSH", "HSET", "SADD", "XADD", "LRANGE of 100", "ZRANGE of 100", "MGET of 100", "ZADD to 1M")
}


def goals(figures):
    """Yields (goal, measured, met) for what was measured; `figures` is a report.Figures."""
    median = figures.median

    def ratio(goal, work, metric, bound, against="redis", more=False):
        value = figures.ratio(work, "holdfast", against, metric)
        if value is not None:
            yield goal, f"{value:.2f}", (value >= bound if more else value <= bound)

    for work in PLAIN:
        yield from ratio(f"{work}: server CPU at most 1.18 of the floor's", work, "cpu_us", 1.18, against="floor")
        yield from ratio(f"{work}: server CPU below redis-server's", work, "cpu_us", 1.0)
        yield from ratio(f"{work}: throughput not below redis-server's", work, "per_second", 1.0, more=True)
        yield from ratio(f"{work}: p99 not above redis-server's", work, "p99_us", 1.0)
    for work in PIPELINED:
        yield from ratio(f"{work}: server CPU at most 0.45 of redis-server's", work, "cpu_us", 0.45)
        yield from ratio(f"{work}: throughput at least 1.7 of redis-server's", work, "per_second", 1.7, more=True)
        yield from ratio(f"{work}: p99 not above redis-server's", work, "p99_us", 1.0)
    for work, bound in TYPES.items():
        yield from ratio(f"{work}: server CPU at most {bound:.2f} of redis-server's", work, "cpu_us", bound)
    for work, bound in (("sorted set of 2M members of 16 B", 0.55), ("200,000 hashes of ten small fields", 1.0)):
        yield from ratio(f"{work}: at most {bound:.2f} of redis-server's memory", work, "bytes_per_key", bound)
    for work, bound in (("2M keys of 16 + 16 B", 0.52), ("2M keys of 16 + 16 B with a TTL", 0.50)):
        yield from ratio(f"{work}: at most {bound:.2f} of redis-server's memory", work, "bytes_per_key", bound)
    for work in figures.works("load_seconds"):
        bound = 0.5 if work.startswith("dump") else 0.6
        yield from ratio(f"{work}: at most {bound:.2f} of redis-server's time to load", work, "load_seconds", bound)
    yield from ratio(f"{WRITES}: throughput at least 1.6 of redis-server's", WRITES, "per_second", 1.6, more=True)
    yield from ratio(f"{READS}: throughput at least 1.9 of redis-server's", READS, "per_second", 1.9, more=True)
    yield from ratio(f"{READS}: p99 at most 0.5 of redis-server's", READS, "p99_us", 0.5)
    yield from bounded(figures)
    for part in figures.parts():
        yield from stalls(part)
    yield from saves(figures, ratio)
    yield from syncs(figures, ratio)
    for work in figures.works("bytes_each"):
        yield from ratio(f"{work}: memory not above redis-server's", work, "bytes_each", 1.0)
    for work in figures.works("count"):
        yield from ratio(f"{work}: not fewer than redis-server's", work, "count", 1.0, more=True)


def stalls_each_time(work, stall, quiet):
    """Each longest stall against that of the same load just before and after. The machine's own pauses are in both, and
    either may have the longest by chance: the median decides, as elsewhere."""
    times = list(zip(stall, quiet))
    over = statistics.median(during - without for during, without in times)
    goal = f"{work}: longest stall at most 2 ms over that of the same load without it, in the median"
    shown = ", ".join(f"{during:.1f} to {without:.1f}" for during, without in times)
    return goal, f"{over:+.1f} ms ({shown})", over <= 2


def saves(figures, ratio):
    for work in figures.works("stall_ms"):
        stall, quiet = (figures.values(work, "holdfast", metric) for metric in ("stall_ms", "quiet_ms"))
        if not stall:
            continue
        yield stalls_each_time(work, stall, quiet)
        extra, bound, kept = (figures.median(work, "holdfast", name) for name in ("extra_mb", "extra_bound_mb", "of_throughput"))
        yield f"{work}: at most {bound:.0f} MB of memory more", f"{extra:.0f} MB", extra <= bound
        if work.endswith(ON_BOTH_CORES):  # who runs where is the kernel's choice there, and differs from run to run
            goal = f"{work}: throughput meanwhile, of that without it, at least twice redis-server's"
            yield from ratio(goal, work, "of_throughput", 2.0, more=True)
        else:
            yield f"{work}: at least 0.85 of the throughput without it", f"{kept:.2f}", kept >= 0.85
        yield from ratio(f"{work}: time not above redis-server's", work, "save_seconds", 1.0)


def syncs(figures, ratio):
    for work in figures.works("sync_seconds"):
        yield from ratio(f"{work}: at most 0.70 of redis-server's time", work, "sync_seconds", 0.7)
        extra, stall, quiet = (figures.values(work, "holdfast", f"sync_{name}") for name in ("extra_mb", "stall_ms", "quiet_ms"))
        if not stall:
            continue
        yield f"{work}: at most 96 MB of the primary's memory more", f"{max(extra):.0f} MB", max(extra) <= 96
        yield stalls_each_time(work, stall, quiet)


def bounded(figures):
    """Goals with a bound of their own rather than a ratio."""
    for work in figures.works("bytes_per_key"):
        value = figures.median(work, "holdfast", "bytes_per_key")
        if work.startswith("10M") and value is not None:
            yield f"{work}: at most 155 bytes a key", f"{value:.0f}", value <= 155
    value = figures.median(EVERYSEC, "holdfast", "of_file_off")
    if value is not None:
        yield f"{EVERYSEC}: throughput at least 0.95 of that with the file off", f"{value:.2f}", value >= 0.95
    for work in figures.works("of_live_data"):
        value = figures.median(work, "holdfast", "of_live_data")
        if value is not None:
            yield f"{work}: resident memory at most 1.4 of the live data's", f"{value:.2f}", value <= 1.4


def stalls(figures):
    """The worst round counts, against the machine's worst without load in the same run."""
    idle = figures.values(IDLE, None, "max_ms")
    for work in figures.works("max_ms"):
        longest = figures.values(work, "holdfast", "max_ms")
        if work != IDLE and longest and idle:
            goal = f"{work}: longest stall at most 2 ms over the idle maximum ({max(idle):.1f} ms)"
            yield goal, f"{max(longest):.1f} ms", max(longest) <= max(idle) + 2
