"""What is left of a failover for the operator: SENTINEL FAILOVER-HISTORY, the JSON API, the metrics, across a restart."""

import json
import signal
import urllib.request

import pytest

from differential import Bare
from harness import Group, poll
from test_prometheus import fetch

pytestmark = pytest.mark.ours
PHASES = ["sdown", "odown", "wait_start", "select_slave", "send_slaveof_noone", "wait_promotion", "reconf_slaves", "end"]


def plain(reply):
    """A RESP3 reply as Python values."""
    if len(reply) == 1:
        return None
    kind, value = reply
    if kind == "%":
        return {plain(k): plain(v) for k, v in value}
    return [plain(item) for item in value] if kind in "*~>" else value.decode()


def history(sentinel, name="myprimary"):
    connection = Bare(sentinel.port)
    try:
        connection.call("HELLO", 3)
        return plain(connection.call("SENTINEL", "FAILOVER-HISTORY", name))
    finally:
        connection.close()


def api(sentinel, path):
    status, body = fetch(sentinel.http_port, path)
    assert status == 200, (path, status, body)
    return json.loads(body)


def events_since(sentinel, seen=""):
    """(the last id, [(event, payload)]) as an EventSource reads them."""
    request = urllib.request.Request(f"http://127.0.0.1:{sentinel.http_port}/api/v1/events")
    if seen:
        request.add_header("Last-Event-ID", seen)
    with urllib.request.urlopen(request, timeout=5) as reply:
        assert reply.headers["Content-Type"] == "text/event-stream"
        blocks = [dict(line.split(": ", 1) for line in b.splitlines()) for b in reply.read().decode().strip().split("\n\n")]
    told = [(b["id"], json.loads(b["data"])) for b in blocks if "data" in b]
    assert [int(i) for i, _ in told] == sorted(int(i) for i, _ in told)
    return told[-1][0] if told else seen, [(d["event"], d["payload"]) for _, d in told]


def test_a_failover_is_recorded_with_its_reasons(space):
    group = Group(space, http=True)
    old, name = group.primary, group.name
    with group.nodes[2].client() as client:
        client.config_set("replica-priority", 0)
    for sentinel in group.sentinels:
        assert sentinel.cli("SENTINEL", "DEBUG", "INFO-PERIOD", "300").strip() == "OK"
    poll(lambda: all(len(c := api(s, f"/api/v1/masters/{name}")["candidates"]) == 2 and
                     {x["verdict"] for x in c} == {"chosen", "priority-zero"} for s in group.sentinels), 20,
         "all sentinels have heard of the priority")
    before = api(group.sentinels[0], f"/api/v1/masters/{name}")
    assert before["would_promote"] == {"ip": "127.0.0.1", "port": group.nodes[1].port} and before["failover"] is None
    assert before["quorum"]["reachable"] and len(before["other_sentinels"]) == 2
    seen, told = events_since(group.sentinels[0])
    assert ("+monitor", f"master {name} 127.0.0.1 {old.port} quorum 2") in told
    assert all(history(s) == [] for s in group.sentinels)

    old.kill()
    group.wait_new_primary(old)

    def led(sentinel):
        return next((r for r in history(sentinel) if r["role"] == "leader" and r["result"] == "success"), None)

    leader = poll(lambda: next((s for s in group.sentinels if led(s)), None), 20, "one sentinel has led a failover")
    poll(lambda: all(s is leader or any(r["role"] == "observer" for r in history(s)) for s in group.sentinels), 20,
         "the others have a record of it")
    record = led(leader)
    assert record["trigger"] == "crash" and record["epoch"].isdigit()
    assert (record["old-port"], record["new-port"]) == (str(old.port), str(group.nodes[1].port))
    assert {c["port"]: c["verdict"] for c in record["candidates"]} == {
        str(group.nodes[1].port): "chosen", str(group.nodes[2].port): "priority-zero"}
    times = [float(record["phases"][phase]) for phase in PHASES]
    assert times == sorted(times) and times[PHASES.index("wait_start")] == 0 and times[-1] == float(record["duration-ms"])
    assert 900 < float(record["unavailable-ms"]) < 60_000
    for other in group.sentinels:
        if other is not leader:
            observed = [r for r in history(other) if r["role"] == "observer"]
            assert [(r["old-port"], r["new-port"]) for r in observed] == [(str(old.port), str(group.nodes[1].port))]

    poll(lambda: [r["result"] for r in api(leader, f"/api/v1/history?master={name}")["failovers"]] ==
         [r["result"] for r in history(leader)], 10, "the API shows the same record")  # published a moment later
    assert api(leader, "/api/v1/history?master=none")["failovers"] == []
    topology = poll(lambda: (t := api(leader, "/api/v1/topology"))["masters"][0]["port"] == group.nodes[1].port and t, 5,
                    "the topology shows the new primary")
    assert {r["port"] for r in topology["masters"][0]["replicas"]} == {old.port, group.nodes[2].port}
    told = poll(lambda: (t := events_since(group.sentinels[0], seen)[1]) and "+switch-master" in dict(t) and t, 5, "the event is told")
    assert [e for e, _ in told].count("+switch-master") == 1 and "+monitor" not in [e for e, _ in told]
    _, metrics = fetch(leader.http_port, "/metrics")
    assert f'holdfast_failovers_total{{master_name="{name}",trigger="crash",result="success"}} 1\n' in metrics
    for phase in ("detection", "election", "promotion", "reconfiguration"):
        assert f'holdfast_failover_phase_duration_seconds_count{{phase="{phase}"}} 1\n' in metrics
    assert "holdfast_failover_unavailability_seconds_count 1\n" in metrics

    kept = history(leader)
    leader.signal(signal.SIGKILL)
    leader.wait_exit()
    again = space.sentinel(leader.name, port=leader.port)
    assert history(again) == kept
    assert again.cli("SENTINEL", "FAILOVER-HISTORY", "none").strip() == "ERR No such master with that name"
