#!/usr/bin/env python3
"""Runs clang-tidy-19 over the sources: clang_tidy.py --all | --changed | <file>...

--changed takes the .cc files that differ from HEAD or are new. Needs build/release/compile_commands.json, whose commands
are for GCC: what Clang does not understand (precompiled headers, some warning flags) is left out. Exit 1 on any finding.
"""

import concurrent.futures
import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATABASE = ROOT / "build/release/compile_commands.json"
FOLDERS = ("common", "node", "sentinel")


def clang_command(words):
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word == "-include":
            skip = True
        elif word in ("-fpch-preprocess", "-Winvalid-pch", "-Werror") or word.startswith(("-Wno-", "CCACHE_")):
            continue
        else:
            kept.append(word)
    compiler = next(i for i, word in enumerate(kept) if word.endswith(("c++", "g++")))
    return ["clang++", *kept[compiler + 1:], "-Wno-everything"]


def changed_files():
    listed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=all", "--no-renames"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return {line[3:] for line in listed.stdout.splitlines()}


def main():
    arguments = sys.argv[1:]
    if not arguments:
        print(__doc__)
        return 2
    database = json.loads(DATABASE.read_text())
    wanted = changed_files() if arguments == ["--changed"] else set(arguments)
    files, commands = [], []
    for entry in database:
        name = os.path.relpath(entry["file"], ROOT)
        if not name.startswith(FOLDERS) or pathlib.Path(name).stem == "pch":
            continue
        if arguments != ["--all"] and name not in wanted:
            continue
        words = shlex.split(entry["command"])
        commands.append({"directory": entry["directory"], "file": entry["file"], "arguments": clang_command(words)})
        files.append(entry["file"])
    if not files:
        print("nothing to check")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "compile_commands.json").write_text(json.dumps(commands))

        def check(file):
            done = subprocess.run(
                ["clang-tidy-19", "--quiet", "-p", folder, file], cwd=ROOT, capture_output=True, text=True, check=False
            )
            if done.returncode != 0:
                print(done.stdout + done.stderr, flush=True)
            return done.returncode

        with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
            bad = sum(1 for code in pool.map(check, files) if code != 0)
    print(f"{len(files)} files checked, {bad} with findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
