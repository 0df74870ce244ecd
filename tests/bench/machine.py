"""What is known of the machine and its processes: cores, memory, CPU time, what others did meanwhile, the commit."""

import dataclasses
import datetime
import os
import pathlib
import platform
import re
import resource
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER_CORE, LOAD_CORE = 0, 1
BOTH_CORES = {SERVER_CORE, LOAD_CORE}
TICK = os.sysconf("SC_CLK_TCK")


def pinned_to(cores, niceness=0):
    """A preexec function: the process, its threads and children stay on these cores; its file limit is the hard one."""

    def apply():
        os.sched_setaffinity(0, cores)
        os.nice(niceness)
        raise_file_limit()

    return apply


def raise_file_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def cpu_seconds(pid):
    """utime + stime of all threads, ended ones too, in full resolution: the process's CPU-time clock."""
    return time.clock_gettime(((~pid) << 3) | 2)


def resident_bytes(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M).group(1)) * 1024


def settled_resident_bytes(pid, quiet_seconds, patience_seconds=120):
    """Resident memory once it has stopped changing by more than 0.2 %: allocators and crons give back late."""
    deadline = time.monotonic() + patience_seconds
    reference, since = resident_bytes(pid), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < quiet_seconds:
        time.sleep(0.1)
        now = resident_bytes(pid)
        if abs(now - reference) > 0.002 * reference:
            reference, since = now, time.monotonic()
    return resident_bytes(pid)


@dataclasses.dataclass
class CoreTimes:
    """Seconds since boot that the two cores were busy, and that the hypervisor gave to somebody else."""

    at: float
    busy: float
    stolen: float

    @staticmethod
    def now():
        busy = stolen = 0
        for line in pathlib.Path("/proc/stat").read_text().splitlines():
            name, *fields = line.split()
            if name in (f"cpu{SERVER_CORE}", f"cpu{LOAD_CORE}"):
                user, nice, system, _idle, _iowait, irq, softirq, steal = (int(x) for x in fields[:8])
                busy += user + nice + system + irq + softirq
                stolen += steal
        return CoreTimes(time.monotonic(), busy / TICK, stolen / TICK)


class NoiseWatch:
    """How much of the two cores went to processes that are not part of the measurement, as a share of the time."""

    # A share above this marks a measurement as noisy. Ticks are 10 ms, so short runs cannot tell less.
    LIMIT = 0.04

    def __init__(self, server_pids):
        self.pids = server_pids
        self.times = CoreTimes.now()
        self.own = self._own_seconds()

    def _own_seconds(self):
        used = sum(cpu_seconds(pid) for pid in self.pids)
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            used += usage.ru_utime + usage.ru_stime
        return used

    def share(self):
        now = CoreTimes.now()
        elapsed = max(now.at - self.times.at, 1e-9)
        others = (now.busy - self.times.busy) - (self._own_seconds() - self.own)
        return max(0.0, others + now.stolen - self.times.stolen) / (2 * elapsed)


def describe():
    cpu = re.search(r"^model name\s*: (.+)$", pathlib.Path("/proc/cpuinfo").read_text(), re.M)
    memory = re.search(r"^MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text(), re.M)
    return {
        "cpu": cpu.group(1) if cpu else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory.group(1)) / 1024**2, 1),
        "kernel": platform.release(),
        "file_limit": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
    }


def commit():
    def git(*words):
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    # What the benchmarks write themselves does not make a tree another.
    written = (":!docs/benchmarks", ":!docs/benchmarks.md")
    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", *written)
    return git("rev-parse", "--short=8", "HEAD") + (" with changes" if changed else "")


def today():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
