"""What the ecosystem's tools do to a node: redis-cli's reports and pipe, MONITOR into a file, redis-benchmark."""

import os
import pty
import re
import subprocess

from harness import SLOW, Failure, poll

PLAIN = 'save ""\n'


def tool(*argv, seconds=30, stdin=None):
    done = subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, timeout=seconds * SLOW, check=False)
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


def on_a_terminal(*argv, pattern, seconds=15):
    """Runs a tool that never ends by itself until what it shows matches."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen([str(a) for a in argv], stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.set_blocking(ours, False)
    shown = ""

    def matches():
        nonlocal shown
        try:
            shown += os.read(ours, 65536).decode(errors="replace")
        except BlockingIOError:
            pass
        return re.search(pattern, shown)

    try:
        poll(matches, seconds, f"{pattern!r} on the terminal")
    except Failure as failure:
        raise Failure(f"{failure}\nshown: {shown!r}") from None
    finally:
        child.terminate()
        child.wait()
        os.close(ours)
    return shown


def test_reports_over_all_keys(space):
    node = space.node("node", PLAIN)
    with node.client() as client:
        pipeline = client.pipeline(transaction=False)
        for i in range(3000):
            pipeline.set(f"key:{i}", "v" * (i % 50))
        pipeline.set("the biggest", "v" * 5000)
        pipeline.execute()
    code, report = tool("redis-cli", "-p", node.port, "--bigkeys")
    assert code == 0, report
    assert "Sampled 3001 keys in the keyspace!" in report
    assert re.search(r"Biggest string found .*the biggest.* has 5000 bytes", report), report
    code, report = tool("redis-cli", "-p", node.port, "--memkeys")
    assert code == 0 and "Sampled 3001 keys in the keyspace!" in report
    assert re.search(r"Biggest string found .*the biggest.* has [5-9]\d{3} bytes", report), report
    code, report = tool("redis-cli", "-p", node.port, "--scan", "--pattern", "key:1*")
    expected = sorted(f"key:{i}" for i in range(3000) if str(i).startswith("1"))
    assert code == 0 and sorted(report.split()) == expected


def test_pipe_of_a_file(space):
    """Mass insertion: redis-cli sends the file as it is, then an ECHO whose reply says that all was executed."""
    node = space.node("node", PLAIN)
    commands = bytearray()
    for i in range(20000):
        words = [b"SET", b"key:%d" % i, b"value:%d" % i]
        commands += b"*3\r\n" + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
    commands += b"*2\r\n$4\r\nINCR\r\n$5\r\nkey:0\r\n"  # an error is counted, not fatal
    (space.folder / "commands").write_bytes(commands)
    with open(space.folder / "commands", "rb") as file:
        done = subprocess.run(["redis-cli", "-p", str(node.port), "--pipe"], stdin=file, capture_output=True, text=True,
                              timeout=60 * SLOW, check=False)
    assert "errors: 1, replies: 20001" in done.stdout, done.stdout + done.stderr
    with node.client() as client:
        assert client.dbsize() == 20000 and client.get("key:19999") == "value:19999"
    inline = tool("redis-cli", "-p", node.port, "--pipe", stdin=b"SET inline 1\r\nGET inline\r\n")
    assert inline[0] == 0 and "errors: 0, replies: 2" in inline[1]


def test_stat_and_latency(space):
    node = space.node("node", PLAIN)
    with node.client() as client:
        client.mset({f"key:{i}": "v" for i in range(7)})
    row = r"7 +\d+\.\d+[KM] +\d+ +0 +\d+ \(\+\d+\) +\d+ *\r\n"
    shown = on_a_terminal("redis-cli", "-p", node.port, "--stat", "-i", "0.1", pattern=row + row)
    assert "keys       mem      clients blocked requests            connections" in shown
    on_a_terminal("redis-cli", "-p", node.port, "--latency", pattern=r"min: \d+, max: \d+, avg: \d+\.\d+ \(\d\d+ samples\)")
    on_a_terminal("redis-cli", "-p", node.port, "--latency-history", "-i", "0.3", pattern=r"samples\) -- 0\.3\d seconds range")
    code, line = tool("redis-cli", "-p", node.port, "--latency", "-i", "1")
    assert code == 0 and re.match(r"\d+ \d+ \d+\.\d+ \d+", line.strip()), line


def test_monitor_into_a_file(space):
    node = space.node("node", PLAIN)
    path = space.folder / "monitored"
    with open(path, "wb") as file:
        monitor = subprocess.Popen(["redis-cli", "-p", str(node.port), "MONITOR"], stdout=file)
        try:
            poll(lambda: path.read_bytes().startswith(b"OK"), 10, "MONITOR has begun")
            with node.client() as client:
                for i in range(500):
                    client.set(f"key:{i}", 'a "quoted" value')
                client.execute_command("SELECT", 3)
            poll(lambda: b'"SELECT" "3"' in path.read_bytes(), 10, "the last command is there")
        finally:
            monitor.terminate()
            monitor.wait()
    lines = path.read_text().splitlines()
    sets = [line for line in lines if '"SET"' in line]
    assert len(sets) == 500
    assert re.fullmatch(r'\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "key:0" "a \\"quoted\\" value"', sets[0]), sets[0]


def test_benchmark_in_all_its_tests(space):
    node = space.node("node", PLAIN)
    names = ("PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "RPUSH", "LPOP", "RPOP", "SADD", "HSET", "SPOP", "ZADD", "ZPOPMIN",
             "LRANGE_100 (first 100 elements)", "LRANGE_300 (first 300 elements)", "LRANGE_500 (first 500 elements)",
             "LRANGE_600 (first 600 elements)", "MSET (10 keys)")
    for pipeline in (1, 16):
        code, report = tool("redis-benchmark", "-p", node.port, "-n", 3000, "-c", 20, "-r", 1000, "-P", pipeline, "-q", seconds=120)
        assert code == 0, report
        for name in names:
            assert re.search(rf"{re.escape(name)}: \d+\.\d+ requests per second", report), report
        assert "rror" not in report, report


def test_reports_over_values_with_elements(space):
    node = space.node("node", PLAIN)
    with node.client() as client:
        client.rpush("list", *range(1000))
        client.sadd("set", *range(900))
        client.hset("hash", mapping={str(i): i for i in range(800)})
        client.zadd("zset", {str(i): i for i in range(700)})
        for _ in range(60):
            client.xadd("stream", {"field": "value"})
    code, report = tool("redis-cli", "-p", node.port, "--bigkeys")
    assert code == 0, report
    for kind, key, size in (("list", "list", "1000 items"), ("set", "set", "900 members"), ("hash", "hash", "800 fields"),
                            ("zset", "zset", "700 members"), ("stream", "stream", "60 entries")):
        assert re.search(rf"Biggest +{kind} found .*{key}.* has {size}", report), report
    code, report = tool("redis-cli", "-p", node.port, "--memkeys")
    assert code == 0 and all(re.search(rf"Biggest +{kind} found .* has \d{{3,}} bytes", report) for kind in ("list", "set", "hash", "zset", "stream")), report


def test_title_in_the_process_list(space):
    node = space.node("node", PLAIN + "bind 127.0.0.1\n")

    def title():
        with open(f"/proc/{node.pid}/cmdline", "rb") as file:
            return file.read().rstrip(b"\0").decode()

    assert title().endswith(f" 127.0.0.1:{node.port}") and "--port" not in title(), title()
    with node.client() as client:
        client.config_set("proc-title-template", "{port} {title} {config-file}")
        assert title().startswith(f"{node.port} ") and title().endswith("node.conf"), title()
    silent = space.node("silent", PLAIN + "set-proc-title no\n")
    with open(f"/proc/{silent.pid}/cmdline", "rb") as file:
        assert b"--port" in file.read()
