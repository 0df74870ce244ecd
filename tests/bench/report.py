"""Makes docs/benchmarks.md and its pictures from the samples. Nothing is measured here."""

import json
import statistics

import chart
import goals
from machine import NoiseWatch
from servers import FLOOR, OURS, REDIS, TITLES, VALKEY

ORDER = [FLOOR, REDIS, VALKEY, OURS]
# Metric: heading, format, and whether less is better. The order is the report's.
METRICS = {
    "cpu_us": ("Server CPU, µs a request", "{:.2f}", True),
    "per_second": ("Requests a second, thousands", "k", False),
    "p50_us": ("Latency p50, µs", "{:.0f}", True),
    "p99_us": ("Latency p99, µs", "{:.0f}", True),
    "p999_us": ("Latency p99.9, µs", "{:.0f}", True),
    "bytes_per_key": ("Resident bytes a key", "{:.1f}", True),
    "bytes_each": ("Resident bytes a connection", "{:.0f}", True),
    "count": ("Connections", "{:.0f}", False),
    "max_ms": ("Longest stall, ms", "{:.2f}", True),
    "p999_ms": ("p99.9 of the pings, ms", "{:.3f}", True),
    "seconds_until_gone": ("Seconds until the last expired key was gone", "{:.1f}", True),
    "load_seconds": ("Seconds to load", "{:.2f}", True),
    "of_throughput": ("Requests a second during the save, of those without it", "{:.2f}", False),
    "stall_ms": ("Longest stall during the save, ms", "{:.2f}", True),
    "quiet_ms": ("Longest stall under the same load without it, ms", "{:.2f}", True),
    "extra_mb": ("Extra memory during the save, MB", "{:.0f}", True),
    "save_seconds": ("Seconds the save takes", "{:.1f}", True),
    "sync_seconds": ("Seconds until the replica follows", "{:.1f}", True),
    "caught_up_seconds": ("Seconds until it has caught up", "{:.1f}", True),
    "sync_extra_mb": ("The primary's extra memory, MB", "{:.0f}", True),
    "sync_stall_ms": ("Longest stall meanwhile, ms", "{:.2f}", True),
    "sync_quiet_ms": ("Longest stall under the same load before, ms", "{:.2f}", True),
    "writes_per_second": ("Writes a second meanwhile, thousands", "k", False),
    "start_cpu_seconds": ("CPU seconds from the start of the process on", "{:.2f}", True),
    "of_file_off": ("Requests a second, of those with the file off", "{:.2f}", False),
    "of_live_data": ("Resident memory, of what a fresh server needs for the same data", "{:.2f}", True),
}
INTRODUCTION = """# Benchmarks

Holdfast beside Debian's redis-server{valkey}, measured by [tests/bench/run](../tests/bench/run), which wrote this page;
every sample is in [results.json](benchmarks/results.json).
The time a failover takes has [a page of its own](benchmarks/failover.md), and so has
[a sentinel with very many primaries](benchmarks/sentinel-scale.md).

```
tests/bench/run            # builds, measures everything (one and a half hours), writes this page; nothing else may run
tests/bench/run --quick    # in small, about 15 minutes
tests/bench/run string --rounds 5 --valkey PATH    # some groups only, more rounds, Valkey's server beside them
```

## How it is measured
- The server with all its threads and children runs on core 0, the load on core 1 (or where it says so, both on both), over
  loopback TCP. Servers hold the same data; those that are not measured are stopped. Makes come in turn within a round,
  each round another make first.
- **Server CPU** is user and system time of all threads, by the process's CPU clock, over exactly the measured requests.
- **The floor** (`tests/bench/floor_server.cc`) is a server that only does the system calls: what lies above it is what
  a server does itself. Under `always` these are also the writes and syncs of a log (`floor_log.h`).
- Load is closed-loop (`tests/bench/load_run.h`); latency in a pipeline is from the write of all of it to each reply.
- A **stall** is the longest time to the reply of a ping, sent every 0.5 ms, by the kernel's time stamp of the reply. One of
  4 ms or more during which the machine's host took a processor away (`steal`) counts for nobody (`bench_stall`).
- Warm-up is discarded. A cell is the median of the rounds (least to most). `~`: in some round other processes, or the
  machine's other guests, took more than {noise:.0f} % of the two cores. Goals are held against the median of the ratios
  within a round, and there within a second, since the machine is not equally fast all the time; the tables' ratios are of
  medians.
- Snapshots are off, and so is the append-only file but where it is measured; all else is each server's default.
"""


