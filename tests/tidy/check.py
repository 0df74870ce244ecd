#!/usr/bin/env python3
"""The architecture's rules that a compiler does not check. Prints each breach as file:line: text; exit 1 if there is any.

  arrows      which folder may include what (also Asio, Beast, prometheus-cpp and Boost.Program_options)
  homes       clocks, random numbers, files and threads only where they live
  headers     each header compiles alone: its .cc includes it first (the build proves the rest), or it is compiled here
  docs        each path that README.md and docs/ name exists
  skips       docs/differences.md shows the skips of the public suite that tests/yardstick/skips.txt lists
  words       no unfinished-work marks, no paths of somebody's machine
  sizes       files over 500 lines are listed, as a warning

`check.py <rule>...` runs only those.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAYERS = {"common": {"common"}, "node": {"common", "node"}, "sentinel": {"common", "sentinel"}}
IO_FOLDERS = r"common/(net|http|server)/|[a-z]+/io/|(node|sentinel)/main\.cc"
# An included library and the only places for it.
LIBRARY_HOMES = {
    r"boost/(asio|beast)": IO_FOLDERS,
    r"prometheus/": r"common/metrics/",
    r"boost/program_options": r"common/config/",
}
# What is called, a name for it, and the only places for it. `io` folders drive the pure code, so they may do all.
CALL_HOMES = [
    (r"(steady|system|high_resolution)_clock::now|\bclock_gettime\s*\(|\bgettimeofday\s*\(|(?<![\w.>])time\s*\((NULL|nullptr|0|&)",
     "reads a clock", r"common/(time|log)/|[a-z]+/io/"),
    (r"std::random_device|(?<![\w.:>])s?rand\s*\(|\bgetrandom\s*\(|\barc4random", "makes random numbers",
     r"common/base/random|[a-z]+/io/"),
    (r"(?<!\w)fopen\s*\(|(?<![\w)>])::open(at)?\s*\(|std::[io]?fstream|std::filesystem::(remove|rename|create)",
     "touches a file", r"common/(fs|log|process)/|[a-z]+/io/|node/persistence/fork_"),  # fork_*: /proc/self of the child
    (r"std::(jthread|thread|mutex|condition_variable)\b", "uses threads",
     r"common/(http|log|memory|net|server|fs|process)/|[a-z]+/io/|(node|sentinel)/main\.cc|node/persistence/"),
]
LONG_FILE = 500


def sources(*folders, suffixes=(".h", ".cc")):
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in suffixes and path.is_file():
                yield path


def relative(path):
    return path.relative_to(ROOT).as_posix()


def without_comments(text):
    """The text with comments and string literals blanked, line numbers kept."""

    def blank(match):
        return re.sub(r"[^\n]", " ", match.group())

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:[^"\\\n]|\\.)*"', blank, text, flags=re.S)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def check_arrows():
    for path in sources(*LAYERS):
        name = relative(path)
        text = path.read_text()
        for match in re.finditer(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', text, re.M):
            ours, library = match.groups()
            where = f"{name}:{line_of(text, match.start())}"
            if ours:
                layer = ours.split("/")[0]
                if layer not in LAYERS[name.split("/")[0]]:
                    yield f"{where}: {name.split('/')[0]} must not include {ours}"
                elif not (ROOT / ours).is_file():
                    yield f"{where}: {ours} does not exist (name files from the root)"
            for pattern, home in LIBRARY_HOMES.items():
                if library and re.match(pattern, library) and not re.match(home, name):
                    yield f"{where}: <{library}> is not for this folder"


def check_homes():
    for path in sources(*LAYERS):
        name = relative(path)
        text = without_comments(path.read_text())
        for pattern, what, home in CALL_HOMES:
            if re.match(home, name):
                continue
            for match in re.finditer(pattern, text):
                yield f"{name}:{line_of(text, match.start())}: {what} outside its home: {match.group().strip()}"


def check_headers():
    compiler = [os.environ.get("CXX", "g++")]
    if shutil.which("ccache"):
        compiler.insert(0, "ccache")
    headers = []
    for header in sources(*LAYERS, suffixes=(".h",)):
        implementation = header.with_suffix(".cc")
        if header.stem != "pch" and implementation.is_file():
            first = re.search(r'^\s*#\s*include\s+["<]([^">]+)', implementation.read_text(), re.M)
            if first and first.group(1) == relative(header):
                continue
            yield f"{relative(implementation)}:1: must include {relative(header)} first"
        headers.append(header)
    with tempfile.TemporaryDirectory() as folder:

        def compile_alone(header):
            unit = pathlib.Path(folder) / (relative(header).replace("/", "__") + ".cc")
            unit.write_text(f'#include "{relative(header)}"\n')
            done = subprocess.run(
                [*compiler, "-std=c++23", "-Wall", "-Wextra", "-I", str(ROOT), "-c", unit.name, "-o", unit.name + ".o"],
                cwd=folder, capture_output=True, text=True, check=False,
            )
            return None if done.returncode == 0 else f"{relative(header)}:1: does not compile alone:\n{done.stderr[:1500]}"

        with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
            yield from filter(None, pool.map(compile_alone, headers))


def check_docs():
    tops = "common|node|sentinel|configs|tests|deploy|docs"
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        if not path.is_file():
            continue
        text = path.read_text()
        for match in re.finditer(rf"(?<![\w/.-])(?:\./)?((?:{tops})/[\w./*<>{{}},-]+)", text):
            named = match.group(1).rstrip(".,")
            if re.search(r"[*<>{}]", named):
                named = re.split(r"[^/]*[*<>{}]", named)[0]
            if not (ROOT / named).exists():
                yield f"{relative(path)}:{line_of(text, match.start())}: {match.group(1)} does not exist"
        for match in re.finditer(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            target = match.group(1)
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                yield f"{relative(path)}:{line_of(text, match.start())}: link to {target}, which does not exist"


def check_skips():
    sys.path.insert(0, str(ROOT / "tests/yardstick"))
    import skip_list  # pylint: disable=import-outside-toplevel

    return skip_list.breaches()


def tracked_files():
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=False
    )
    if listed.returncode == 0:
        names = listed.stdout.decode().split("\0")
    else:  # an exported tree
        names = [relative(p) for p in ROOT.rglob("*") if "build" not in p.parts and "node_modules" not in p.parts]
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def check_words():
    unfinished = re.compile(r"\b(TODO|FIXME|XXX)\b")
    machine = re.compile(r"(?<![\w.$}])/(work|home/\w{2,}|root|Users/\w+)/[\w.-]+")
    for path in tracked_files():
        name = relative(path)
        if name.startswith(("tests/tidy/", "LICENSE")) or path.suffix in (".png", ".rdb", ".aof"):
            continue
        text = path.read_text(errors="replace")
        for match in unfinished.finditer(text):
            yield f"{name}:{line_of(text, match.start())}: {match.group()}"
        for match in machine.finditer(text):
            yield f"{name}:{line_of(text, match.start())}: a path of somebody's machine: {match.group()}"


def check_sizes():
    for path in sources(*LAYERS, "tests"):
        if "node_modules" in path.parts:
            continue
        lines = path.read_text().count("\n")
        if lines > LONG_FILE:
            print(f"warning: {relative(path)} has {lines} lines: what is its second concept?")
    return ()


RULES = {
    "arrows": check_arrows, "homes": check_homes, "docs": check_docs, "skips": check_skips, "words": check_words, "sizes": check_sizes,
    "headers": check_headers,
}


def main():
    chosen = sys.argv[1:] or list(RULES)
    breaches = 0
    for rule in chosen:
        found = list(RULES[rule]())
        breaches += len(found)
        for breach in found:
            print(f"[{rule}] {breach}")
    print(f"{breaches} breaches")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
