"""Random writes of every kind through pairs and chains of Holdfast and real Redis 7.0, then a promotion of each member.

The writers are the differential tests' generators: all types, MULTI, several databases, streams with groups; besides keys
that expire while the writes go on, and scripts where the primary has them. In the end every member has the same offset,
the same DEBUG DIGEST and the same consumer groups, and nobody has needed a second full resync, neither after a link was
cut nor after any promotion. With --kind redis every node is Redis: that proves the tests.

HOLDFAST_REPLICATION_SECONDS is how long the first writes of a topology last (3); HOLDFAST_REPLICATION_SEED where they start.
"""

import os
import threading
import time

import pytest

from differential import Bare
from differential_types import TypeGenerator
from harness import REDIS, poll

SECONDS = float(os.environ.get("HOLDFAST_REPLICATION_SECONDS", "3"))
SEED = int(os.environ.get("HOLDFAST_REPLICATION_SEED", "1"))
# Pings of a primary without replicas would be bytes that nobody else has. The debug command is for DEBUG DIGEST.
CONF = (
    'save ""\nrepl-diskless-sync-delay 0\nrepl-backlog-size 64mb\nrepl-ping-replica-period 3600\nenable-debug-command yes\n'
    "slowlog-log-slower-than -1\n"
)
TOPOLOGIES = {
    "ours-from-redis": [REDIS, None],
    "redis-from-ours": [None, REDIS],
    "ours-from-ours": [None, None],
    "redis-from-ours-from-redis": [REDIS, None, REDIS],
    "ours-from-redis-from-ours": [None, REDIS, None],
}
DATABASES = range(16)
SHORT_LIVED = [f"short:{i}" for i in range(30)]
# What these change is this node's alone: keys of DEBUG POPULATE, encodings by CONFIG SET (HyperLogLog's is seen by a digest,
# and only some encodings of sorted sets keep a score of -0), and in Redis the key that a BITFIELD makes whose writes fail.
LOCAL = {"DEBUG", "CONFIG", "MIGRATE", "SLAVEOF", "WAIT", "BGSAVE", "SHUTDOWN"}
SCRIPTS = [
    ("redis.call('SET', KEYS[1], ARGV[1]); redis.call('RPUSH', KEYS[2], ARGV[1], redis.call('TIME')[1]); return 1", 2),
    ("redis.call('SADD', KEYS[1], ARGV[1], math.random(1000)); return redis.call('SPOP', KEYS[1])", 1),
    ("redis.call('PEXPIRE', KEYS[1], 300); redis.call('HINCRBY', KEYS[2], 'f', 3); return redis.call('NOSUCH')", 2),
    ("for i = 1, 20 do redis.call('ZADD', KEYS[1], math.random(), i) end redis.call('SELECT', 3) redis.call('INCR', KEYS[2])", 2),
]


class WriteGenerator(TypeGenerator):
    """The differential generator without what is local to a node, with keys that expire soon, and with scripts if wanted."""

    def __init__(self, seed, scripts):
        super().__init__(seed)
        self._scripts = scripts

    def command(self):
        while True:
            words = self._special() if self.random.random() < 0.15 else super().command()
            if str(words[0]).upper() in LOCAL or (str(words[0]).upper() == "BITFIELD" and "FAIL" in words):
                continue
            return words

    def _special(self):
        key, soon = self.pick(SHORT_LIVED), self.random.randint(1, 900)
        choices = [
            ["SET", key, "v", "PX", soon], ["PSETEX", key, soon, "v"], ["SELECT", self.pick(DATABASES)],
            ["RPUSH", key, "a", "b"], ["PEXPIRE", key, soon], ["PEXPIRE", self.of("h"), soon], ["EXPIRE", self.of("x"), 1],
            ["GETEX", key, "PX", soon], ["GET", key], ["TYPE", key], ["LPOP", key], ["SPOP", self.of("s")], ["SPOP", self.of("s"), 2],
            ["XADD", self.of("x"), "MAXLEN", "~", 100, "*", "f", "v"], ["INCRBYFLOAT", "float", "0.1"],
        ]
        if self._scripts:
            script, keys = self.pick(SCRIPTS)
            choices += [["EVAL", script, keys] + [self.of(self.pick("lhsz")) for _ in range(keys)] + ["v"]] * 5
        return self.pick(choices)


class Writer(threading.Thread):
    """One client that sends random commands one by one until it is told to stop."""

    def __init__(self, node, seed, scripts):
        super().__init__(daemon=True)
        self._bare = Bare(node.port)
        self._generator = WriteGenerator(seed, scripts)
        self._over = threading.Event()
        self.count = 0
        self.error = None
        self.start()

    def run(self):
        try:
            while not self._over.is_set():
                self._bare.call(*self._generator.command())
                self.count += 1
            self._bare.call("DISCARD")
        except Exception as error:  # told to whoever waits for it
            self.error = error
        self._bare.close()

    def finish(self):
        self._over.set()
        self.join(30)
        if self.error:
            raise self.error
        return self.count


