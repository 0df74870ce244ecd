"""The makes that are compared, and a running server of one of them, pinned to the servers' core."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

import machine

BIN = pathlib.Path(os.environ.get("HOLDFAST_BIN", machine.ROOT / "build/release/bin")).resolve()
FLOOR, REDIS, VALKEY, OURS = "floor", "redis", "valkey", "holdfast"
TITLES = {FLOOR: "floor", REDIS: "redis-server", VALKEY: "valkey-server", OURS: "Holdfast"}


class Failure(Exception):
    """Something that keeps a measurement from being made; the text says what."""


class Make:
    def __init__(self, name, binary):
        self.name, self.binary = name, pathlib.Path(binary)

    def version(self):
        if self.name == FLOOR:
            return "tests/bench/floor_server.cc"
        shown = subprocess.run([self.binary, "--version"], capture_output=True, text=True, check=False).stdout.strip()
        return re.sub(r"\s+", " ", shown)

    def command(self, port, folder, options):
        if self.name == FLOOR:
            return [self.binary, str(port), *([f"{folder}/floor.log"] if options.get("appendonly") == "yes" else [])]
        settings = {
            "port": port, "bind": "127.0.0.1", "dir": folder, "save": "", "appendonly": "no", "loglevel": "notice",
            "daemonize": "no", **options,
        }  # fmt: skip
        return [self.binary, *(word for name, value in settings.items() for word in (f"--{name}", str(value)))]


class Server:
    """Use as a context: it is killed at the end, its files with it."""

    def __init__(
        self, make, port, patience=20, environment=None, core=machine.SERVER_CORE, niceness=0, shared=False, **options
    ):  # fmt: skip
        """`shared`: the server and its load may both run on both cores."""
        self.make, self.port, self.patience = make, port, patience  # seconds until it must answer
        self.environment = {**os.environ, **(environment or {})}
        self.cores, self.niceness = machine.BOTH_CORES if shared else {core}, niceness
        self.load_cores = machine.BOTH_CORES if shared else {machine.LOAD_CORE}
        self.options = {k.replace("_", "-"): v for k, v in options.items()}

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.log = pathlib.Path(self.folder.name) / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.make.command(self.port, self.folder.name, self.options), stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, cwd=self.folder.name, env=self.environment,
                preexec_fn=machine.pinned_to(self.cores, self.niceness),
            )  # fmt: skip
        self.pid = self.process.pid
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + self.patience
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Failure(f"{self.make.name} ended at start:\n{self.log_text()[-2000:]}")
            with contextlib.suppress(OSError, ReplyError), Connection(self.port) as connection:
                connection.call("PING")  # an error: it is loading
                return
            time.sleep(0.02)
        raise Failure(f"{self.make.name} does not answer on port {self.port}")

    def log_text(self):
        return self.log.read_text(errors="replace")

    def pause(self):
        """Keeps a server that is not measured from taking time from the one that is."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        os.kill(self.pid, signal.SIGCONT)
        with Connection(self.port) as connection:
            connection.call("PING")

    def call(self, *words):
        with Connection(self.port) as connection:
            return connection.call(*words)

    def resident(self, quiet_seconds=1.5):
        return machine.settled_resident_bytes(self.pid, quiet_seconds)


class ReplyError(Exception):
    """An error reply."""


class Connection:
    """A blocking client for a few commands; a reply is str, int, None or a list."""

    def __init__(self, port, timeout=30):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        # Reset on close: ten thousand TIME_WAITs would be in the next run's way.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.input = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def call(self, *words):
        encoded = [str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in encoded))
        return self.read()

    def read(self):
        line = self._until(b"\r\n").decode()
        kind, text = line[0], line[1:]
        if kind == "-":
            raise ReplyError(text)
        if kind == "+":
            return text
        if kind == ":":
            return int(text)
        length = int(text)
        if length < 0:
            return None
        if kind == "*":
            return [self.read() for _ in range(length)]
        while len(self.input) < length + 2:
            self._more()
        body, self.input = self.input[:length], self.input[length + 2 :]
        return body.decode(errors="replace")

    def _until(self, mark):
        while mark not in self.input:
            self._more()
        line, self.input = self.input.split(mark, 1)
        return line

    def _more(self):
        data = self.socket.recv(65536)
        if not data:
            raise ConnectionError("closed by the server")
        self.input += data
