"""bench_load and bench_stall, on the cores of the server's load; their JSON as dicts."""

import contextlib
import itertools
import json
import signal
import subprocess

import machine
from servers import BIN, Failure


_seeds = itertools.count(1)


def load_anew(server, *commands, **options):
    """load() with random numbers of its own: what is written in pieces shall not write the same keys in each."""
    return load(server, *commands, seed=next(_seeds), **options)


def load(server, *commands, **options):
    """Runs bench_load to its end; an option is its flag with underscores. Error replies are a Failure."""
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    watch = machine.NoiseWatch([server.pid])
    done = subprocess.run(
        [BIN / "bench_load", f"--port={server.port}", f"--server={server.pid}", *flags, *commands],
        capture_output=True, text=True, check=False, preexec_fn=machine.pinned_to(server.load_cores),
    )  # fmt: skip
    if done.returncode != 0:
        raise Failure(f"{server.make.name}: {done.stderr.strip()}")
    figures = json.loads(done.stdout)
    if figures["errors"]:
        raise Failure(f"{server.make.name} answered {figures['first_error']!r} to {commands[0]!r}")
    figures["noise"] = watch.share()
    # Above 1 the load, not the server, is what limits the throughput.
    figures["load_busy"] = figures["load_cpu_seconds"] / figures["seconds"]
    figures["server_busy"] = figures["server_cpu_seconds"] / figures["seconds"]
    return figures


@contextlib.contextmanager
def pinging(server, interval_us=500, others=()):
    """Pings the server while the body runs; yields a dict that holds the figures after it. Neither what the server uses
    nor what `others`, more servers, use is noise."""
    watch = machine.NoiseWatch([server.pid, *(other.pid for other in others)])
    process = subprocess.Popen(
        [BIN / "bench_stall", str(server.port), str(interval_us), str(server.pid)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=machine.pinned_to(server.load_cores),
    )  # fmt: skip
    figures = {}
    try:
        yield figures
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=150)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if process.returncode != 0:
        raise Failure(f"{server.make.name}: {errors.strip()}")
    figures.update(json.loads(output))
    figures["noise"] = watch.share()
