"""Bad input: each gets a clear error, nobody crashes, other clients are unharmed.

Run against the sanitizers' build too; the harness fails a test whose process left a report.
"""

import os
import pathlib
import pwd
import random
import shutil
import socket
import subprocess
import time

import pytest
import redis

import harness
from harness import REDIS, SLOW, free_port, poll


class Raw:
    """A bare connection."""

    def __init__(self, port, timeout=5):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=timeout * SLOW)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # the server has closed: what it said is still to be read

    def read_until_closed(self):
        received = b""
        while True:
            try:
                chunk = self.socket.recv(65536)
            except ConnectionResetError:
                return received
            if not chunk:
                return received
            received += chunk

    def read_line(self):
        line = b""
        while not line.endswith(b"\r\n"):
            chunk = self.socket.recv(1)
            if not chunk:
                raise EOFError(line)
            line += chunk
        return line


@pytest.fixture(params=["node", "sentinel"])
def server(request, space):
    if request.param == "node":
        yield space.node("node", "save \"\"\n")
    else:
        yield space.sentinel("sentinel", "sentinel monitor myprimary 127.0.0.1 1 2\n")


MALFORMED = {
    "negative multibulk": (b"*-5\r\nPING\r\n", b"+PONG"),  # an empty request, then an inline one
    "multibulk length": (b"*abc\r\n", b"-ERR Protocol error: invalid multibulk length"),
    "multibulk too large": (b"*2147483648\r\n", b"-ERR Protocol error: invalid multibulk length"),
    "no dollar": (b"*1\r\n:1\r\n", b"-ERR Protocol error: expected '$', got ':'"),
    "negative bulk": (b"*1\r\n$-5\r\n", b"-ERR Protocol error: invalid bulk length"),
    "bulk length": (b"*1\r\n$1x\r\n", b"-ERR Protocol error: invalid bulk length"),
    "600 MB bulk": (b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$629145600\r\n", b"-ERR Protocol error: invalid bulk length"),
    "endless multibulk count": (b"*" + b"1" * 70_000, b"-ERR Protocol error: too big mbulk count string"),
    "endless bulk count": (b"*1\r\n$" + b"1" * 70_000, b"-ERR Protocol error: too big bulk count string"),
    "endless inline": (b"A" * 70_000, b"-ERR Protocol error: too big inline request"),
    "quotes": (b'SET "unbalanced\r\n', b"-ERR Protocol error: unbalanced quotes in request"),
    "wrong length": (b"*2\r\n$4\r\nPING\r\n$2\r\nabcdef\r\n", b"$2\r\nab\r\n"),  # rest is taken for a request
}


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_requests_get_their_error(server, what):
    sent, expected = MALFORMED[what]
    with server.client() as bystander, Raw(server.port) as raw:
        assert bystander.ping()
        raw.send(sent)
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.read_until_closed().startswith(expected)
        assert bystander.ping()


def test_random_bytes(server):
    rng = random.Random(20240607)
    starts = [b"", b"*", b"$", b"*3\r\n$", b"*2\r\n$3\r\nGET\r\n$", b"SET ", b"\x00", b"*1\r\n$4\r\nPING\r\n"]
    with server.client() as bystander:
        for turn in range(200):
            with Raw(server.port) as raw:
                raw.send(rng.choice(starts) + rng.randbytes(rng.choice([1, 10, 100, 5000])))
                if turn % 2:
                    raw.socket.shutdown(socket.SHUT_WR)
                    raw.read_until_closed()
            if turn % 20 == 0:
                assert bystander.ping()
        assert bystander.ping()
    poll(lambda: server.info("clients")["connected_clients"] <= 2, 10, "the connections of the noise are gone")


def test_random_mutations_of_valid_requests(server):
    rng = random.Random(7)
    valid = [
        b"*3\r\n$3\r\nSET\r\n$3\r\nfoo\r\n$3\r\nbar\r\n", b"*2\r\n$3\r\nGET\r\n$3\r\nfoo\r\n", b"PING hello\r\n",
        b"*1\r\n$5\r\nMULTI\r\n*1\r\n$4\r\nEXEC\r\n", b"*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n",
        b"*3\r\n$6\r\nCLIENT\r\n$4\r\nKILL\r\n$9\r\n1.2.3.4:5\r\n", b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n",
        b"*6\r\n$8\r\nSENTINEL\r\n$22\r\nIS-MASTER-DOWN-BY-ADDR\r\n$9\r\n127.0.0.1\r\n$1\r\n1\r\n$1\r\n0\r\n$1\r\n*\r\n",
        b"*3\r\n$7\r\nPUBLISH\r\n$18\r\n__sentinel__:hello\r\n$30\r\n127.0.0.1,1,abc,1,my,1.1.1.1,1\r\n",
        b"*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n", b"*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n",
    ]
    with server.client() as bystander:
        for turn in range(400):
            data = bytearray(b"".join(rng.choices(valid, k=rng.randint(1, 4))))
            for _ in range(rng.randint(1, 4)):
                at = rng.randrange(len(data))
                change = rng.randrange(3)
                if change == 0:
                    data[at] = rng.randrange(256)
                elif change == 1:
                    del data[at]
                else:
                    data.insert(at, rng.choice(b"0123456789\r\n$*-\"\x00"))
            if b"SHUTDOWN" in bytes(data).upper():
                continue
            with Raw(server.port) as raw:
                raw.send(bytes(data))
                if turn % 4 == 0:
                    raw.socket.shutdown(socket.SHUT_WR)
                    raw.socket.settimeout(0.2)
                    try:
                        raw.read_until_closed()
                    except TimeoutError:
                        pass  # it became a subscriber or a replica
            if turn % 50 == 0:
                assert bystander.ping()
        assert bystander.ping()


def test_a_slow_client_harms_nobody(server):
    request = b"*2\r\n$4\r\nPING\r\n$5\r\nhello\r\n"
    with server.client() as bystander, Raw(server.port) as slow:
        for byte in request[:-1]:
            slow.send(bytes([byte]))
            begin = time.monotonic()
            assert bystander.ping()
            assert time.monotonic() - begin < 0.5 * SLOW
        slow.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            slow.socket.recv(1)  # not answered before its last byte is there
        slow.socket.settimeout(5 * SLOW)
        slow.send(request[-1:])
        assert slow.read_line() == b"$5\r\n" and slow.read_line() == b"hello\r\n"


def test_an_announced_bulk_is_not_allocated_before_it_comes(space):
    node = space.node("node", "save \"\"\n")
    before = node.info("memory")["used_memory"]
    crowd = [Raw(node.port) for _ in range(20)]
    for raw in crowd:
        raw.send(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\nabc")
    assert node.info("memory")["used_memory"] - before < (64 << 20 if space.kind == harness.HOLDFAST else 1 << 40)
    assert node.running()
    for raw in crowd:
        raw.socket.close()
    with node.client() as client:
        assert client.set("k", "v")


def test_one_too_many_clients_is_told_so(space):
    node = space.node("node", "save \"\"\nmaxclients 5\n")

    def five_are_served():
        """The connections that asked whether the node is ready may still be counted at first."""
        crowd = [Raw(node.port) for _ in range(5)]
        for raw in crowd:
            raw.send(b"PING\r\n")
        if all(raw.read_line() == b"+PONG\r\n" for raw in crowd):
            return crowd
        for raw in crowd:
            raw.socket.close()
        return None

    crowd = poll(five_are_served, 5, "five clients are served")
    with Raw(node.port) as extra:
        assert extra.read_until_closed() == b"-ERR max number of clients reached\r\n"
    crowd[0].send(b"PING\r\n")
    assert crowd[0].read_line() == b"+PONG\r\n"
    for raw in crowd:
        raw.socket.close()


# --- append-only files ---


def node_with_append_only_file(space):
    """A stopped node with 50 keys in its incremental file; (server, path of that file)."""
    node = space.node("node", "save \"\"\nappendonly yes\nappendfsync always\n")
    with node.client() as client:
        for i in range(50):
            client.set(f"key{i}", f"value{i}")
    node.kill()
    incremental = list((node.folder / "appendonlydir").glob("*.incr.aof"))
    assert len(incremental) == 1
    return node, incremental[0]


def test_a_torn_append_only_file_loads_without_its_last_command(space):
    node, path = node_with_append_only_file(space)
    os.truncate(path, path.stat().st_size - 3)
    again = space.node("node", "", port=node.port)
    with again.client() as client:
        assert client.dbsize() == 49 and client.get("key48") == "value48" and client.get("key49") is None
        client.set("key49", "again")
    again.wait_log("(?i)truncat")
    again.kill()
    third = space.node("node", "", port=node.port)
    with third.client() as client:
        assert client.dbsize() == 50 and client.get("key49") == "again"


def test_a_torn_append_only_file_is_refused_when_told_so(space):
    node, path = node_with_append_only_file(space)
    os.truncate(path, path.stat().st_size - 3)
    again = space.node("node", "", "--aof-load-truncated", "no", port=node.port, wait=False)
    assert again.wait_exit() == 1
    assert "Unexpected end of file reading the append only file" in again.log()


@pytest.mark.parametrize("damage", ["length", "text", "command"])
def test_a_corrupt_append_only_file_is_refused(space, damage):
    node, path = node_with_append_only_file(space)
    data = bytearray(path.read_bytes())
    at = data.index(b"key25") - 4  # "$5\r\nkey25"
    if damage == "length":
        data[at + 1 : at + 2] = b"x"
    elif damage == "text":
        data[at : at + 1] = b"%"
    else:
        at = data.rindex(b"SET", 0, at)
        data[at : at + 3] = b"NOT"
    path.write_bytes(data)
    size = path.stat().st_size
    again = space.node("node", "", port=node.port, wait=False)
    assert again.wait_exit() == 1
    expected = "Unknown command 'NOT'" if damage == "command" else "Bad file format reading the append only file"
    assert expected in again.log()
    assert path.stat().st_size == size, "a refused file must be left as it is"


@pytest.mark.ours
@pytest.mark.parametrize("directive, what", [
    ("tls-port 7777", "TLS is"), ("tls-replication yes", "TLS is"), ("cluster-enabled yes", "Cluster mode is"),
])  # fmt: skip
def test_what_is_missing_is_not_passed_over(space, directive, what):
    """A node that took these and went on without would speak in the clear, or to anybody."""
    refused = space.node("node", directive + "\n", wait=False)
    assert refused.wait_exit() == 1
    assert f"{what} not supported by this build. Exiting..." in refused.log()


@pytest.mark.ours
def test_tls_is_not_switched_on_either(space):
    with space.node("node").client() as client:
        with pytest.raises(redis.ResponseError, match="TLS is not supported by this build"):
            client.config_set("tls-port", 7777)
        assert client.config_get("tls-port") == {"tls-port": "0"}


def test_a_missing_or_nonsense_manifest_is_refused(space):
    node, path = node_with_append_only_file(space)
    manifest = next(path.parent.glob("*.manifest"))
    manifest.write_text("file nonsense\n")
    again = space.node("node", "", port=node.port, wait=False)
    assert again.wait_exit() == 1
    assert "manifest" in again.log().lower()


def test_a_corrupt_rdb_is_refused(space):
    node = space.node("node", "save 3600 1\n")
    with node.client() as client:
        for i in range(100):
            client.set(f"key{i}", "x" * 50)
        client.save()
    node.kill()
    path = node.folder / "dump.rdb"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    again = space.node("node", "", port=node.port, wait=False)
    assert again.wait_exit() == 1
    assert again.log().strip()


# --- conf files ---

NODE_MISTAKES = {
    "unknown directive": ("port_number 1", 1, "Bad directive or wrong number of arguments"),
    "missing argument": ("# one\nappendonly", 2, "wrong number of arguments"),
    "too many arguments": ("appendonly yes please", 1, "wrong number of arguments"),
    "not yes or no": ("appendonly maybe", 1, "argument must be 'yes' or 'no'"),
    "not in the list": ("appendfsync sometimes", 1, "argument(s) must be one of the following"),
    "not a number": ("\n\ntimeout soon", 3, "argument couldn't be parsed into an integer"),
    "out of range": ("port 70000", 1, "argument must be between 0 and 65535 inclusive"),
    "not a size": ("maxmemory lots", 1, "argument must be a memory value"),
    "unbalanced quotes": ("dbfilename \"abc", 1, "Unbalanced quotes in configuration line"),
    "save with one argument": ("save 900", 1, "Invalid save parameters"),
    "save with words": ("save often enough", 1, "Invalid save parameters"),
    "bad replicaof port": ("replicaof 127.0.0.1 notaport", 1, "Invalid master port"),
    "bad output buffer class": ("client-output-buffer-limit everyone 1 1 1", 1, "Invalid client class specified in buffer limit configuration"),
    "appendfilename with a path": ("appendfilename a/b.aof", 1, "appendfilename can't be a path, just a filename"),
    "bad user": ("user default on nonsense", 1, "Syntax error"),
}


@pytest.mark.parametrize("what", NODE_MISTAKES)
def test_conf_mistakes_of_a_node(space, what):
    text, line, message = NODE_MISTAKES[what]
    path = space.folder / "wrong.conf"
    path.write_text(text + "\n")
    process = space.run("wrong", [space.binary("node"), path])
    assert process.wait_exit() == 1
    log = process.log()
    assert "*** FATAL CONFIG FILE ERROR" in log
    shown = text.splitlines()[-1]
    secret = f"{shown.split()[0]} (value not shown)"  # ours does not print what may be a password
    assert f"line {line}\n" in log and (f">>> '{shown}'" in log or f">>> '{secret}'" in log)
    assert message in log


def test_conf_files_that_cannot_be_read(space):
    missing = space.run("missing", [space.binary("node"), space.folder / "nowhere.conf"])
    assert missing.wait_exit() == 1 and "can't open config file" in missing.log()
    path = space.folder / "including.conf"
    path.write_text("include nowhere-either.conf\n")
    including = space.run("including", [space.binary("node"), path])
    assert including.wait_exit() == 1 and "can't open config file" in including.log()
    path.write_bytes(random.Random(3).randbytes(4000))
    noise = space.run("noise", [space.binary("node"), path])
    assert noise.wait_exit() == 1 and "FATAL CONFIG FILE ERROR" in noise.log()


def test_mistakes_on_the_command_line(space):
    process = space.run("wrong", [space.binary("node"), "--port", "70000"])
    assert process.wait_exit() == 1 and "FATAL CONFIG FILE ERROR" in process.log()
    process = space.run("unknown", [space.binary("node"), "--no-such-option", "1"])
    assert process.wait_exit() == 1 and "FATAL CONFIG FILE ERROR" in process.log()


SENTINEL_MISTAKES = {
    "unknown directive": ("sentinel watch x", "Unrecognized sentinel configuration statement"),
    "no such master": ("sentinel down-after-milliseconds nobody 5", "No such master with specified name"),
    "quorum": ("sentinel monitor m 127.0.0.1 6379 0", "Quorum must be 1 or greater"),
    "twice": (
        "sentinel monitor m 127.0.0.1 6379 1\nsentinel monitor m 127.0.0.1 6380 1", "Duplicate"),
    "not an address": ("sentinel monitor m not.an.address 6379 1", "Can't resolve instance hostname"),
    "missing": ("sentinel monitor m 127.0.0.1", "Unrecognized sentinel configuration statement"),
    "zero down-after": (
        "sentinel monitor m 127.0.0.1 6379 1\nsentinel down-after-milliseconds m 0", "negative or zero time parameter"),
}


@pytest.mark.parametrize("what", SENTINEL_MISTAKES)
def test_conf_mistakes_of_a_sentinel(space, what):
    text, message = SENTINEL_MISTAKES[what]
    path = space.folder / "wrong.conf"
    path.write_text(f"port {free_port()}\n{text}\n")
    process = space.run("wrong", [space.binary("sentinel"), path])
    assert process.wait_exit() == 1
    assert "*** FATAL CONFIG FILE ERROR" in process.log()
    assert message.lower() in process.log().lower()


def test_a_sentinel_needs_a_conf_file(space):
    process = space.run("bare", [space.binary("sentinel")])
    assert process.wait_exit() == 1
    assert "needs config file" in process.log() or "config file" in process.log()


# --- a conf file that cannot be written ---


def sentinel_conf(space, folder):
    folder.mkdir()
    path = folder / "sentinel.conf"
    path.write_text(f"port {free_port()}\nsentinel monitor m 127.0.0.1 {free_port()} 2\n")
    return path


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_sentinel_conf_of_another_user(space):
    binary = space.folder / "a-sentinel"  # where anybody may execute it
    shutil.copy(space.binary("sentinel"), binary)
    path = sentinel_conf(space, space.folder / "conf")
    nobody = pwd.getpwnam("nobody")
    argv0 = {"executable": str(binary)}
    process = space.run("unprivileged", ["redis-sentinel", path], user=nobody.pw_uid, group=nobody.pw_gid, extra_groups=[], **argv0)
    assert process.wait_exit() == 1
    assert f"Sentinel config file {path} is not writable: Permission denied" in process.log()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount")
def test_sentinel_conf_on_a_read_only_mount(space):
    path = sentinel_conf(space, space.folder / "conf")
    if subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine allows no mount namespaces")
    script = f"mount --bind {path} {path} && mount -o remount,ro,bind {path} && exec {space.binary('sentinel')} {path}"
    process = space.run("mounted", ["unshare", "-m", "sh", "-c", script])
    assert process.wait_exit() == 1
    assert f"Sentinel config file {path} is not writable: Read-only file system" in process.log()


@pytest.mark.ours
def test_a_save_that_fails_later_is_an_error_to_the_caller(space):
    sentinel = space.sentinel("sentinel", f"sentinel monitor m 127.0.0.1 {free_port()} 2\n")
    assert sentinel.cli("SENTINEL", "FLUSHCONFIG").strip() == "OK"
    shutil.move(sentinel.folder, space.folder / "moved")
    shutil.copytree(space.folder / "moved", sentinel.folder, ignore=shutil.ignore_patterns("*.conf"))
    shutil.rmtree(sentinel.folder)
    pathlib.Path(sentinel.folder).write_text("a file where the folder was")
    assert "Failed to save config file" in sentinel.cli("SENTINEL", "FLUSHCONFIG")
    assert sentinel.running() and sentinel.cli("PING").strip() == "PONG"
    os.unlink(sentinel.folder)
    shutil.move(space.folder / "moved", sentinel.folder)
    assert sentinel.cli("SENTINEL", "FLUSHCONFIG").strip() == "OK"
