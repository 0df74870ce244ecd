"""Disks that are full, fail or refuse, and files that are missing, torn or corrupt: what the node says, that reads go on, that
nothing acknowledged is lost, and how it recovers. Faults are injected by faulty_disk.py; each story ends with a power cut."""

import random
import shutil
import signal
import socket
import urllib.request

import pytest
import redis

import crash_work
import faulty_disk
from harness import SLOW, free_port, poll

pytestmark = pytest.mark.ours

LOGGED = 'save ""\nappendonly yes\nauto-aof-rewrite-percentage 0\n'
DUMPED = "save 3600 1\n"
LOG = "appendonlydir/appendonly.aof.*.incr.aof"
MANIFEST = "appendonly.aof.manifest"
AOF_MISCONF = "MISCONF Errors writing to the AOF file: "
RDB_MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may modify the "
    "data set are disabled, because this instance is configured to report errors during writes if RDB snapshotting fails "
    "(stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
)
FULL, BROKEN, DENIED = "No space left on device", "Input/output error", "Permission denied"
SEED = 20
FILLER = random.Random(SEED).randbytes(5000).hex()  # what no compression makes small


@pytest.fixture
def disk(space):
    return faulty_disk.Disk(space)


class Counter:
    """Counts with INCR: what is acknowledged, and what was tried."""

    def __init__(self):
        self.acked = self.tried = 0

    def add(self, client, times=1):
        for _ in range(times):
            self.tried += 1
            reply = client.incr("n")
            assert reply == self.acked + 1, f"{reply} after {self.acked}"
            self.acked = reply

    def check(self, client):
        value = int(client.get("n") or 0)
        assert self.acked <= value <= self.tried, f"{value}; {self.acked} acknowledged, {self.tried} tried"
        self.acked = self.tried = value


def persistence(client):
    return client.info("persistence")


def refused(client, text):
    with pytest.raises(redis.exceptions.ResponseError) as caught:
        client.set("other", "value")
    said = str(caught.value)
    assert text.endswith(said) or said == text, said  # redis-py takes the first word of some errors away


def without_retries(server):
    return server.client(single_connection_client=True, retry=None, retry_on_timeout=False)


def power_cut_and_restart(disk, server, counter):
    server.kill()
    disk.ended(server)
    disk.rules()
    disk.power_cut(SEED)
    server = disk.start()
    with server.client() as client:
        counter.check(client)
    return server


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# --- The append-only file, while the node runs ---


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
@pytest.mark.parametrize("rule, text", [("write ENOSPC {} bytes=100", FULL), ("write EIO {}", BROKEN), ("sync EIO {}", BROKEN)])
def test_a_log_that_cannot_be_written_refuses_writes_until_it_is_begun_anew(disk, policy, rule, text):
    if policy == "no" and rule.startswith("sync"):
        pytest.skip("nothing is synced")
    server = disk.start(LOGGED + f"appendfsync {policy}\n")
    counter = Counter()
    with server.client() as client:
        counter.add(client, 50)
        disk.rules(rule.format(LOG))
        try:
            for _ in range(100):  # some fit before the disk is full
                with without_retries(server) as writer:
                    counter.add(writer)
        except redis.exceptions.ConnectionError:
            assert policy == "always"  # it may be on the disk or not: no reply can be true
            counter.check(client)
        except redis.exceptions.ResponseError as error:
            assert policy != "always" and text in str(error), error
            counter.tried -= 1
        poll(lambda: persistence(client)["aof_last_write_status"] == "err", 10, "the failure in INFO")
        refused(client, AOF_MISCONF + text)
        assert int(client.get("n")) == counter.acked  # reads go on
        server.wait_log(f"Error writing to the append-only file: .*{text}")
        disk.rules()
        refused(client, AOF_MISCONF + text)  # never tried again by itself
        client.config_set("appendonly", "no")
        counter.add(client)
        client.config_set("appendonly", "yes")
        poll(lambda: persistence(client)["aof_rewrite_in_progress"] == 0, 10, "the new base")
        facts = persistence(client)
        assert facts["aof_last_write_status"] == "ok" and facts["aof_last_bgrewrite_status"] == "ok"
        client.config_set("appendfsync", "always")
        counter.add(client, 20)
    power_cut_and_restart(disk, server, counter)


