"""How long a server takes to load its files at start: a dump, and an append-only file of SETs."""

import base64
import os
import pathlib
import random
import re
import tempfile

import machine
from servers import REDIS, Failure, Server

DUMP, LOG = "dump.rdb", "appendonly.aof.1.incr.aof"
MANIFEST = f"file {LOG} seq 1 type i\n"
LOADED = re.compile(r"DB loaded from (?:disk|append only file): ([\d.]+) seconds")
PATIENCE = 120


class Files:
    """Keys of 16 bytes with values of 64 that do not compress, as a log, and as the dump that redis-server makes of it."""

    def __init__(self, keys, make, port):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-load-")
        self.path = pathlib.Path(self.folder.name)
        self.write_log(keys)
        with self.server("log", make, port) as server:
            if server.call("DBSIZE") != keys or server.call("SAVE") != "OK":
                raise Failure(f"{make.name} did not make a dump of {keys:,} keys")
            os.link(self.path / "run" / DUMP, self.path / DUMP)
        self.sizes = {name: (self.path / name).stat().st_size for name in (DUMP, LOG)}

    def write_log(self, keys):
        source, batch = random.Random(1), 10_000
        with open(self.path / LOG, "wb") as out:
            out.write(b"*2\r\n$6\r\nSELECT\r\n$1\r\n0\r\n")
            for first in range(0, keys, batch):
                values = base64.b64encode(source.randbytes(batch * 48))
                out.write(b"".join(
                    b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$64\r\n%s\r\n" % (first + i, values[i * 64 : i * 64 + 64])
                    for i in range(min(batch, keys - first))
                ))  # fmt: skip

    def server(self, kind, make, port):
        """A server that starts with the dump or the log in a folder of its own."""
        run = self.path / "run"
        for path in sorted(run.glob("**/*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        (run / "appendonlydir").mkdir(parents=True, exist_ok=True)
        options = {"dir": run, "patience": PATIENCE}
        if kind == "dump":
            os.link(self.path / DUMP, run / DUMP)
        else:
            os.link(self.path / LOG, run / "appendonlydir" / LOG)
            (run / "appendonlydir/appendonly.aof.manifest").write_text(MANIFEST)
            options |= {"appendonly": "yes", "auto_aof_rewrite_percentage": 0}
        return Server(make, port, **options)

    def check_untouched(self):
        for name, size in self.sizes.items():
            if (self.path / name).stat().st_size != size:
                raise Failure(f"{name} was changed by the server that loaded it")


def loading(bench):
    """The servers' own log line is the measure: the whole start of a process is more than the load."""
    keys = bench.size(5_000_000, 1_000_000, 10_000)
    if bench.prepared is None:
        maker = next((make for make in bench.makes if make.name == REDIS), bench.makes[-1])
        bench.prepared = Files(keys, maker, bench.port)
    titles = {"dump": f"dump of {keys / 1e6:g}M keys of 16 + 64 B", "log": f"append-only file of {keys / 1e6:g}M SETs"}
    for kind, title in titles.items():
        for make in bench.in_turn(floor=False):
            watch = machine.NoiseWatch([])
            with bench.prepared.server(kind, make, bench.port) as server:
                found = LOADED.search(server.log_text())
                if found is None or server.call("DBSIZE") != keys:
                    raise Failure(f"{make.name} did not load the {kind}:\n{server.log_text()[-2000:]}")
                cpu = machine.cpu_seconds(server.pid)
                watch.pids = [server.pid]  # it did not exist when the watch began
                bench.record(title, make, watch.share(), load_seconds=float(found.group(1)), start_cpu_seconds=cpu)
            bench.prepared.check_untouched()
