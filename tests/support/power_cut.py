#!/usr/bin/env python3
"""Turns a folder into a state that a power cut could have left, by the journal that disk_shim/faulty_disk.cc kept of it.

  power_cut.py [--seed N] [--holes] JOURNAL FOLDER

The model is what POSIX promises and no more: bytes of a file are durable once a sync of that file that began after the
write has succeeded, names once their folder was synced. Of the rest a random part survives:
  bytes    a prefix of the unsynced writes; the 4 KB block in which it ends is cut there, or goes on with zeros; with
           --holes one of its sectors may be zeros although later ones have survived
  names    creations, renames and unlinkings since the folder's sync: the first so many, or any of them
A sync that failed leaves the bytes it was for lost for good, as Linux does: later syncs do not bring them back.
"""

import argparse
import os
import pathlib
import random
import shutil
import struct
import sys

HEADER = struct.Struct("<QIHHQQQ")
MAGIC = struct.pack("<Q", 0x4B7A11F05CA1AB1E)
(START, FILE, FOLDER, CREATE, MAKE_FOLDER, UNLINK, RENAME, WRITE, TRUNCATE, SYNC_BEGIN, SYNC_END, SYNC_FAILED, FAULT) = range(13)
BLOCK, SECTOR = 4096, 512
ROOT = "."


class Corrupt(Exception):
    """The journal itself does not make sense."""


def records(data):
    """(kind, path, inode, value, seconds, payload) of each whole record; the kill may have torn some."""
    at = 0
    while (at := data.find(MAGIC, at)) >= 0 and at + HEADER.size <= len(data):
        _, length, kind, path_length, inode, value, nanoseconds = HEADER.unpack_from(data, at)
        end = at + length
        if end > len(data) or (end < len(data) and data[end : end + 8] != MAGIC[: len(data) - end]):
            at += 8
            continue
        start = at + HEADER.size
        yield kind, data[start : start + path_length].decode(), inode, value, nanoseconds / 1e9, data[start + path_length : end]
        at = end


def parent(path):
    return path.rpartition("/")[0] or ROOT


