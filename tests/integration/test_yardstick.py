"""The runner of Redis's test suite, over a suite of our own in the same framework's words."""

import os
import shutil
import subprocess
import sys

import pytest

import harness

pytestmark = [pytest.mark.ours, pytest.mark.skipif(shutil.which("tclsh") is None, reason="needs tclsh")]

# Prints what test_helper.tcl of Redis prints: one line for each test, then that the unit is done.
HELPER = """
set unit [lindex $argv [expr {[lsearch $argv --single] + 1}]]
puts {[ready]: 1}
if {[file readlink src/redis-server] eq ""} {exit 1}
if {$unit eq "unit/auth"} {
  puts "\\[\\033\\[32mok\\033\\[0m\\]: first (12 ms)"
  puts {[ok]: second (3 ms)}
  puts {[ignore]: third: Tag: slow denied}
}
if {$unit eq "unit/quit"} {puts {[err]: bad in tests/unit/quit.tcl}; puts {Expected 1 to be 2}}
if {$unit eq "unit/wait"} {puts {[ok]: one (1 ms)}; puts {[exception]: I/O error}; exit 1}
foreach {option value} $argv {}
set at 0
while {[set at [lsearch -start $at $argv --skiptest]] >= 0} {incr at; puts "\\[skip\\]: [lindex $argv $at]"}
puts "\\[1/1 done\\]: $unit (1 seconds)"
"""


@pytest.fixture
def suite(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_helper.tcl").write_text(HELPER)
    return tmp_path


def run(suite, *units):
    done = subprocess.run(
        [sys.executable, harness.ROOT / "tests/yardstick/run", "--redis", suite, "--node", harness.BIN / "holdfast-node", *units],
        capture_output=True, text=True, timeout=60 * harness.SLOW, check=False, env=dict(os.environ),
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_counts_what_passed(suite):
    code, output = run(suite, "auth")
    assert code == 0, output
    assert "unit/auth                   2 passed   0 failed   0 skipped   1 left out by its tags\n" in output
    assert output.endswith("2 passed, 0 failed\n")


def test_names_what_failed_and_goes_on(suite):
    code, output = run(suite, "quit", "unit/auth")
    assert code == 1
    assert "    failed: bad in tests/unit/quit.tcl\n" in output
    assert output.endswith("2 passed, 1 failed\n")


def test_a_unit_that_breaks_off_has_failed(suite):
    code, output = run(suite, "wait")
    assert code == 1
    assert "    failed: exception: I/O error\n" in output
    assert "    did not reach its end\n" in output


def test_skips_are_passed_on(suite):
    code, output = run(suite, "unit/shutdown")
    assert code == 0, output
    skipped = sum(line.startswith("unit/shutdown |") for line in (harness.ROOT / "tests/yardstick/skips.txt").read_text().splitlines())
    assert skipped > 0 and f" 0 failed   {skipped} skipped" in output
