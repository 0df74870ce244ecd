"""A real Prometheus scrapes all six processes; the names are right; health endpoints follow the roles."""

import json
import re
import subprocess
import urllib.error
import urllib.request

import pytest

from harness import Group, free_port, poll

pytestmark = pytest.mark.ours


def fetch(port, path, method="GET"):
    """(status, body) of one request."""
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:
            return reply.status, reply.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture
def group(space):
    return Group(space, http=True)


def families(text):
    """{name: type} of a metrics page, and {name: set of label names} of its samples."""
    types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    labels = {}
    for name, inside in re.findall(r"^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? \S+$", text, re.M):
        names = frozenset(re.findall(r'(\w+)="(?:[^"\\]|\\.)*"', inside))
        labels.setdefault(re.sub(r"_(sum|count|bucket)$", "", name) if name not in types else name, set()).add(names)
    return types, labels


def test_prometheus_scrapes_all_six(space, group):
    processes = group.nodes + group.sentinels
    targets = [f"127.0.0.1:{p.http_port}" for p in processes]
    port = free_port()
    config = space.folder / "prometheus.yml"
    config.write_text(
        "global:\n  scrape_interval: 1s\n  scrape_timeout: 1s\nscrape_configs:\n  - job_name: holdfast\n"
        f"    static_configs:\n      - targets: {json.dumps(targets)}\n"
    )
    space.run(
        "prometheus",
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={space.folder}/tsdb",
         f"--web.listen-address=127.0.0.1:{port}"],
    )

    # It listens before it can be asked, and says 503 until then.
    poll(lambda: fetch(port, "/-/ready")[0] == 200, 30, "Prometheus is ready", 0.05)

    def query(expression):
        _, body = fetch(port, "/api/v1/query?query=" + urllib.request.quote(expression))
        return {r["metric"].get("instance", ""): float(r["value"][1]) for r in json.loads(body)["data"]["result"]}

    def all_up():
        up = query("up")
        return set(up) == set(targets) and all(value == 1 for value in up.values())

    poll(all_up, 40, "up is 1 for all six", 0.2)
    poll(lambda: len(query("holdfast_build_info")) == 6, 10, "the series of all six are there", 0.2)
    assert len(query("redis_up == 1")) == 6
    assert len(query("redis_sentinel_masters == 1")) == 3
    assert len(query("redis_connected_slaves == 2")) == 1

    group.primary.kill()
    dead = f"127.0.0.1:{group.primary.port}"
    poll(
        lambda: len(query(f'holdfast_instance_up{{instance_address="{dead}"}} == 0')) == 3,
        20, "each sentinel says that the dead primary is down", 0.2,
    )
    poll(lambda: query("sum(holdfast_failovers_total{result=\"success\"})") == {"": 1.0}, 20, "one failover is counted", 0.2)


def test_holdfast_names_pass_promtool(group):
    for process in group.nodes + group.sentinels:
        status, text = fetch(process.http_port, "/metrics")
        assert status == 200
        ours = "\n".join(l for l in text.splitlines() if re.match(r"(# \w+ )?holdfast_", l)) + "\n"
        assert ours.count("# TYPE") >= 5
        checked = subprocess.run(["promtool", "check", "metrics"], input=ours, capture_output=True, text=True, check=False)
        assert checked.returncode == 0 and checked.stdout + checked.stderr == "", checked.stdout + checked.stderr
        # redis_* keep redis_exporter's names, which promtool does not all like; but they must parse.
        checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
        assert "error while linting" not in checked.stdout + checked.stderr


# What the exporter tells of itself or of what it was asked to look for, and cannot be known here.
NOT_OF_THE_SERVER = re.compile(
    r"redis_(exporter_|target_scrape|last_key_groups|last_slow_execution|slowlog_|config_io_threads)|^(go|process|promhttp)_"
)


