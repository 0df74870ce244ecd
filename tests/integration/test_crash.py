"""kill -9 and power cuts at random moments: what had to survive has, nothing is there twice, the node always starts.

A run is made of lives: a data set in a folder of its own, a configuration, some rounds. In a round workers write, others
save, rewrite or switch the append-only file, the disk is slow or not, and the node is killed by the test or by the layer
below it, before or after some call. Mostly the power fails as well, which takes what was not synced (power_cut.py). Then
the node starts again and what it has is compared with what was promised.

Environment: HOLDFAST_CRASH_ROUNDS (30), HOLDFAST_CRASH_SEED (random). The seed is printed; with it a run makes the same
choices, though not at the same moments.
"""

import os
import random
import re
import threading
import time

import pytest
import redis

import crash_work
import faulty_disk
from harness import SLOW

pytestmark = pytest.mark.ours

ROUNDS = int(os.environ.get("HOLDFAST_CRASH_ROUNDS", "30"))
SEED = int(os.environ.get("HOLDFAST_CRASH_SEED", random.SystemRandom().randrange(2**31)))
LOST_SECONDS = 2  # of everysec
WORKERS = 3
POLICIES = ["always", "everysec", "switched on", "dump only", "no", "always"]
BASE = 'save ""\n'


class Life:
    """A configuration, a folder, and what its data must be."""

    def __init__(self, space, number, log):
        self.rng = random.Random(SEED * 1000 + number)
        self.disk = faulty_disk.Disk(space, f"life{number}")
        self.log = log
        self.workers = [crash_work.Worker(database) for database in range(WORKERS)]
        self.policy = POLICIES[(SEED + number) % len(POLICIES)]
        self.logged = self.policy != "dump only"
        self.live_switch = self.policy == "switched on"
        if self.live_switch:
            self.policy = "always"
        preamble, timestamps = self.rng.choice(["yes", "no"]), self.rng.choice(["yes", "no"])
        incremental = self.rng.choice(["yes", "no"])
        self.conf = BASE + f"aof-use-rdb-preamble {preamble}\naof-timestamp-enabled {timestamps}\n" + (
            f"rdb-save-incremental-fsync {incremental}\naof-rewrite-incremental-fsync {incremental}\n"
        )
        if self.logged:
            self.conf += f"appendfsync {self.policy}\nauto-aof-rewrite-min-size {self.rng.choice(['32kb', '1gb'])}\n"
        self.note(f"life {number}: {'switched on live, ' if self.live_switch else ''}{self.policy}, preamble {preamble}, "
                  f"timestamps {timestamps}")
        self.promised = False  # everything acknowledged, under `always`
        self.server = None
        self.powered = self.holes = self.orderly = False  # of the last crash
        self.admin_error = None

    def note(self, text):
        self.log.append(text)
        del self.log[:-60]

    # --- One round ---

    def rounds(self, count):
        self.begin()
        for number in range(count):
            self.run(number)
            self.crash()
            self.restart(may_die=number < count - 1)
            self.verify()
        self.server.kill()
        self.disk.ended(self.server)

    def begin(self):
        """The first start, with something to save that takes a moment."""
        appendonly = self.logged and not self.live_switch
        self.server = self.disk.start(self.conf + f"appendonly {'yes' if appendonly else 'no'}\n")
        with self.server.client(db=15) as client:
            client.mset({f"filler:{i}": self.rng.randbytes(4096).hex() for i in range(40)})
            client.save()  # where the log is not on yet this is what there is
            if appendonly:
                self.rewrite(client)
        self.promised = appendonly

    def run(self, number):
        self.admin_error = None
        self.disk.rules(*self.choose_rules())
        deadline = time.monotonic() + self.length_of_round()
        for worker in self.workers:
            worker.start(self.server.port, random.Random(self.rng.random()), 10 * SLOW)
        admin = threading.Thread(target=self.administer, args=(random.Random(self.rng.random()), number))
        admin.start()
        while time.monotonic() < deadline and self.server.running():
            time.sleep(min(0.005, max(0.0, deadline - time.monotonic())))
        self.kill()
        admin.join()
        for worker in self.workers:
            worker.join()
        if self.admin_error:
            raise self.admin_error

    def length_of_round(self):
        if self.policy == "everysec" and self.rng.random() < 0.3:
            return self.rng.uniform(LOST_SECONDS + 0.6, LOST_SECONDS + 1.6) * SLOW  # long enough for its promise to bind
        return self.rng.choice([0.02, 0.1, 0.2, 0.3]) * self.rng.uniform(0.5, 1.5) * SLOW

    def choose_rules(self):
        rules = []
        if self.rng.random() < 0.5:
            pattern = self.rng.choice(["*", "*", "*manifest*", "*temp*", "*.incr.aof", "*.base.*", "*.rdb", "appendonlydir"])
            limit = 400 if pattern == "*" else 6
            rules.append(f"any {self.rng.choice(['kill', 'kill-after'])} {pattern} after={self.rng.randrange(limit)}")
        slow = self.rng.choice([None, "sync delay *", "sync delay *.incr.aof", "write delay *temp*", "rename,syncdir,unlink delay *"])
        if slow:
            rules.append(f"{slow} us={self.rng.choice([500, 3000, 15000])}")
        return rules

    def kill(self):
        self.end = time.monotonic()
        if self.rng.random() < 0.07:
            self.server.signal(15)
            self.orderly = self.server.wait_exit(20) == 0
        else:
            self.orderly = False
            self.server.kill()
        self.server.expected_signals.add(9)  # by the layer
        self.disk.ended(self.server)

    # --- What goes on beside the workers ---

    def administer(self, rng, number):
        try:
            with self.server.client(single_connection_client=True) as client:
                if self.live_switch and number == 0:
                    self.switch_on(client)
                while True:
                    time.sleep(rng.uniform(0, 0.06))
                    if not self.logged or rng.random() < 0.3:
                        self.save(client)
                    elif self.promised and rng.random() < 0.12:
                        self.toggle(client)
                    else:
                        self.rewrite(client)
        except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
            pass  # the node has died
        except Exception as error:  # noqa: BLE001 - shown by run()
            self.admin_error = error

    def numbers(self):
        return [worker.acked for worker in self.workers]

    def raise_floors(self, numbers):
        for worker, number in zip(self.workers, numbers):
            worker.floor = max(worker.floor, number)

    def wait(self, condition):
        """Without a deadline but the node's end."""
        while not condition():
            if not self.server.running():
                raise redis.exceptions.ConnectionError("the node has died")
            time.sleep(0.002)

    def wait_done(self, client, field):
        self.wait(lambda: client.info("persistence")[field] == 0)

    def save(self, client):
        before, numbers = client.info("persistence")["rdb_saves"], self.numbers()
        try:
            client.bgsave(schedule=False)
        except redis.exceptions.ResponseError as error:
            assert "Another child process is active" in str(error) or "already in progress" in str(error), error
            return
        self.wait_done(client, "rdb_bgsave_in_progress")
        facts = client.info("persistence")
        assert facts["rdb_last_bgsave_status"] == "ok" and facts["rdb_saves"] == before + 1, facts
        if not self.logged:
            self.raise_floors(numbers)

    def rewrite(self, client):
        before, numbers = client.info("persistence")["aof_rewrites"], self.numbers()
        try:
            client.bgrewriteaof()
        except redis.exceptions.ResponseError as error:
            assert "already in progress" in str(error), error
            return
        self.wait_done(client, "aof_rewrite_scheduled")
        self.wait_done(client, "aof_rewrite_in_progress")
        facts = client.info("persistence")
        assert facts["aof_last_bgrewrite_status"] == "ok" and facts["aof_rewrites"] > before, facts
        self.raise_floors(numbers)

    def toggle(self, client):
        numbers = self.numbers()
        self.promised = False
        client.config_set("appendonly", "no")
        self.raise_floors(numbers)  # switching off syncs
        self.switch_on(client)

    def switch_on(self, client):
        """From the moment that the first rewrite is in place the policy's promise holds, for what is acknowledged then."""

        def in_place():
            facts = client.info("persistence")
            return facts["aof_rewrites"] > before and facts["aof_rewrite_in_progress"] == 0

        before = client.info("persistence")["aof_rewrites"]
        client.config_set("appendonly", "yes")
        self.wait(in_place)
        numbers = self.numbers()
        self.wait(lambda: all(worker.acked > number for worker, number in zip(self.workers, numbers)))
        self.promised = True

    # --- The crash and after ---

    def crash(self):
        """What has to be there, and the power cut."""
        if self.orderly and self.logged and self.promised:
            self.raise_floors(self.numbers())
        if self.logged and self.promised:
            for worker in self.workers:
                if self.policy == "always":
                    worker.floor = max(worker.floor, worker.acked)
                elif self.policy == "everysec":
                    worker.floor = max(worker.floor, worker.acked_before(self.end - LOST_SECONDS * SLOW))
        self.fail_power()

    def fail_power(self):
        self.disk.rules()
        self.powered = self.rng.random() < 0.2
        if self.powered:
            behind = self.disk.stay_powered()
            self.note(f"killed, with the power on{', in the middle of a call' if behind else ''}")
            return
        holes, seed = self.logged and self.rng.random() < 0.15, self.rng.randrange(2**31)
        self.holes |= holes  # until it has started
        self.note(f"power cut {seed}{' with holes' if holes else ''}: lost {self.disk.power_cut(seed, holes)}")

    def restart(self, may_die):
        """Starts the node, which may be killed on its way up as well."""
        if may_die and self.rng.random() < 0.15:
            self.disk.rules(f"any {self.rng.choice(['kill', 'kill-after'])} * after={self.rng.randrange(25)}")
        self.server = self.disk.start(self.conf + f"appendonly {'yes' if self.logged else 'no'}\n", wait=False)
        try:
            self.server.wait_ready()
        except AssertionError:
            code = self.server.wait_exit()
            self.disk.ended(self.server)
            if code == -9:
                self.server.expected_signals.add(9)
                self.note("killed at its start")
                self.fail_power()
            elif not self.repair():
                raise
            self.restart(may_die=False)

    def repair(self):
        """Where a node may refuse to start it has said what is wrong, and what it says to do helps."""
        bad_file = re.search(r"Bad file format reading the append only file \S+: make a backup of your AOF file, then use "
                             r"\./redis-check-aof --fix <filename\.manifest> \(at offset \d+: .+\)", self.server.log())
        if not (self.holes and bad_file):  # a sector in the middle of the log's unsynced end
            return False
        faulty_disk.fix_aof(self.disk.data / "appendonlydir")
        self.note(f"refused: {bad_file.group()}")
        self.disk.journal.unlink()  # begins again: the repaired files are durable
        self.holes = False
        return True

    def verify(self):
        self.promised, self.holes = self.logged, False
        for worker in self.workers:
            with self.server.client(db=worker.database) as client:
                last = crash_work.prefix_of(crash_work.read_state(client))
            self.note(f"worker {worker.database}: {last} writes; had to be {worker.floor} to {worker.sent}, acknowledged {worker.acked}")
            assert worker.floor <= last <= worker.sent
            # A log is made durable by the start itself; a dump that was loaded may not be.
            worker.recovered(last, floor=worker.floor if self.powered and not self.logged else last)
        with self.server.client(db=15) as client:
            assert client.dbsize() == 40
        assert self.disk.strangers() == []


def test_what_was_promised_survives_crashes(space):
    print(f"HOLDFAST_CRASH_SEED={SEED}")
    log = []
    done, number = 0, 0
    try:
        while done < ROUNDS:
            count = min(random.Random(SEED * 1000 + number + 500).choice([2, 3, 5]), ROUNDS - done)
            life = Life(space, number, log)
            life.rounds(count)
            done, number = done + count, number + 1
            life.disk.close()
    except BaseException:
        print(f"HOLDFAST_CRASH_SEED={SEED}, life {number}, after {done} rounds\n" + "\n".join(log))
        raise