@pytest.mark.parametrize("rule", ["write ENOSPC {} bytes=100", "write EIO {}", "sync EIO {}"])
def test_a_power_cut_behind_a_failed_log_takes_nothing_acknowledged(disk, rule):
    """A failed sync has lost its bytes for good, whatever later syncs say: nobody was told that they were there."""
    server = disk.start(LOGGED + "appendfsync always\n")
    counter = Counter()
    with server.client() as client:
        counter.add(client, 50)
    disk.rules(rule.format(LOG) + " times=1")
    with pytest.raises((redis.exceptions.ConnectionError, redis.exceptions.ResponseError)):
        for _ in range(100):
            with without_retries(server) as writer:
                counter.add(writer)
    server = power_cut_and_restart(disk, server, counter)
    with server.client() as client:
        counter.add(client, 10)
    power_cut_and_restart(disk, server, counter)


def test_clients_are_told_apart_when_the_log_fails(disk):
    """Who waits for the sync that fails is disconnected without a reply; who only reads, or comes later, is not."""
    http = free_port()
    server = disk.start(LOGGED + f"appendfsync always\nhttp-port {http}\nhttp-bind 127.0.0.1\n")
    reader = server.client(single_connection_client=True)
    reader.set("key", "old")
    disk.rules(f"sync EIO {LOG} us=200000")
    with socket.create_connection(server.address, 10 * SLOW) as waiting:
        waiting.sendall(crash_work.encode(("SET", "key", "value")))
        assert waiting.recv(100) == b""
    assert reader.get("key") == "value"  # whether it is on the disk nobody knows
    refused(reader, AOF_MISCONF + BROKEN)
    with pytest.raises(redis.exceptions.ResponseError):
        reader.ping()  # as in Redis: health checks are to see it

    def metrics():
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=5 * SLOW) as page:
            return dict(line.rsplit(" ", 1) for line in page.read().decode().splitlines() if line[0] != "#")

    poll(lambda: metrics()["redis_aof_last_write_status"] == "0", 10, "the failure in the metrics")
    assert metrics()["holdfast_state_save_errors_total"] == "1"
    # It does not end while its data is nowhere else, unless it is made to.
    with pytest.raises(redis.exceptions.ResponseError) as caught:
        reader.execute_command("SHUTDOWN", "NOSAVE")
    assert "Errors trying to SHUTDOWN. Check logs." in str(caught.value)
    server.wait_log("Error finishing the append-only file: .*Input/output error")
    with pytest.raises(redis.exceptions.ConnectionError):
        reader.execute_command("SHUTDOWN", "NOSAVE", "FORCE")
    assert server.wait_exit() == 0


REWRITE_FAULTS = {
    "the base does not fit": "write ENOSPC *temp* bytes=1000",
    "the base cannot be created": "open EACCES *temp*",
    "the base cannot be synced": "sync EIO *temp*",
    "the base cannot be renamed": "rename EIO *.base.*",
    "the increment cannot be created": "open EACCES *.incr.aof",
    "the manifest cannot be created": "open EACCES *manifest*",
    "the manifest does not fit": "write ENOSPC *manifest* bytes=10",
    "the manifest cannot be synced": "sync EIO *manifest*",
    "the manifest cannot be renamed": "rename EIO *manifest",
    "the folder cannot be synced": "syncdir EIO appendonlydir",
}


@pytest.mark.parametrize("after", [0, 1])
@pytest.mark.parametrize("fault", REWRITE_FAULTS)
def test_a_failed_rewrite_leaves_the_log_as_good_as_it_was(disk, fault, after):
    server = disk.start(LOGGED + "appendfsync always\n")
    counter = Counter()
    with server.client() as client:
        counter.add(client, 30)
        client.set("filler", FILLER)
        disk.rules(f"{REWRITE_FAULTS[fault]} after={after}")
        try:
            client.bgrewriteaof()
        except redis.exceptions.ResponseError as error:
            assert str(error) == "Can't execute an AOF background rewriting. Please check the server logs for more information."
        poll(lambda: persistence(client)["aof_rewrite_in_progress"] == 0, 10, "the end of the rewrite")
        hit = bool(disk.faults())
        facts = persistence(client)
        if after == 0:
            assert hit
        # What only tidies up behind a new base that is in place may fail without being a failure.
        if hit and not (after == 1 and fault.startswith(("the manifest", "the folder"))):
            assert facts["aof_last_bgrewrite_status"] == "err", facts
            server.wait_log("rewrite terminated with error|Can't rewrite append only file in background")
        assert facts["aof_last_write_status"] == "ok"
        counter.add(client, 30)
    server = power_cut_and_restart(disk, server, counter)
    with server.client() as client:
        assert client.get("filler") == FILLER
        assert disk.strangers() == []
        counter.add(client, 10)
        client.bgrewriteaof()
        poll(lambda: persistence(client)["aof_rewrites"] == 1 and persistence(client)["aof_rewrite_in_progress"] == 0, 10, "a rewrite")
        assert persistence(client)["aof_last_bgrewrite_status"] == "ok"
        counter.add(client, 10)
    power_cut_and_restart(disk, server, counter)