class Figures:
    """The samples of all groups, by work, make and metric."""

    def __init__(self, results):
        self.results = results
        self.samples = [sample for group in results.values() for sample in group["samples"]]

    def parts(self):
        """Each group's figures by themselves."""
        return [Figures({name: group}) for name, group in self.results.items()]

    def values(self, work, make, metric):
        return [
            s["value"] for s in self.samples
            if s["work"] == work and s["metric"] == metric and make in (None, s["make"])
        ]  # fmt: skip

    def median(self, work, make, metric):
        values = self.values(work, make, metric)
        return statistics.median(values) if values else None

    def ratio(self, work, make, against, metric):
        """The median of the ratios within each round and piece, where two makes were measured one after the other."""
        times = {}
        for s in self.samples:
            if s["work"] == work and s["metric"] == metric and s["make"] in (make, against):
                times.setdefault((s["round"], s.get("piece", 0)), {})[s["make"]] = s["value"]
        ratios = [pair[make] / pair[against] for pair in times.values() if len(pair) == 2 and pair[against]]
        return statistics.median(ratios) if ratios else None

    def works(self, metric):
        return list(dict.fromkeys(s["work"] for s in self.samples if s["metric"] == metric))

    def noisy(self, work, make):
        return any(s["noise"] > NoiseWatch.LIMIT for s in self.samples if s["work"] == work and s["make"] == make)


def encode(results):
    """JSON with a line for each sample, so that a change can be read."""
    groups = []
    for name, group in results.items():
        about = json.dumps({key: value for key, value in group.items() if key != "samples"}, indent=1)
        samples = ",\n".join("  " + json.dumps(sample) for sample in group["samples"])
        groups.append(f'{json.dumps(name)}: {about[:-2]},\n "samples": [\n{samples}\n ]\n}}')
    return "{\n" + ",\n".join(groups) + "\n}\n"


def number(metric, value):
    form = METRICS[metric][1]
    if form == "k":
        return f"{value / 1000:.3g}" if value < 1e6 else f"{value / 1000:.0f}"
    return form.format(value)


def cell(figures, work, make, metric):
    values = figures.values(work, make, metric)
    if not values:
        return "–"
    text = number(metric, statistics.median(values))
    if len(values) > 1:
        text += f" ({number(metric, min(values))}–{number(metric, max(values))})"
    return text + (" ~" if figures.noisy(work, make) else "")


