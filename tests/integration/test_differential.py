"""The same random commands to ours and to Debian's redis-server: every reply must be the same, and the data in the end.

HOLDFAST_DIFFERENTIAL_COMMANDS changes how many (20,000 for each protocol on strings and keys, five times as many on all
types together), HOLDFAST_DIFFERENTIAL_SEED where they start.
"""

import os

import pytest

from differential import Bare, Generator, Pair
from differential_types import TypeGenerator, comparable_types, excused
from harness import HOLDFAST, REDIS, SLOW

pytestmark = pytest.mark.ours

COMMANDS = int(os.environ.get("HOLDFAST_DIFFERENTIAL_COMMANDS", "20000" if SLOW == 1 else "4000"))
SEED = int(os.environ.get("HOLDFAST_DIFFERENTIAL_SEED", "1"))
CONF = 'save ""\nenable-debug-command yes\nslowlog-log-slower-than -1\n'


@pytest.fixture
def peers(space):
    return space.node("ours", CONF, kind=HOLDFAST), space.node("theirs", CONF, kind=REDIS)


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_and_data_are_the_same(peers, protocol):
    ours, theirs = peers
    generator = Generator(SEED * 10 + protocol)
    pair = Pair(ours.port, theirs.port, protocol)
    print(f"seed {SEED}, protocol {protocol}, {COMMANDS} commands")
    for count in range(COMMANDS):
        pair.call(*generator.command())
        if count % 500 == 499:
            pair.call("DISCARD")
            pair.call("DEBUG", "DIGEST")
    pair.close()


@pytest.mark.parametrize("protocol", [2, 3])
def test_replies_and_data_of_every_type_are_the_same(peers, protocol):
    ours, theirs = peers
    generator = TypeGenerator(SEED * 10 + protocol)
    pair = Pair(ours.port, theirs.port, protocol, comparable_types, excused)
    print(f"seed {SEED}, protocol {protocol}, {COMMANDS * 5 // 2} commands")
    for count in range(COMMANDS * 5 // 2):
        pair.call(*generator.command())
        if count % 500 == 499:
            pair.call("DISCARD")
            pair.call("DEBUG", "DIGEST")
    pair.close()


def test_two_clients_watch_the_same_keys(peers):
    ours, theirs = peers
    generator = Generator(SEED * 10 + 7)
    pairs = [Pair(ours.port, theirs.port, 2) for _ in range(2)]
    for count in range(COMMANDS // 10):
        first, second = pairs if count % 2 else reversed(pairs)
        keys = generator.some_keys(2)
        first.call("WATCH", *keys)
        for _ in range(generator.random.randint(0, 2)):
            second.call(*generator.command())
        second.call("DISCARD")
        first.call("MULTI")
        first.call("INCR", "watched")
        first.call("EXEC")
        for pair in pairs:
            pair.call("UNWATCH")
            pair.call("SELECT", 0)
    for pair in pairs:
        pair.close()


def rows(port):
    """{full name: (arity, flags, first, last, step, categories, tips, key specs)} of COMMAND INFO, subcommands too."""
    found = {}

    def add(row):
        name, arity, flags, first, last, step, categories, tips, specs, children = row
        found[name[1].decode()] = (
            arity, sorted(map(repr, flags[1])), first, last, step, sorted(map(repr, categories[1])),
            sorted(map(repr, tips[1])), sorted(map(repr, specs[1])),
        )
        for child in children[1]:
            add(child[1])

    bare = Bare(port)
    for row in bare.call("COMMAND")[1]:
        add(row[1])
    bare.close()
    return found


# Key specs: ours do not repeat Redis's notes ("RW and ACCESS due to the optional `GET` argument").
NOTES = {"set", "getex", "bitfield"}
# Of later versions of Redis.
LATER = {"hexpire", "hpexpire", "hexpireat", "hpexpireat", "httl", "hpttl", "hexpiretime", "hpexpiretime", "hpersist", "hgetex", "hsetex",
         "hgetdel", "client|no-touch", "waitaof"}


def test_command_rows_are_the_same(peers):
    ours, theirs = (rows(peer.port) for peer in peers)
    assert len(ours) > 100
    names = ["arity", "flags", "first", "last", "step", "categories", "tips", "key specs"]
    wrong = []
    for command, row in ours.items():
        if command in LATER:
            continue
        if command not in theirs:
            wrong.append(f"{command}: Redis has no such command")
            continue
        for name, mine, reference in zip(names, row, theirs[command]):
            if mine != reference and not (name == "key specs" and command in NOTES):
                wrong.append(f"{command} {name}: ours {mine}, theirs {reference}")
    assert not wrong, "\n".join(wrong)


def test_command_info_of_unknown_names_is_the_same(peers):
    ours, theirs = (Bare(peer.port).call("COMMAND", "INFO", "nosuch", "config|nosuch") for peer in peers)
    assert ours == theirs


def test_info_has_the_same_fields(peers):
    ours, theirs = (Bare(peer.port) for peer in peers)
    for bare in (ours, theirs):
        bare.call("SET", "a", "1")
        bare.call("NOSUCH")
    fields = []
    for bare in (ours, theirs):
        text = bare.call("INFO", "everything")[1].decode()
        fields.append({line.split(":")[0] for line in text.splitlines() if line})
    missing = {f for f in fields[1] - fields[0] if not f.startswith(("cmdstat_", "latency_percentiles_", "errorstat_"))}
    assert not missing
    ours.close()
    theirs.close()


def logged(server):
    """The commands in the append-only file's increment, but for the consumers of groups that come into being: Redis
    leaves out those that a read without entries creates."""
    (path,) = (server.folder / "appendonlydir").glob("*.incr.aof")
    with open(path, "rb") as file:
        while line := file.readline():
            if line[:1] == b"#":
                continue
            words = []
            for _ in range(int(line[1:])):
                length = int(file.readline()[1:])
                words.append(file.read(length + 2)[:-2])
            if [w.upper() for w in words[:2]] != [b"XGROUP", b"CREATECONSUMER"]:
                yield words


def without_times(words):
    """A claim that a read through a group is told as says when it was delivered."""
    upper = [w.upper() for w in words]
    if upper[0] == b"XCLAIM" and b"TIME" in upper:
        words[upper.index(b"TIME") + 1] = b"now"
    return words


@pytest.mark.parametrize("kind", [Generator, TypeGenerator])
def test_logs_are_the_same(space, kind):
    """What both write into their append-only files: rewritten commands, MULTI around several effects, nothing for no change."""
    conf = CONF + "appendonly yes\nappendfsync always\nauto-aof-rewrite-percentage 0\n"
    ours, theirs = space.node("ours", conf, kind=HOLDFAST), space.node("theirs", conf, kind=REDIS)
    generator = kind(SEED * 10 + 9)
    pair = Pair(ours.port, theirs.port, 2, comparable_types, excused)
    for _ in range(COMMANDS // 4):
        words = generator.command()
        # Redis creates the key of a BITFIELD whose writes all fail and does not say so in its log; we do.
        if str(words[0]).upper() != "BITFIELD" or "FAIL" not in words:
            pair.call(*words)
    pair.close()
    count = 0
    for mine, reference in zip(logged(ours), logged(theirs), strict=True):
        mine, reference = without_times(mine), without_times(reference)
        assert mine == reference, f"entry {count}: ours {mine}, theirs {reference}"
        count += 1
    assert count > COMMANDS // 50