@pytest.mark.parametrize("rule", ["mkdir EACCES *", "open EACCES appendonlydir/*"])
def test_a_log_that_cannot_be_begun_stays_off(disk, rule):
    server = disk.start('save ""\n')
    counter = Counter()
    with server.client() as client:
        counter.add(client, 10)
        disk.rules(rule)
        with pytest.raises(redis.exceptions.ResponseError) as caught:
            client.config_set("appendonly", "yes")
        assert str(caught.value).endswith("CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. "
                                          "Check server logs."), caught.value
        server.wait_log(DENIED)
        assert client.config_get("appendonly") == {"appendonly": "no"} and persistence(client)["aof_enabled"] == 0
        counter.add(client, 10)
        disk.rules()
        client.config_set("appendonly", "yes")
        client.config_set("appendfsync", "always")
        poll(lambda: persistence(client)["aof_rewrite_in_progress"] == 0, 10, "the first base")
        counter.add(client, 10)
    server.kill()
    disk.ended(server)
    disk.power_cut(SEED)
    server = disk.start(LOGGED)
    with server.client() as client:
        counter.check(client)


# --- Dumps, while the node runs ---


@pytest.mark.parametrize("rule, text", [
    ("write ENOSPC temp-* bytes=1000", FULL), ("write EIO temp-*", BROKEN), ("sync EIO temp-*", BROKEN),
    ("open EACCES temp-*", DENIED), ("rename EACCES dump.rdb", DENIED), ("syncdir EIO .", BROKEN),
])  # fmt: skip
def test_a_failed_save_keeps_the_old_dump_and_stops_writes(disk, rule, text):
    server = disk.start(DUMPED)
    with server.client() as client:
        client.set("saved", FILLER)
        client.save()
        old = (disk.data / "dump.rdb").read_bytes()
        client.set("later", FILLER[::-1])
        disk.rules(rule)
        client.bgsave()
        poll(lambda: persistence(client)["rdb_last_bgsave_status"] == "err", 10, "the failure in INFO")
        server.wait_log(text)
        refused(client, RDB_MISCONF)
        assert client.get("later") == FILLER[::-1]  # reads go on
        if not rule.startswith("syncdir"):
            assert (disk.data / "dump.rdb").read_bytes() == old
        poll(lambda: disk.strangers() == [], 10, "the temporary file is gone")
        with pytest.raises(redis.exceptions.ResponseError):
            client.save()
        with pytest.raises(redis.exceptions.ResponseError) as caught:
            client.execute_command("SHUTDOWN", "SAVE")
        assert "Errors trying to SHUTDOWN. Check logs." in str(caught.value)
        server.signal(signal.SIGTERM)
        server.wait_log("Error trying to save the DB, can't exit[^$]*Error trying to save the DB, can't exit")
        client.config_set("stop-writes-on-bgsave-error", "no")
        client.set("other", "value")
        client.config_set("stop-writes-on-bgsave-error", "yes")
        refused(client, RDB_MISCONF)
        disk.rules()
        client.bgsave()
        poll(lambda: persistence(client)["rdb_last_bgsave_status"] == "ok", 10, "a save that succeeds")
        client.set("other", "again")
        client.save()
    server.kill()
    disk.ended(server)
    disk.power_cut(SEED)
    server = disk.start()
    with server.client() as client:
        assert client.get("later") == FILLER[::-1] and client.get("other") == "again"


# --- What is found at the start ---


def stopped(disk, conf, use):
    """A folder that a node has left, and its files."""
    server = disk.start(conf)
    with server.client() as client:
        use(client)
    server.stop()
    disk.ended(server)
    disk.journal.unlink()
    return contents(disk.data)


def refuses(disk, text, *rules):
    """The node does not start, says why, and changes no file."""
    before = contents(disk.data)
    disk.rules(*rules)
    log = faulty_disk.start_to_fail(disk)
    assert text in log, log
    assert contents(disk.data) == before
    disk.rules()


@pytest.fixture
def log_folder(disk):
    """The folder of a log with a base, an increment and n = 200 in it."""

    def use(client):
        Counter().add(client, 100)
        client.bgrewriteaof()
        poll(lambda: persistence(client)["aof_rewrites"] == 1 and persistence(client)["aof_rewrite_in_progress"] == 0, 10, "a rewrite")
        pipeline = client.pipeline(transaction=False)
        for _ in range(100):
            pipeline.incr("n")
        pipeline.execute()

    stopped(disk, LOGGED, use)
    return disk.data / "appendonlydir"


