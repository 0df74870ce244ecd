"""What the append-only file costs: every fsync takes 1 ms longer, for each make by the same shim (slow_fsync.cc)."""

import concurrent.futures
import contextlib

from clients import load
from servers import BIN, FLOOR

WRITES = "`always`, 50 clients writing"
READS = "`always`, GETs of 160 clients beside 40 writing"
EVERYSEC = "SET, 50 clients, `everysec`"

SET, GET = "SET key:{key} {value}", "GET key:{key}"
SLOW_DISK = {"LD_PRELOAD": str(BIN / "libbench_slow_fsync.so"), "BENCH_FSYNC_DELAY_US": "1000"}
NO_REWRITE = {"auto_aof_rewrite_percentage": "0"}  # else it starts when the preloaded file reaches 64 MB, beside the load
KEPT = ("p50_us", "p99_us", "p999_us", "max_us", "server_busy", "load_busy")


def aof(bench):
    always(bench)
    everysec(bench)


def always(bench):
    timing = {"seconds": bench.size(2, 1, 0.3), "warmup": bench.size(0.4, 0.3, 0.1), "keys": bench.keys()}
    with contextlib.ExitStack() as stack:
        servers = []
        for index, make in enumerate(bench.in_turn()):
            server = bench.start(make, index, environment=SLOW_DISK, appendonly="yes", appendfsync="always", **NO_REWRITE)
            servers.append(stack.enter_context(server))
            if make.name == FLOOR:
                continue
            load(servers[-1], "SET key:{seq} {value}", requests=bench.keys(), pipeline=32, connections=200)
        for server in servers:
            server.pause()
        for piece in range(bench.size(4, 2, 1)):
            for server in servers:
                server.resume()
                record(bench, WRITES, server, piece, load(server, SET, connections=50, seed=piece + 1, **timing))
                if server.make.name == FLOOR:
                    server.pause()
                    continue
                # Two loads at once: the CPU time and the noise of each are of both.
                with concurrent.futures.ThreadPoolExecutor() as pool:
                    writing = pool.submit(load, server, SET, connections=40, seed=piece + 1, **timing)
                    reading = pool.submit(load, server, GET, connections=160, seed=piece + 1, **timing)
                record(bench, READS, server, piece, reading.result())
                record(bench, READS.replace("GETs of 160 clients beside 40 writing", "SETs of those 40"), server, piece,
                       writing.result())  # fmt: skip
                server.pause()


def record(bench, work, server, piece, figures):
    kept = {name: figures[name] for name in KEPT}
    bench.record(work, server.make, figures["noise"], piece, per_second=figures["requests_per_second"], **kept)


def everysec(bench):
    """Both servers of a make hold the same data. Two seconds of the same server differ by a tenth, so a sample is the
    ratio of two sums, over short turns of both."""
    timing = {"seconds": bench.size(0.6, 0.5, 0.2), "warmup": bench.size(0.15, 0.1, 0.05), "keys": bench.keys()}
    for make in bench.in_turn(floor=False):
        logging = {"appendonly": "yes", "appendfsync": "everysec", **NO_REWRITE}
        with bench.start(make, 0) as off, bench.start(make, 1, **logging) as on:
            for server in (off, on):
                load(server, "SET key:{seq} {value}", requests=bench.keys(), pipeline=32)
                server.pause()
            for piece in range(bench.size(12, 3, 1)):
                done, noise = {off: 0, on: 0}, 0
                for turn in range(bench.size(6, 4, 2)):
                    for server in (off, on) if turn % 2 else (on, off):
                        server.resume()
                        figures = load(server, SET, connections=50, seed=turn + 1, **timing)
                        server.pause()
                        done[server] += figures["requests_per_second"]
                        noise = max(noise, figures["noise"])
                bench.record(EVERYSEC, make, noise, piece, of_file_off=done[on] / done[off])