class FileState:
    """The bytes of one inode: as they are, as they would be after a power cut at best and at worst."""

    def __init__(self, content=b""):
        self.current = bytearray(content)
        self.durable = bytearray(content)
        self.pending = []  # (offset, bytes) of a write, (size, None) of a truncation
        self.settled = 0   # how many changes went before those

    def change(self, offset, data):
        self._apply(self.current, offset, data)
        self.pending.append((offset, data))

    def mark(self):
        return self.settled + len(self.pending)

    def settle(self, mark, lost=False):
        count = max(0, mark - self.settled)
        if not lost:
            for offset, data in self.pending[:count]:
                self._apply(self.durable, offset, data)
        del self.pending[:count]
        self.settled += count

    @staticmethod
    def _apply(content, offset, data):
        if data is None:
            del content[offset:]
            return
        if offset > len(content):
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data

    def after_power_cut(self, rng, holes):
        """The bytes, and how many bytes of writes were lost."""
        content = bytearray(self.durable)
        total = sum(len(data or b"") for _, data in self.pending)
        kept = rng.choice([0, total, rng.randint(0, total), rng.randint(0, total)])
        left = kept
        for offset, data in self.pending:
            if data is not None and len(data) > left:
                self._apply(content, offset, data[:left])
                self._tear(content, min(len(self.current), offset + len(data)), rng)
                break
            self._apply(content, offset, data)
            left -= len(data or b"")
        first = len(self.durable)
        if holes and len(content) - first > 2 * SECTOR:
            at = rng.randrange((first + SECTOR - 1) // SECTOR, len(content) // SECTOR) * SECTOR
            content[at : at + SECTOR] = bytes(SECTOR)
        return bytes(content), total - kept

    @staticmethod
    def _tear(content, limit, rng):
        if rng.random() < 0.5:
            return
        end = min(limit, (len(content) // BLOCK + 1) * BLOCK)
        content.extend(bytes(max(0, rng.randint(0, end - len(content)) if end > len(content) else 0)))


class Disk:
    """What the journal says about a folder."""

    def __init__(self):
        self.names = {}    # path -> FileState, or None for a folder; as they are
        self.durable = {}  # the same after a power cut at worst
        self.pending = []  # (number, folders, what, path, other, state)
        self.faults = []   # (path, text)
        self.starts = 0
        self._inodes = {}
        self._syncs = {}
        self._count = 0

    @classmethod
    def read(cls, journal):
        disk = cls()
        for record in records(pathlib.Path(journal).read_bytes()):
            disk._add(*record)
        return disk

    def _add(self, kind, path, inode, value, _seconds, payload):
        if kind in (FILE, FOLDER):
            state = FileState(payload) if kind == FILE else None
            self.names[path] = self.durable[path] = state
            self._inodes[inode] = state
        elif kind == CREATE:
            self._inodes[inode] = FileState()
            self._change("create", path, None, self._inodes[inode])
        elif kind == MAKE_FOLDER:
            self._change("create", path, None, None)
        elif kind == UNLINK:
            self._change("unlink", path, None, self.names.get(path))
        elif kind == RENAME:
            self._change("rename", path, payload.decode(), self.names.get(path))
        elif kind == WRITE:
            self._state(inode, path).change(value, payload)
        elif kind == TRUNCATE:
            self._state(inode, path).change(value, None)
        elif kind == SYNC_BEGIN:
            state = self._inodes.get(inode)
            self._syncs[value] = (path, state, state.mark() if state else self._count)
        elif kind in (SYNC_END, SYNC_FAILED):
            self._sync_done(*self._syncs.pop(value), failed=kind == SYNC_FAILED)
        elif kind == FAULT:
            self.faults.append((path, payload.decode()))
        elif kind == START:
            self.starts += 1
        else:
            raise Corrupt(f"kind {kind}")

    def _state(self, inode, path):
        state = self._inodes.get(inode)
        if state is None:
            raise Corrupt(f"{path} was changed and never opened")
        return state

    def _change(self, what, path, other, state):
        folders = {parent(path)} | ({parent(other)} if other else set())
        change = (self._count, folders, what, path, other, state)
        self._count += 1
        self.pending.append(change)
        self._apply(self.names, change)

    @staticmethod
    def _apply(names, change):
        _, _, what, path, other, state = change
        if what == "create":
            names[path] = state
        elif what == "unlink":
            names.pop(path, None)
        else:
            if names.get(path) is state:
                names.pop(path, None)
            names[other] = state

    def _sync_done(self, path, state, mark, failed):
        if state is not None:
            state.settle(mark, lost=failed)
            return
        if failed:
            return
        for change in [c for c in self.pending if c[0] < mark and path in c[1]]:
            self._apply(self.durable, change)
            self.pending.remove(change)

    def differences(self, folder):
        """Where the folder is not what the journal says: calls that the layer does not see."""
        folder = pathlib.Path(folder)
        found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*")}
        wrong = [f"{name}: only in the journal" for name in self.names if name not in found]
        for name, path in found.items():
            if name not in self.names:
                wrong.append(f"{name}: not in the journal")
            elif path.is_file() and path.read_bytes() != self.names[name].current:
                wrong.append(f"{name}: other bytes than in the journal")
        return wrong

    def power_cut(self, rng, holes=False):
        """{path: bytes, or None for a folder} and a text that says what was lost."""
        names = dict(self.durable)
        in_order = rng.random() < 0.5
        count = rng.randint(0, len(self.pending)) if in_order else 0
        lost = []
        for i, change in enumerate(self.pending):
            if i < count if in_order else rng.random() < 0.5:
                self._apply(names, change)
            else:
                lost.append(f"{change[2]} {change[3]}" + (f" to {change[4]}" if change[4] else ""))
        result = {}
        for path in sorted(names):
            if parent(path) != ROOT and parent(path) not in result:
                continue  # its folder is gone
            if names[path] is None:
                result[path] = None
                continue
            result[path], bytes_lost = names[path].after_power_cut(rng, holes)
            if bytes_lost:
                lost.append(f"{bytes_lost} bytes of {path}")
        return result, ", ".join(lost) or "nothing"


def replace_folder(folder, content):
    folder = pathlib.Path(folder)
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for path in sorted(content):
        if content[path] is None:
            (folder / path).mkdir()
        else:
            (folder / path).write_bytes(content[path])


def power_cut(journal, folder, seed, holes=False):
    """The whole of it. The journal is removed: what the folder has now is durable. What was lost, as a text."""
    content, lost = Disk.read(journal).power_cut(random.Random(seed), holes)
    replace_folder(folder, content)
    os.unlink(journal)
    return lost


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("journal")
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--holes", action="store_true")
    options = parser.parse_args()
    print(f"seed {options.seed}: lost {power_cut(options.journal, options.folder, options.seed, options.holes)}")


if __name__ == "__main__":
    sys.exit(main())