def finds(disk, value):
    server = disk.start()
    with server.client() as client:
        assert client.get("n") == value
    server.stop()
    disk.ended(server)


def test_a_missing_manifest(disk, log_folder):
    text = (log_folder / MANIFEST).read_text()
    (log_folder / MANIFEST).unlink()
    refuses(disk, "Fatal error: the AOF manifest file appendonly.aof.manifest is missing, but appendonlydir holds files of an "
                  "append-only file: appendonly.aof.2.base.rdb, appendonly.aof.2.incr.aof. Restore the manifest, or move these files "
                  "away to start without them.")
    (log_folder / MANIFEST).write_text(text)
    finds(disk, "200")


@pytest.mark.parametrize("damage, text", [
    (lambda text: "", "Found an empty AOF manifest"),
    (lambda text: text[:-10], "The AOF manifest file contains too long line"),
    (lambda text: text[: text.index("\n") + 1] + "file appendonly.aof.2.incr.aof\n",
     "Reading the manifest file, at line 2\n>>> 'file appendonly.aof.2.incr.aof'\nInvalid AOF manifest file format"),
    (lambda text: "\0" * len(text), "The AOF manifest file contains too long line"),
    (lambda text: text.replace("type i", "type x"), "Unknown AOF file type"),
    (lambda text: text.replace("file appendonly.aof.2.incr.aof", "file ../appendonly.aof.2.incr.aof"),
     "File can't be a path, just a filename"),
], ids=["empty", "cut in a line", "half a line", "zeros", "unknown type", "path"])  # fmt: skip
def test_a_torn_manifest(disk, log_folder, damage, text):
    whole = (log_folder / MANIFEST).read_text()
    (log_folder / MANIFEST).write_text(damage(whole))
    refuses(disk, "*** FATAL AOF MANIFEST FILE ERROR ***\n")
    refuses(disk, text)
    (log_folder / MANIFEST).write_text(whole)
    finds(disk, "200")


@pytest.mark.parametrize("name", ["appendonly.aof.2.base.rdb", "appendonly.aof.2.incr.aof"])
def test_a_missing_file_of_the_log(disk, log_folder, name):
    (log_folder / name).rename(disk.home / name)
    refuses(disk, f"The AOF file {name} is in the manifest but it does not exist: No such file or directory")
    shutil.move(disk.home / name, log_folder / name)
    finds(disk, "200")


