"""Real processes for tests: nodes and sentinels, ours or Debian's, in a temporary folder on free loopback ports.

Everything started by a Workspace is stopped by it. Waiting is always polling with a deadline (`poll`), scaled by
HOLDFAST_SLOW under the sanitizers. A process that left a sanitizer's report, or died of a signal nobody sent, fails the
test at teardown.

Environment: HOLDFAST_BIN (folder of the binaries, build/release/bin), HOLDFAST_SLOW (deadline factor, 1),
HOLDFAST_TEST_PORTS ("first-last", else any free port below the ephemeral range).
"""

import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import redis

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("HOLDFAST_BIN", ROOT / "build/release/bin")).resolve()
SLOW = float(os.environ.get("HOLDFAST_SLOW", "1"))
HOLDFAST, REDIS = "holdfast", "redis"

SANITIZER_REPORT = re.compile(
    r"ERROR: (Address|Leak)Sanitizer|runtime error:|WARNING: ThreadSanitizer|CRASH REPORT|assertion failed", re.I
)


class Failure(AssertionError):
    """A deadline that was missed, with what was waited for."""


def poll(condition, seconds, what, interval=0.02):
    """Calls condition until it returns something true, and returns that. Errors of a connection count as not yet."""
    deadline = time.monotonic() + seconds * SLOW
    last = None
    while True:
        try:
            last = condition()
            if last:
                return last
        except (redis.exceptions.RedisError, OSError) as error:
            last = error
        if time.monotonic() > deadline:
            raise Failure(f"not within {seconds * SLOW:g} s: {what} (last: {last!r})")
        time.sleep(interval)


_given_ports = set()


def free_port():
    """A loopback port that nobody listens on, never given twice by this process, nor by another worker of its run."""
    first, last = (int(x) for x in os.environ.get("HOLDFAST_TEST_PORTS", "10240-31999").split("-"))
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    candidates = list(range(first + worker, last + 1, int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))))
    random.Random(os.getpid() * 1_000_003 + len(_given_ports)).shuffle(candidates)
    for attempt in range(2):
        for port in candidates:
            if port in _given_ports:
                continue
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            _given_ports.add(port)
            return port
        _given_ports.clear()  # a small range may be used again once its processes are gone
    raise Failure("no free port")


class Process:
    """One child process with its output in a file."""

    def __init__(self, name, argv, folder, env=None, stdin=subprocess.DEVNULL, **popen):
        self.name = name
        self.argv = [str(a) for a in argv]
        self.folder = pathlib.Path(folder)
        self.log_path = self.folder / f"{name}.log"
        self.expected_signals = set()
        environment = dict(os.environ, LC_ALL="C.UTF-8")
        environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        environment.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
        environment.update(env or {})
        self._log = open(self.log_path, "ab")
        self.child = subprocess.Popen(
            self.argv, cwd=self.folder, stdin=stdin, stdout=self._log, stderr=subprocess.STDOUT, env=environment, **popen
        )

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_log(self, pattern, seconds=10):
        poll(lambda: re.search(pattern, self.log()), seconds, f"{pattern!r} in the log of {self.name}")

    def wait_exit(self, seconds=10):
        """The exit code."""
        try:
            return self.child.wait(seconds * SLOW)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} did not end within {seconds * SLOW:g} s") from None

    def signal(self, number):
        self.expected_signals.add(int(number))
        self.child.send_signal(number)

    def kill(self):
        if self.running():
            self.signal(signal.SIGKILL)
            self.child.wait()

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def resume(self):
        self.child.send_signal(signal.SIGCONT)

    def stop(self, seconds=10):
        """SIGTERM, and SIGKILL when that does not help. The exit code."""
        if self.running():
            self.resume()
            self.signal(signal.SIGTERM)
            try:
                self.child.wait(seconds * SLOW)
            except subprocess.TimeoutExpired:
                self.kill()
                raise Failure(f"{self.name} ignored SIGTERM for {seconds * SLOW:g} s") from None
        return self.child.returncode

    def complaints(self):
        """What is wrong with how it ran: sanitizer reports, deaths by a signal that nobody sent."""
        found = []
        report = SANITIZER_REPORT.search(self.log()) if self.log_path.exists() else None
        if report:
            text = self.log()
            found.append(f"{self.name}: {text[max(0, report.start() - 200):report.start() + 6000]}")
        code = self.child.poll()
        if code is not None and code < 0 and -code not in self.expected_signals:
            found.append(f"{self.name} died of signal {-code}; end of its log:\n{self.log()[-3000:]}")
        return found


