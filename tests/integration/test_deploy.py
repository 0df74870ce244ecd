"""What deploy/ ships is valid: Prometheus's files, systemd's units, and the list of packages."""

import re
import shutil
import subprocess

import pytest

from harness import ROOT

DEPLOY = ROOT / "deploy"
pytestmark = pytest.mark.ours


def run(*argv):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_prometheus_accepts_its_files():
    code, text = run("promtool", "check", "config", DEPLOY / "prometheus/prometheus.yml")
    assert code == 0, text
    code, text = run("promtool", "test", "rules", DEPLOY / "prometheus/alerts_test.yml")
    assert code == 0 and "SUCCESS" in text, text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd on this machine")
@pytest.mark.parametrize("name", ["node", "sentinel"])
def test_systemd_accepts_the_units(tmp_path, name):
    text = (DEPLOY / f"systemd/holdfast-{name}@.service").read_text()
    unit = tmp_path / f"holdfast-{name}@1.service"
    unit.write_text(text.replace(f"/usr/bin/holdfast-{name}", shutil.which("true")))
    # verify exits with 0 on a misspelt key: any word of it is a failure.
    code, said = run("systemd-analyze", "verify", "--man=no", unit)
    if "Failed to" in said and "bus" in said.lower():
        pytest.skip("systemd-analyze cannot run here: " + said.strip())
    assert code == 0 and said.strip() == ""
    _, said = run("systemd-analyze", "security", "--offline=true", unit)
    exposure = re.search(r"exposure level for .*: ([\d.]+)", said)
    assert exposure and float(exposure.group(1)) <= 2.0, said


def test_every_purpose_has_packages():
    text = (DEPLOY / "packages.txt").read_text()
    sections = dict(re.findall(r"^\[(\w+)\]\n((?:[a-z][\w.+-]*\n)+)", text, re.M))
    assert set(sections) == {"build", "demo", "test", "long"}
    for names in sections.values():
        assert len(names.split()) == len(set(names.split()))