class Group:
    """The members of one topology; `primary` is whoever is just now."""

    def __init__(self, space, kinds):
        self.members = []
        for i, kind in enumerate(kinds):
            follow = f"replicaof 127.0.0.1 {self.members[-1].port}\n" if self.members else ""
            self.members.append(space.node(f"member{i}", CONF + follow, kind=kind))
        self.primary = self.members[0]
        self._seed = SEED * 1000
        self.wait_equal_offsets()

    def full_resyncs(self):
        return [member.info("stats")["sync_full"] for member in self.members]

    def write(self, seconds, cut=False):
        """Two writers, and a short-lived client that the primary's links may be cut by in the middle."""
        scripts = not self.primary.cli("EVAL", "return 1", 0).startswith("ERR")
        writers = []
        for _ in range(2):
            self._seed += 1
            writers.append(Writer(self.primary, self._seed, scripts))
        time.sleep(seconds / 2)  # the length of the writes, not a wait for something
        if cut:
            with self.primary.client() as client:
                assert client.execute_command("CLIENT", "KILL", "TYPE", "replica") >= 1
            with self.members[-1].client() as client:
                client.execute_command("CLIENT", "KILL", "TYPE", "master")
        time.sleep(seconds / 2)
        return sum(writer.finish() for writer in writers)

    def end_short_lives(self):
        """Every key with a short life is deleted by the primary, which tells the others."""
        for db in DATABASES:
            with self.primary.client(db=db) as client:
                def living():
                    names = [*SHORT_LIVED, *(f"{kind}{i}" for kind in "hlszx" for i in range(5))]
                    pipeline = client.pipeline(transaction=False)
                    for name in names:
                        pipeline.pttl(name)
                    return [n for n, left in zip(names, pipeline.execute()) if 0 <= left < 3_600_000]

                poll(lambda: not living(), 10, f"the short-lived keys of database {db} to expire")

    def wait_equal_offsets(self, seconds=30):
        def equal():
            rows = [member.info("replication") for member in self.members]
            for member, row in zip(self.members, rows):
                if row["role"] != ("master" if member is self.primary else "slave"):
                    return False
                if member is not self.primary and row["master_link_status"] != "up":
                    return False
            return len({row["master_repl_offset"] for row in rows}) == 1 and len({row["master_replid"] for row in rows}) == 1

        poll(equal, seconds, "every member has the primary's offset")

    def assert_equal(self):
        self.end_short_lives()
        self.wait_equal_offsets()
        digests = {member.name: member.cli("DEBUG", "DIGEST").strip() for member in self.members}
        assert all(len(digest) == 40 for digest in digests.values()), digests
        assert len(set(digests.values())) == 1, "\n".join(differences(self.members))
        groups = [groups_of(member) for member in self.members]
        for member, found in zip(self.members, groups):
            assert found == groups[0], f"groups of {member.name}"

    def promote(self, member):
        with member.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")
        self.primary = member
        for other in self.members:
            if other is not member:
                with other.client() as client:
                    client.execute_command("REPLICAOF", "127.0.0.1", member.port)
        self.wait_equal_offsets()


def groups_of(node):
    """Consumer groups of every stream, without what a clock decides: DEBUG DIGEST does not cover them."""
    found = {}
    for db in DATABASES:
        with node.client(db=db) as client:
            for key in client.scan_iter(count=1000, _type="STREAM"):
                for group in client.xinfo_groups(key):
                    rows = client.xpending_range(key, group["name"], "-", "+", 10_000)
                    found[db, key, group["name"]] = (
                        group["last-delivered-id"], [(r["message_id"], r["consumer"], r["times_delivered"]) for r in rows],
                    )
    return found


def differences(members):
    """For a reader: the keys that are not alike everywhere, as far as each member tells (ten of them)."""
    found = []
    for db in DATABASES:
        clients = [member.client(db=db) for member in members]
        for key in sorted(set().union(*({name for name in client.scan_iter(count=1000)} for client in clients))):
            if len({client.execute_command("DEBUG", "DIGEST-VALUE", key)[0] for client in clients}) > 1:
                told = [(client.type(key), client.pexpiretime(key), client.dump(key)) for client in clients]
                found.append(f"{db} {key!r}: {told}")
    return [f"{len(found)} keys differ", *found[:10]]


@pytest.mark.parametrize("kinds", TOPOLOGIES.values(), ids=TOPOLOGIES.keys())
def test_members_stay_equal_and_any_of_them_can_be_promoted(space, kinds):
    group = Group(space, kinds)
    count = group.write(SECONDS, cut=True)
    group.assert_equal()
    print(f"seed {SEED}: {count} commands")
    assert count > 50 * SECONDS
    # One full resync for each link, whatever was cut.
    before = group.full_resyncs()
    assert before == [1] * (len(kinds) - 1) + [0]
    for member in group.members[1:] + group.members[:1]:
        group.promote(member)
        assert group.full_resyncs() == before, f"a full resync after the promotion of {member.name}"
        group.write(min(SECONDS / 6, 5))
        group.assert_equal()
    assert group.full_resyncs() == before
    continued = sum(member.info("stats")["sync_partial_ok"] for member in group.members)
    assert continued >= len(kinds) * (len(kinds) - 1)
