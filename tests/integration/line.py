"""A line between two processes that a test makes bad: tests/support/link_emulator.py as a process of its own."""

import json
import subprocess
import sys

import harness
from harness import ROOT, SLOW


class Line:
    """In front of `port`. Use as a context, or close() it. `window`: how many bytes it holds each way; the emulator's
    own choice is that of a long line."""

    def __init__(self, port, delay_ms=0, rate=None, window=None):
        options = ["--delay-ms", delay_ms] + (["--window", window] if window else [])
        self._process = subprocess.Popen(
            [sys.executable, ROOT / "tests/support/link_emulator.py", "--to", str(port),
             "--listen", str(harness.free_port()), *map(str, options)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.port = int(self._process.stdout.readline())
        self.limit(rate)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def tell(self, command):
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, answer
        return answer

    def limit(self, rate):
        """Bytes a second each way from now on; None: no bound."""
        self.tell(f"rate {rate or 0}")

    @property
    def carried(self):
        """Bytes that came from the port."""
        return self.tell("status")["down"]

    def close(self):
        self._process.stdin.close()
        assert self._process.wait(10 * SLOW) == 0