class Server(Process):
    """A node or a sentinel: a conf file of its own and a port to talk to."""

    def __init__(self, name, argv, folder, port, password=None, **popen):
        super().__init__(name, argv, folder, **popen)
        self.port = port
        self.password = password
        self.http_port = None

    @property
    def address(self):
        return ("127.0.0.1", self.port)

    def client(self, timeout=5, **options):
        return redis.Redis(
            "127.0.0.1", self.port, password=self.password, socket_timeout=timeout * SLOW,
            socket_connect_timeout=timeout * SLOW, decode_responses=True, **options
        )

    def wait_ready(self, seconds=15):
        def ready():
            if not self.running():
                raise Failure(f"{self.name} ended with {self.child.returncode}:\n{self.log()[-3000:]}")
            with self.client(1) as client:
                return client.ping()

        poll(ready, seconds, f"{self.name} answers PING at port {self.port}")
        return self

    def info(self, section="everything"):
        with self.client() as client:
            return client.info(section)

    def cli(self, *arguments, stdin=None, seconds=15, auth=True):
        """What redis-cli prints when its output is a pipe."""
        return redis_cli(self.port, *arguments, stdin=stdin, seconds=seconds, password=self.password if auth else None)


def redis_cli(port, *arguments, stdin=None, seconds=15, password=None):
    argv = ["redis-cli", "-p", str(port)] + (["-a", password, "--no-auth-warning"] if password else [])
    done = subprocess.run(
        argv + [str(a) for a in arguments], input=stdin, capture_output=True, text=True, timeout=seconds * SLOW, check=False
    )
    return done.stdout + done.stderr


class Workspace:
    """A temporary folder with the processes started in it. Use as a context manager."""

    def __init__(self, kind=HOLDFAST):
        self.kind = kind
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        self.folder.chmod(0o755)
        self.processes = []
        self.extra_env = {}

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc, traceback):
        if exc_type:
            self.print_logs()
        complaints = self.close()
        if complaints and not exc_type:
            raise Failure("\n".join(complaints))

    def print_logs(self):
        for process in self.processes:
            if process.log_path.exists():
                print(f"----- {process.name}: {' '.join(process.argv)}\n{process.log()[-4000:]}")

    def close(self):
        complaints = []
        for process in reversed(self.processes):
            if process.running():
                process.resume()
                process.signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.stop()
            except Failure as failure:
                complaints.append(str(failure))
            complaints += process.complaints()
        shutil.rmtree(self.folder, ignore_errors=True)
        return complaints

    def binary(self, role, kind=None):
        """role is "node" or "sentinel"."""
        kind = kind or self.kind
        if kind == REDIS:
            return {"node": "/usr/bin/redis-server", "sentinel": "/usr/bin/redis-sentinel"}[role]
        return str(BIN / f"holdfast-{role}")

    def subfolder(self, name):
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return folder

    def run(self, name, argv, **popen):
        process = Process(name, argv, self.folder, **popen)
        self.processes.append(process)
        return process

    def node(self, name, conf="", *options, port=None, password=None, kind=None, wait=True, argv0=None, http=False, **popen):
        """Starts a node from <name>/<name>.conf; `conf` is its text, port and folder come from the command line."""
        port = port or free_port()
        folder = self.subfolder(name)
        path = folder / f"{name}.conf"
        if not path.exists() or conf:
            path.write_text(conf)
        argv = [argv0 or self.binary("node", kind), path, "--port", port, "--dir", folder]
        if http:
            http = free_port()
            argv += ["--http-port", http, "--http-bind", "127.0.0.1"]
        server = Server(name, argv + list(options), folder, port, password, **popen)
        server.http_port = http or None
        self.processes.append(server)
        return server.wait_ready() if wait else server

    def sentinel(self, name, conf="", *options, port=None, kind=None, wait=True, argv=None, http=False, **popen):
        """Starts a sentinel; its conf gets a port line in front unless it names one."""
        port = port or free_port()
        folder = self.subfolder(name)
        path = folder / f"{name}.conf"
        if not path.exists() or conf:
            lines = "" if re.search(r"^port ", conf, re.M) else f"port {port}\n"
            if http:
                http = free_port()
                lines += f"http-port {http}\nhttp-bind 127.0.0.1\n"
            path.write_text(lines + conf)
        server = Server(name, (argv or [self.binary("sentinel", kind)]) + [path] + list(options), folder, port, **popen)
        server.http_port = http or None
        self.processes.append(server)
        return server.wait_ready() if wait else server


