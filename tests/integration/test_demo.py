"""deploy/demo --script: completes a failover, tells the timeline, loses its temporary folder and every process."""

import os
import pathlib
import re
import subprocess

import pytest

import harness

pytestmark = [pytest.mark.ours, pytest.mark.alone]


def processes_with(word):
    """Processes whose command line or working directory contains word. (A node's title hides its arguments.)"""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            folder = os.readlink(process / "cwd")
        except OSError:
            continue  # it has ended
        if word in line or word in folder:
            found.append(f"{line} in {folder}")
    return found


def test_demo_script():
    done = subprocess.run(
        [harness.ROOT / "deploy/demo", "--script"], capture_output=True, text=True, timeout=120 * harness.SLOW,
        env=dict(os.environ, HOLDFAST_BIN=str(harness.BIN)), stdin=subprocess.DEVNULL, check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("detected", "elected", "promoted", "writable again", "clients switched", "writes acknowledged", "lost"):
        assert re.search(rf"\b{word}\b", done.stdout), f"{word!r} is missing:\n{done.stdout}"
    assert len(re.findall(r"http://127\.0\.0\.1:\d+/metrics", done.stdout)) == 6
    detected = int(re.search(r"(\d+)  detected", done.stdout).group(1))
    assert detected >= 900, "down-after is 1000 ms: it cannot be detected before"
    folder = re.search(r"(/\S*holdfast-demo-\w+)", done.stdout).group(1)
    assert not pathlib.Path(folder).exists()
    assert processes_with(folder) == []