@pytest.mark.parametrize("index, what", [(0, "primary"), (1, "replica"), (3, "sentinel")])
def test_redis_names_types_and_labels_are_the_exporters(space, group, index, what):
    server = (group.nodes + group.sentinels)[index]
    with server.client() as client:
        if what == "primary":
            client.set("key", "value", ex=1000)
            client.get("key")
    port = free_port()
    space.run(
        "exporter",
        ["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{server.port}", "-web.listen-address", f"127.0.0.1:{port}"],
    )
    poll(lambda: "redis_up 1" in fetch(port, "/metrics")[1], 15, "the exporter reads our server")
    wrong = {}

    def compare():
        wrong.clear()
        their_types, their_labels = families(fetch(port, "/metrics")[1])
        our_types, our_labels = families(fetch(server.http_port, "/metrics")[1])
        for name, kind in their_types.items():
            if NOT_OF_THE_SERVER.search(name) or name not in their_labels:
                continue
            if what == "sentinel" and name.startswith(("redis_db_", "redis_slave_expires")):
                continue  # a sentinel holds no keys: the exporter makes them up
            if our_types.get(name) != kind:
                wrong[name] = f"type {our_types.get(name)} is not {kind}"
            elif their_labels[name] != our_labels.get(name):
                wrong[name] = f"labels {our_labels.get(name)} are not {their_labels[name]}"
        return not wrong

    try:
        poll(compare, 10, "same names, types and labels", 0.3)
    except AssertionError:
        raise AssertionError("differences from redis_exporter: " + json.dumps(wrong, indent=1)) from None


def test_health_follows_the_role(group):
    primary, replica, sentinel = group.nodes[0], group.nodes[1], group.sentinels[0]

    def status(process, path, method="GET"):
        return fetch(process.http_port, path, method)[0]

    for path in ("/primary", "/read-only", "/health", "/livez", "/readyz", "/startupz"):
        poll(lambda: status(primary, path) == 200, 5, f"{path} of the primary")
    assert status(primary, "/replica") == 503
    assert status(primary, "/primary", "OPTIONS") == 200 and status(replica, "/primary", "OPTIONS") == 503
    for path in ("/replica", "/replica?lag=10mb", "/read-only", "/health", "/readyz"):
        poll(lambda: status(replica, path) == 200, 5, f"{path} of a replica")
    assert status(replica, "/replica?lag=nonsense") == 400
    for path in ("/livez", "/readyz", f"/quorum/{group.name}", f"/primary/{group.name}"):
        poll(lambda: status(sentinel, path) == 200, 5, f"{path} of a sentinel")
    assert json.loads(fetch(sentinel.http_port, f"/primary/{group.name}")[1])["port"] == primary.port
    assert status(sentinel, "/quorum/unknown") == 404 and status(sentinel, "/nothing") == 404
    assert status(primary, "/metrics", "POST") == 405

    group.sentinels[1].kill()
    group.sentinels[2].kill()
    poll(lambda: status(sentinel, f"/quorum/{group.name}") == 503, 20, "the quorum is lost")
    assert "reason" in json.loads(fetch(sentinel.http_port, f"/quorum/{group.name}")[1])


def test_a_scrape_works_while_the_node_is_busy(space):
    node = space.node("node", "save \"\"\n", http=True)
    poll(lambda: fetch(node.http_port, "/primary")[0] == 200, 10, "the node is up")
    sleeper = space.run("sleeper", ["redis-cli", "-p", str(node.port), "DEBUG", "SLEEP", "7"])
    poll(lambda: fetch(node.http_port, "/primary")[0] == 503, 10, "a silent event loop serves nobody")
    assert sleeper.running()
    assert fetch(node.http_port, "/metrics")[0] == 200 and fetch(node.http_port, "/livez")[0] == 200
    assert sleeper.wait_exit() == 0
    poll(lambda: fetch(node.http_port, "/primary")[0] == 200, 10, "and comes back")
