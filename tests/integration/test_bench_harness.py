"""The benchmarks' harness runs from end to end: tiny sizes, both makes, a page and pictures that show what it measured."""

import json
import subprocess
import xml.dom.minidom

import pytest

import harness

pytestmark = [pytest.mark.ours, pytest.mark.alone]


def test_measures_both_makes_and_writes_the_page(tmp_path):
    done = subprocess.run(
        [harness.ROOT / "tests/bench/run", "--smoke", "--no-build", f"--output={tmp_path}", f"--port={harness.free_port()}",
         "string", "memory", "growth", "expiry", "load", "aof", "save", "sync"],
        capture_output=True, text=True, timeout=300 * harness.SLOW, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr

    results = json.loads((tmp_path / "benchmarks/results.json").read_text())
    assert list(results) == ["string", "memory", "growth", "expiry", "load", "aof", "save", "sync"]
    for make in ("floor", "redis", "holdfast"):
        measured = {
            (s["work"], s["metric"]): s["value"] for s in results["string"]["samples"] if s["make"] == make
        }  # fmt: skip
        # A request costs any server more than 0.01 us and less than 10 ms.
        assert 0.01 < measured["GET", "cpu_us"] < 10_000
        assert measured["GET, pipeline 32", "cpu_us"] < measured["GET", "cpu_us"]
        assert measured["SET", "per_second"] > 10
    assert {s["make"] for s in results["expiry"]["samples"] if s["metric"] == "seconds_until_gone"} == {"redis", "holdfast"}
    assert not results["expiry"]["notes"]
    loaded = {(s["work"].split()[0], s["make"]) for s in results["load"]["samples"] if s["metric"] == "load_seconds"}
    assert loaded == {(kind, make) for kind in ("dump", "append-only") for make in ("redis", "holdfast")}

    synced = {s["make"] for s in results["sync"]["samples"] if s["metric"] == "sync_seconds" and s["value"] < 60}
    assert synced == {"redis", "holdfast"}

    page = (tmp_path / "benchmarks.md").read_text()
    assert "| GET: server CPU below redis-server's |" in page
    for work in {s["work"] for group in results.values() for s in group["samples"]}:
        assert f"| {work} |" in page, "a table shows it"
    for picture in (tmp_path / "benchmarks").glob("*.svg"):
        xml.dom.minidom.parse(str(picture))
        assert picture.name in page
