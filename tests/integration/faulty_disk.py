"""Nodes on a disk that fails when told to, and power cuts: the harness around tests/support/disk_shim and power_cut.py."""

import ctypes
import os
import re
import shutil
import subprocess
import sys

from harness import BIN, ROOT, SLOW, Failure, Server, free_port, poll

sys.path.insert(0, str(ROOT / "tests/support"))

import power_cut  # noqa: E402

LAYER = BIN / "libfaulty_disk.so"


def adopt_orphans():
    """What a killed node has forked becomes a child of this process, which collects it: else its number would still count as
    a process for the next node, until somebody else does."""
    set_child_subreaper = 36
    if ctypes.CDLL(None, use_errno=True).prctl(set_child_subreaper, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def wait_group_gone(group):
    """Until no process of the group is left: a killed node may leave a writer for a moment."""

    def gone():
        try:
            while os.waitpid(-group, os.WNOHANG) != (0, 0):
                pass
            return False
        except ChildProcessError:
            return True

    poll(gone, 10, f"the end of all processes of group {group}", 0.002)


class Disk:
    """A folder `data` under the layer, for one node at a time."""

    def __init__(self, space, name="node"):
        adopt_orphans()
        self.space = space
        self.name = name
        self.home = space.subfolder(name)
        self.data = self.home / "data"
        self.data.mkdir(exist_ok=True)
        self.journal = self.home / "journal"
        self.rules_path = self.home / "rules"
        self.rules_path.write_text("")
        self.port = free_port()
        self.starts = 0

    def rules(self, *lines):
        """Replaces the rules; none: the disk is well."""
        temporary = self.home / "rules.new"
        temporary.write_text("".join(line + "\n" for line in lines))
        temporary.replace(self.rules_path)

    def start(self, conf="", wait=True, seconds=15):
        self.starts += 1
        path = self.home / "node.conf"
        if conf or not path.exists():
            path.write_text(conf)
        environment = {
            "LD_PRELOAD": str(LAYER),
            "FAULTY_DISK_ROOT": str(self.data.resolve()),
            "FAULTY_DISK_JOURNAL": str(self.journal),
            "FAULTY_DISK_RULES": str(self.rules_path),
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:verify_asan_link_order=0",
        }
        argv = [self.space.binary("node"), path, "--port", self.port, "--dir", self.data]
        server = Server(f"{self.name}-{self.starts}", argv, self.home, self.port, env=environment, start_new_session=True)
        self.space.processes.append(server)
        return server.wait_ready(seconds) if wait else server

    def ended(self, server):
        """After a node's end, however it came: nothing of it writes any more."""
        server.wait_exit()
        wait_group_gone(server.pid)

    def strangers(self):
        """Files of the append-only folder that its manifest does not name, and temporary files anywhere."""
        folder = self.data / "appendonlydir"
        manifest = folder / "appendonly.aof.manifest"
        named = re.findall(r"^file (\S+) ", manifest.read_text(), re.M) if manifest.exists() else []
        found = sorted(p.name for p in folder.iterdir() if p != manifest and p.name not in named) if folder.exists() else []
        found += sorted(p.name for p in self.data.iterdir() if p.name.startswith("temp-") or p.suffix == ".tmp")
        return found

    def close(self):
        """Forgets its processes, which have ended, and removes the folder."""
        complaints = []
        for process in [p for p in self.space.processes if p.folder == self.home]:
            complaints += process.complaints()
            self.space.processes.remove(process)
        if complaints:
            raise Failure("\n".join(complaints))
        shutil.rmtree(self.home)

    def state(self):
        return power_cut.Disk.read(self.journal)

    def faults(self):
        """(path, "<operation> <action>") of each fault that has hit since the journal began."""
        return self.state().faults if self.journal.exists() else []

    def wait_fault(self, text, seconds=10):
        poll(lambda: any(text in what for _, what in self.faults()), seconds, f"the fault {text!r}")

    def power_cut(self, seed, holes=False):
        return power_cut.power_cut(self.journal, self.data, seed, holes)

    def stay_powered(self):
        """After a kill -9 and no power cut. A call that was done and not yet journalled would leave a gap behind which later
        writes stand: then all that the folder has is taken for written back meanwhile. Whether that was so."""
        behind = self.journal.exists() and bool(self.state().differences(self.data))
        if behind:
            self.journal.unlink()
        return behind


def fix_aof(folder):
    """Cuts the log where its last command that makes sense ends. redis-check-aof does that only in the last file, so an
    increment that was begun and never written to goes first."""
    manifest = folder / "appendonly.aof.manifest"
    lines = manifest.read_text().splitlines()
    while (folder / lines[-1].split()[1]).stat().st_size == 0:
        lines.pop()
    manifest.write_text("".join(line + "\n" for line in lines))
    done = subprocess.run(["redis-check-aof", "--fix", str(manifest)], input="y\n", text=True, capture_output=True,
                          timeout=30 * SLOW, check=False)
    if done.returncode != 0:
        raise Failure(f"redis-check-aof {manifest}: {done.stdout}{done.stderr}")


def start_to_fail(disk, conf="", seconds=15):
    """Starts a node that cannot start; its log."""
    server = disk.start(conf, wait=False)
    code = server.wait_exit(seconds)
    if code == 0:
        raise Failure(f"it was to fail and ended with 0:\n{server.log()}")
    return server.log()
