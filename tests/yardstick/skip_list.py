"""The tests of the public suite that are skipped, with a reason each: tests/yardstick/skips.txt, and the table of them in
docs/differences.md. tests/tidy/check.py holds the two against each other; `skip_list.py` by itself rewrites the table.
"""

import collections
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIPS = ROOT / "tests/yardstick/skips.txt"
DOCUMENT = ROOT / "docs/differences.md"
BEGIN, END = "<!-- skips begin -->", "<!-- skips end -->"

Skip = collections.namedtuple("Skip", "unit test reason")


def read(path=SKIPS):
    """The skips in the order of the file; ValueError names a line that is none, or that is there twice."""
    skips, seen = [], set()
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        unit, _, rest = line.partition("|")
        test, _, reason = rest.rpartition("|")
        skip = Skip(unit.strip(), test.strip(), reason.strip())
        if not all(skip):
            raise ValueError(f"{path.name}:{number}: not `unit | test | reason`")
        if skip[:2] in seen:
            raise ValueError(f"{path.name}:{number}: skipped twice: {skip.test}")
        seen.add(skip[:2])
        skips.append(skip)
    return skips


def table(skips):
    """Markdown: for each reason, the units and how many of their tests."""
    reasons = collections.defaultdict(collections.Counter)
    for skip in skips:
        reasons[skip.reason][skip.unit.removeprefix("unit/")] += 1
    rows = ["| needs | tests skipped |", "|---|---|"]
    for reason, units in sorted(reasons.items(), key=lambda item: -item[1].total()):
        rows.append(f"| {reason} | {', '.join(f'{unit} {count}' for unit, count in sorted(units.items()))} |")
    return "\n".join(rows) + "\n"


def documented(text):
    """The table that the document has now; None: it has no place for one."""
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        return None
    return text.split(BEGIN)[1].split(END)[0].strip("\n") + "\n"


def breaches():
    """What a reader would be misled by, one line each."""
    try:
        wanted = table(read())
    except ValueError as error:
        return [f"tests/yardstick/{error}"]
    found = documented(DOCUMENT.read_text())
    if found is None:
        return [f"docs/differences.md:1: the marks {BEGIN} and {END} are missing"]
    if found != wanted:
        return ["docs/differences.md:1: the table of skips is not that of tests/yardstick/skips.txt (run tests/yardstick/skip_list.py)"]
    return []


if __name__ == "__main__":
    text = DOCUMENT.read_text()
    if documented(text) is None:
        sys.exit(f"{DOCUMENT} has no marks {BEGIN} and {END}")
    DOCUMENT.write_text(f"{text.split(BEGIN)[0]}{BEGIN}\n{table(read())}{END}{text.split(END)[1]}")