class Group:
    """One primary, replicas and sentinels that know each other: the usual setting of a failover test."""

    def __init__(self, space, replicas=2, sentinels=3, down_after_ms=1000, name="myprimary", http=False, extra="",
                 kind=None, node_kind=None, node_conf="save \"\"\nrepl-diskless-sync-delay 0\n"):
        self.space = space
        self.name = name
        node_kind = node_kind or kind
        self.primary = space.node("primary", node_conf, kind=node_kind, http=http)
        self.nodes = [self.primary]
        for i in range(replicas):
            self.nodes.append(
                space.node(f"replica{i + 1}", node_conf + f"replicaof 127.0.0.1 {self.primary.port}\n", kind=node_kind,
                           http=http)
            )
        conf = (
            f"sentinel monitor {name} 127.0.0.1 {self.primary.port} {sentinels // 2 + 1}\n"
            f"sentinel down-after-milliseconds {name} {down_after_ms}\n"
            f"sentinel failover-timeout {name} 60000\n{extra}"
        )
        self.sentinels = [space.sentinel(f"sentinel{i + 1}", conf, kind=kind, http=http) for i in range(sentinels)]
        self.wait_settled()

    def wait_settled(self, seconds=30):
        """Every replica is in sync, and every sentinel knows all replicas and all other sentinels, and sees all up."""
        replicas, others = len(self.nodes) - 1, len(self.sentinels) - 1

        def settled():
            if any(n.info("replication").get("master_link_status") != "up" for n in self.nodes if n is not self.primary):
                return False
            for sentinel in self.sentinels:
                with sentinel.client() as client:
                    state = client.sentinel_master(self.name)
                    if state["num-slaves"] != replicas or state["num-other-sentinels"] != others:
                        return False
                    if state["is_sdown"] or state["is_disconnected"]:
                        return False
                    peers = client.sentinel_slaves(self.name) + client.sentinel_sentinels(self.name)
                    if any(p["is_sdown"] or p["is_disconnected"] for p in peers):
                        return False
                    if any(p["master-link-status"] != "ok" for p in client.sentinel_slaves(self.name)):
                        return False
            return True

        poll(settled, seconds, "the sentinels know the whole group", 0.05)

    def address_by(self, sentinel):
        """(host, port) of the primary as that sentinel tells clients."""
        with sentinel.client() as client:
            found = client.sentinel_get_master_addr_by_name(self.name)
            return found and (found[0], int(found[1]))

    def wait_new_primary(self, old, seconds=20):
        """The node that every sentinel names, once that is not `old` and the node itself agrees."""

        def agreed():
            named = {self.address_by(sentinel) for sentinel in self.sentinels if sentinel.running()}
            if len(named) != 1 or named == {old.address}:
                return None
            node = next((n for n in self.nodes if n.address in named), None)
            return node if node and node.info("replication")["role"] == "master" else None

        return poll(agreed, seconds, "all sentinels name a new primary")