def table(figures, metric, makes):
    works = [work for work in figures.works(metric)]
    makes = [make for make in makes if any(figures.values(work, make, metric) for work in works)]
    against = [make for make in (FLOOR, REDIS, VALKEY) if make in makes and (make != FLOOR or metric == "cpu_us")]
    if OURS not in makes:
        against = []
    heads = [METRICS[metric][0], *(TITLES[make] for make in makes), *(f"of {TITLES[make]}" for make in against)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for work in works:
        ratios = []
        for make in against:
            ours, theirs = figures.median(work, OURS, metric), figures.median(work, make, metric)
            ratios.append(f"**{ours / theirs:.2f}**" if ours is not None and theirs else "–")
        lines.append("| " + " | ".join([work, *(cell(figures, work, make, metric) for make in makes), *ratios]) + " |")
    return lines


def section(name, group, pictures):
    figures = Figures({name: group})
    lines = [f"## {group['title']}", ""]
    quick = "" if group["scale"] == "full" else f", **{group['scale']}: small sizes and short runs**"
    nice = f", at niceness {group['niceness']}" if group["niceness"] else ""
    rounds = "1 round" if group["rounds"] == 1 else f"{group['rounds']} rounds"
    lines.append(f"Commit {group['commit']}, {group['date']}, {rounds}{quick}{nice}.")
    for picture in pictures:
        lines += ["", f"![{group['title']}](benchmarks/{picture})"]
    for metric in METRICS:
        if figures.works(metric):
            lines += ["", *table(figures, metric, ORDER)]
    if group["notes"]:
        lines += ["", *(f"- {note}" for note in group["notes"])]
    return lines + [""]


def picture(name, title, subtitle, group, metric, relative):
    """An SVG of one metric; relative to redis-server's median where the works' scales differ."""
    figures = Figures({name: group})
    rows = []
    for work in figures.works(metric):
        unit = (figures.median(work, REDIS, metric) or 0) if relative else 1
        cells = []
        for make in ORDER:
            values = figures.values(work, make, metric)
            # The floor answers a pipeline so fast that its throughput would dwarf what is compared.
            if values and unit and not (make == FLOOR and metric == "per_second"):
                middle = statistics.median(values)
                shown = number(metric, middle) + (f"  ({middle / unit:.2f})" if relative else "")
                cells.append((make, middle / unit, min(values) / unit, max(values) / unit, shown))
        if cells:
            rows.append((work, cells))
    return chart.bars(title, subtitle, TITLES, rows) if rows else None


def pictures_of(name, group):
    better = {True: "less is better", False: "more is better"}
    for metric in METRICS:
        if metric in ("p50_us", "p999_us", "p999_ms", "count", "quiet_ms", "sync_quiet_ms", "writes_per_second"):
            continue
        heading, form, less = METRICS[metric]
        relative = metric in ("cpu_us", "per_second", "p99_us")
        subtitle = better[less] + ("; bars are relative to redis-server" if relative else "") + f"; {group['title']}"
        made = picture(name, heading, subtitle, group, metric, relative)
        if made:
            yield f"{name}-{metric.replace('_', '-')}.svg", made


def machine_lines(results):
    lines, seen = ["## Machine and versions", ""], []
    for group in results.values():
        m = group["machine"]
        kind = f"{m['cores']} cores of {m['cpu']}, {m['memory_gb']} GB"
        seen.append(f"- {kind}, Linux {m['kernel']}, file limit {m['file_limit']}")
        seen += [f"- {TITLES[make]}: {version}" for make, version in group["versions"].items()]
    return lines + list(dict.fromkeys(seen)) + [""]


def caution(results, order):
    """What keeps the figures from being a claim, if anything does."""
    missing = [name for name in order if name not in results]
    small = [name for name, group in results.items() if group["scale"] != "full"]
    samples = [sample for group in results.values() for sample in group["samples"]]
    measured = {(s["work"], s["make"], s["round"]): s["noise"] for s in samples}
    noisy = sum(noise > NoiseWatch.LIMIT for noise in measured.values())
    if small:
        yield f"In small (`--quick`), so a look rather than a claim: {', '.join(small)}."
    if noisy:
        yield (
            f"The machine was not quiet: {noisy} of {len(measured)} measurements are noisy (`~`). Memory does not "
            "suffer by that and CPU time a little; throughput, latency and stalls then say more of the others than of "
            "the servers."
        )
    if missing:
        yield f"Not measured here: {', '.join(missing)}."
    if small or noisy or missing:
        yield ""


def goal_lines(results, order):
    judged = list(goals.goals(Figures(results)))
    missed = [goal for goal, _, met in judged if not met]
    lines = ["## Goals", ""]
    if missed:
        met = f"{len(judged) - len(missed)} of {len(judged)} are met."
        lines += [f"{met} What is missed is work to be done, and stays listed until it is.", ""]
    lines += [*caution(results, order), "| goal | measured | |", "|---|---|---|"]
    lines += [f"| {goal} | {measured} | {'met' if met else '**missed**'} |" for goal, measured, met in judged]
    return lines + [""], missed


def write(results, order, folder):
    """Writes the page and its pictures under `folder`; returns the goals that were missed."""
    results = {name: results[name] for name in order if name in results}
    target = folder / "benchmarks"
    target.mkdir(parents=True, exist_ok=True)
    for old in target.glob("*.svg"):
        old.unlink()
    valkey = " and Valkey's server" if any(VALKEY in group["versions"] for group in results.values()) else ""
    lines = INTRODUCTION.format(valkey=valkey, noise=100 * NoiseWatch.LIMIT).split("\n")
    goal_table, missed = goal_lines(results, order)
    lines += goal_table
    for name, group in results.items():
        names = []
        for file_name, made in pictures_of(name, group):
            (target / file_name).write_text(made)
            names.append(file_name)
        lines += section(name, group, names)
    lines += machine_lines(results)
    (folder / "benchmarks.md").write_text("\n".join(lines).rstrip("\n") + "\n")
    return missed