def test_a_log_that_is_corrupt_in_the_middle(disk, log_folder):
    path = log_folder / "appendonly.aof.2.incr.aof"
    whole = bytearray(path.read_bytes())
    at = whole.index(b"*3\r\n$6\r\nINCRBY", len(whole) // 2)
    path.write_bytes(whole[:at] + b"\0" * 10 + whole[at + 10 :])
    refuses(disk, "Bad file format reading the append only file appendonly.aof.2.incr.aof: make a backup of your AOF file, then use "
                  f"./redis-check-aof --fix <filename.manifest> (at offset {at}: ")
    good = 100 + whole[:at].count(b"INCR")
    faulty_disk.fix_aof(log_folder)
    disk.journal.unlink()
    assert path.read_bytes() == whole[:at]
    finds(disk, str(good))


def test_a_base_that_is_corrupt_in_the_middle(disk, log_folder):
    path = log_folder / "appendonly.aof.2.base.rdb"
    data = bytearray(path.read_bytes())
    data[-12] ^= 0xFF
    path.write_bytes(data)
    refuses(disk, "Error reading the RDB preamble of the AOF file appendonly.aof.2.base.rdb, AOF loading aborted: Wrong RDB checksum expected")


def test_a_log_that_ends_inside_a_command(disk, log_folder):
    path = log_folder / "appendonly.aof.2.incr.aof"
    path.write_bytes(path.read_bytes()[: path.read_bytes().rindex(b"INCRBY") + 2])
    cut = path.read_bytes().rindex(b"*3\r\n")
    disk.start(LOGGED + "aof-load-truncated no\n", wait=False).wait_exit()
    refuses(disk, "Unexpected end of file reading the append only file appendonly.aof.2.incr.aof. You can: 1) Make a backup of your AOF "
                  "file, then use ./redis-check-aof --fix <filename.manifest>. 2) Alternatively you can set the 'aof-load-truncated' "
                  "configuration option to yes and restart the server.")
    server = disk.start(LOGGED)
    server.wait_log(f"Truncating the AOF appendonly.aof.2.incr.aof at offset {cut}")
    with server.client() as client:
        assert client.get("n") == "199"


@pytest.mark.parametrize("damage, text", [
    (lambda data: data[: len(data) // 2], "Short read or OOM loading DB. Unrecoverable error, aborting now."),
    (lambda data: data[:-20] + bytes([data[-20] ^ 0xFF]) + data[-19:], "Wrong RDB checksum expected"),
    (lambda data: b"GARBAGE" + data[7:], "Wrong signature trying to load DB from file"),
    (lambda data: b"", "Short read or OOM loading DB. Unrecoverable error, aborting now."),
], ids=["cut", "flipped bits", "not a dump", "empty"])  # fmt: skip
def test_a_dump_that_is_corrupt(disk, damage, text):
    def use(client):
        client.set("n", FILLER)
        client.save()

    stopped(disk, DUMPED + "rdbcompression no\n", use)
    path = disk.data / "dump.rdb"
    whole = path.read_bytes()
    path.write_bytes(damage(whole))
    refuses(disk, text)
    refuses(disk, "Fatal error loading the DB, check server logs. Exiting.")
    path.write_bytes(whole)
    finds(disk, FILLER)


@pytest.mark.parametrize("rule, text", [
    ("mkdir EACCES *", "Can't open or create append-only dir appendonlydir: "),
    ("open EACCES *temp*", "Error writing the AOF base file appendonly.aof.1.base.rdb: "),
    ("write ENOSPC *temp*", "Error writing the AOF base file appendonly.aof.1.base.rdb: "),
    ("open EACCES *.incr.aof", "Can't open the append-only file appendonly.aof.1.incr.aof: "),
    ("open,rename EACCES *manifest*", "Can't write the AOF manifest appendonly.aof.manifest: "),
])  # fmt: skip
def test_a_folder_in_which_no_log_can_be_begun(disk, rule, text):
    disk.rules(rule)
    log = faulty_disk.start_to_fail(disk, LOGGED)
    assert text in log and (DENIED in log or FULL in log), log
    disk.rules()
    server = disk.start()
    counter = Counter()
    with server.client() as client:
        client.config_set("appendfsync", "always")
        counter.add(client, 10)
    power_cut_and_restart(disk, server, counter)


@pytest.mark.parametrize("rule, text", [
    ("open EACCES *.incr.aof", f"Can't open the append-only file appendonly.aof.2.incr.aof: {{}}: {DENIED}"),
    ("sync EIO *.incr.aof", f"Can't sync the append-only file appendonly.aof.2.incr.aof: {{}}: {BROKEN}"),
    ("read EIO *.incr.aof", BROKEN),
    ("read EIO *manifest", f"Fatal error: can't open the AOF manifest file appendonly.aof.manifest for reading: {{}}: {BROKEN}"),
])  # fmt: skip
def test_a_log_on_a_disk_that_fails_at_the_start(disk, log_folder, rule, text):
    refuses(disk, text.format("./appendonlydir/" + ("appendonly.aof.manifest" if "manifest" in rule else "appendonly.aof.2.incr.aof")), rule)
    finds(disk, "200")


def test_a_dump_on_a_disk_that_cannot_be_read(disk):
    def use(client):
        client.set("n", "1")
        client.save()

    stopped(disk, DUMPED, use)
    refuses(disk, BROKEN, "read EIO dump.rdb")
    finds(disk, "1")


# --- The layer itself ---


def test_the_layer_sees_everything_that_a_node_does_to_its_files(disk):
    """Else the tests here and in test_crash.py would prove less than they say."""
    server = disk.start(LOGGED.replace("yes", "no") + "aof-timestamp-enabled yes\nsave 3600 1\nenable-debug-command local\n")
    with server.client() as client:
        for i in range(3):
            client.config_set("appendonly", "yes")
            poll(lambda: persistence(client)["aof_rewrite_in_progress"] == 0, 10, "the first base")
            client.mset({f"key:{j}": random.randbytes(1000) for j in range(2000)})  # several blocks of a file
            client.bgrewriteaof()
            poll(lambda: persistence(client)["aof_rewrite_in_progress"] == 0, 10, "the rewrite")
            client.flushall()
            client.bgsave()
            poll(lambda: persistence(client)["rdb_bgsave_in_progress"] == 0, 10, "the save")
            client.execute_command("DEBUG", "RELOAD") if i == 2 else client.config_set("appendonly", "no")
        server.stop(10 * SLOW)
    disk.ended(server)
    state = disk.state()
    assert state.differences(disk.data) == []
    assert len(state.names) > 4 and state.starts == 1
