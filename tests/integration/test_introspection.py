"""What an operator looks at and turns while a server runs: pauses, shutdowns, loading, the log of slow commands, CONFIG."""

import signal
import socket
import urllib.error
import urllib.request

import pytest
import redis

from harness import SLOW, free_port, poll


def lines(port, *commands):
    """A connection that has sent these inline commands."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=5 * SLOW)
    connection.sendall("".join(f"{command}\r\n" for command in commands).encode())
    return connection


def test_a_pause_of_writes_holds_up_a_replicas_stream(space):
    primary = space.node("primary", "save ''\nrepl-diskless-sync-delay 0\n")
    replica = space.node("replica", f"save ''\nreplicaof 127.0.0.1 {primary.port}\n")
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the link is up")
    with primary.client() as writer, replica.client() as reader:
        writer.set("a", "1")
        poll(lambda: reader.get("a") == "1", 10, "the replica follows")
        applied = reader.info("replication")["slave_repl_offset"]
        reader.execute_command("CLIENT PAUSE", 100_000, "WRITE")
        writer.set("a", "2")
        end = writer.info("replication")["master_repl_offset"]
        poll(lambda: reader.info("replication")["slave_read_repl_offset"] >= end, 10, "the write has arrived")
        assert reader.info("replication")["slave_repl_offset"] < end
        assert reader.info("replication")["slave_repl_offset"] >= applied
        assert reader.get("a") == "1"
        reader.execute_command("CLIENT UNPAUSE")
        poll(lambda: reader.get("a") == "2", 10, "the write is applied")


def test_writers_wait_for_the_end_of_a_pause_and_count_as_blocked(space):
    node = space.node("node")
    with node.client() as client:
        client.execute_command("CLIENT PAUSE", 100_000, "WRITE")
        with lines(node.port, "SET a 1", "GET a") as writer, lines(node.port, "PUBLISH c m") as publisher:
            poll(lambda: client.info("clients")["blocked_clients"] == 2, 10, "both wait")
            assert client.get("a") is None
            client.execute_command("CLIENT UNPAUSE")
            assert writer.recv(100).startswith(b"+OK\r\n")
            poll(lambda: client.get("a") == "1", 10, "the write is done")
            assert publisher.recv(100) == b":0\r\n"
        assert client.info("clients")["blocked_clients"] == 0


def test_unblock_by_id(space):
    node = space.node("node")
    with node.client() as client, lines(node.port, "CLIENT ID", "WAIT 1 0") as waiting:
        number = int(waiting.recv(100).split(b"\r\n")[0].removeprefix(b":"))
        poll(lambda: client.info("clients")["blocked_clients"] == 1, 10, "it waits")
        assert client.info("clients")["clients_in_timeout_table"] == 0
        assert client.execute_command("CLIENT UNBLOCK", number) == 1
        assert waiting.recv(100) == b":0\r\n"
        waiting.sendall(b"PING\r\nWAIT 1 100000\r\n")
        assert waiting.recv(100) == b"+PONG\r\n"
        poll(lambda: client.info("clients")["blocked_clients"] == 1, 10, "it waits again")
        assert client.info("clients")["clients_in_timeout_table"] == 1
        assert client.execute_command("CLIENT UNBLOCK", number, "ERROR") == 1
        assert waiting.recv(100) == b"-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n"
        assert client.execute_command("CLIENT UNBLOCK", number) == 0


@pytest.mark.parametrize("attempt", range(8))
def test_nobody_gets_in_once_a_client_has_seen_the_end(space, attempt):
    node = space.node(f"node{attempt}", "save ''\n")
    with lines(node.port, "SHUTDOWN NOSAVE") as connection:
        assert connection.recv(100) == b""
        with pytest.raises(ConnectionRefusedError):
            lines(node.port, "PING")
    assert node.wait_exit() == 0


def test_a_second_interrupt_ends_the_final_save(space):
    node = space.node("node", "save 3600 1\n")
    with node.client() as client:
        for i in range(50):
            client.set(f"k{i}", i)
        client.config_set("rdb-key-save-delay", 100_000)
    temporary = node.folder / f"temp-{node.pid}.rdb"
    node.signal(signal.SIGINT)
    poll(temporary.exists, 10, "the final save has begun")
    node.signal(signal.SIGINT)
    assert node.wait_exit(2) == 1
    assert not temporary.exists()
    assert not (node.folder / "dump.rdb").exists()


def test_a_final_save_that_fails_leaves_the_server_as_it_was(space):
    node = space.node("node", "save 3600 1\n")
    (node.folder / "dump.rdb").mkdir()
    with node.client() as client:
        client.set("a", "1")
        node.signal(signal.SIGTERM)
        node.wait_log("Error trying to save the DB, can't exit")
        with pytest.raises(redis.ResponseError, match="Errors trying to SHUTDOWN"):
            client.execute_command("SHUTDOWN")
        assert client.ping()
        assert client.set("a", "2")
    (node.folder / "dump.rdb").rmdir()


def test_a_shutdown_that_waits_for_a_replica_is_seen_and_called_off(space):
    primary = space.node("primary", "save ''\nrepl-diskless-sync-delay 0\nshutdown-timeout 100\n")
    replica = space.node("replica", f"save ''\nreplicaof 127.0.0.1 {primary.port}\n")
    poll(lambda: replica.info("replication")["master_link_status"] == "up", 20, "the link is up")
    with primary.client() as client:
        replica.pause()
        client.set("a", "1")
        assert "shutdown_in_milliseconds" not in client.info("server")
        primary.signal(signal.SIGTERM)
        poll(lambda: 0 < client.info("server").get("shutdown_in_milliseconds", 0) <= 100_000, 10, "it waits")
        assert client.execute_command("SHUTDOWN ABORT")
        assert "shutdown_in_milliseconds" not in client.info("server")
        replica.resume()


def test_a_signals_shutdown_can_be_taken_back_while_cron_is_held_up(space):
    node = space.node("node", "enable-debug-command yes\n")
    with node.client() as client:
        client.execute_command("DEBUG PAUSE-CRON", 1)
        node.signal(signal.SIGTERM)

        def aborted():
            try:
                return client.execute_command("SHUTDOWN ABORT") in (b"OK", "OK", True)
            except redis.ResponseError as error:
                assert str(error) == "No shutdown in progress."
                return False

        poll(aborted, 10, "the signal was seen")
        node.wait_log("Shutdown manually aborted")
        client.execute_command("DEBUG PAUSE-CRON", 0)
        assert client.ping()


def test_settings_while_the_data_set_loads(space):
    node = space.node("node", "save ''\nenable-debug-command yes\nenable-protected-configs yes\nrdbcompression no\n")
    with node.client(30) as client:
        client.execute_command("DEBUG POPULATE", 3000, "key", 1000)
        client.save()
    node.stop()
    loading = space.node(
        "node", "", "--key-load-delay", 2000, "--loading-process-events-interval-bytes", 1024, wait=False
    )
    with loading.client() as client:
        poll(lambda: client.info("persistence")["loading"] == 1, 10, "it loads")
        assert client.config_set("loglevel", "debug")
        assert client.config_get("loglevel") == {"loglevel": "debug"}
        with pytest.raises(redis.BusyLoadingError):
            client.config_set("dir", ".")
        assert client.info("persistence")["loading"] == 1


def test_protected_settings_for_clients_of_this_machine(space):
    refused = space.node("refused", "enable-protected-configs no\n")
    with refused.client() as client, pytest.raises(redis.ResponseError, match="can't set protected config"):
        client.config_set("dbfilename", "other.rdb")
    local = space.node("local", "enable-protected-configs local\n")
    with local.client() as client:
        assert client.config_set("dbfilename", "other.rdb")


def test_binding_to_nothing_and_back(space):
    node = space.node("node")
    path = space.folder / "s.sock"
    other = space.node("other", f"unixsocket {path}\n")
    with redis.Redis(unix_socket_path=str(path), decode_responses=True) as client:
        with pytest.raises(redis.ResponseError, match="Failed to bind to specified addresses"):
            client.config_set("bind", "999.999.999.999")
        with pytest.raises(redis.ResponseError, match="Unable to listen on this port"):
            client.config_set("port", node.port)
        assert client.config_get("port") == {"port": str(other.port)}
        assert client.config_set("bind", "")
        assert client.config_get("bind") == {"bind": ""}
        with pytest.raises(ConnectionRefusedError):
            lines(other.port, "PING")
        assert client.config_set("bind", "*")
        with lines(other.port, "PING") as connection:
            assert connection.recv(100) == b"+PONG\r\n"


def test_the_oom_score_follows_the_role_and_the_child(space):
    node = space.node("node", "save ''\n")

    def score(pid=node.pid):
        return int(open(f"/proc/{pid}/oom_score_adj").read())

    before = score()
    with node.client() as client:
        client.execute_command("CONFIG SET", "oom-score-adj", "yes", "oom-score-adj-values", "10 20 30")
        assert score() == before + 10
        client.execute_command("REPLICAOF", "127.0.0.1", 1)
        assert score() == before + 20
        client.execute_command("REPLICAOF", "NO", "ONE")
        assert score() == before + 10
        with pytest.raises(redis.ResponseError, match="related to argument 'port'"):
            client.execute_command("CONFIG SET", "oom-score-adj-values", "40 40 40", "port", other_port(space))
        assert score() == before + 10
        client.config_set("oom-score-adj", "no")
        assert score() == before


def other_port(space):
    return space.node("other").port


def test_the_latency_monitor_tells_of_slow_commands(space):
    node = space.node("node", "enable-debug-command yes\n")
    with node.client() as client:
        assert "Latency monitoring is disabled" in client.execute_command("LATENCY DOCTOR")
        client.config_set("latency-monitor-threshold", 50)
        assert "no latency spike was observed" in client.execute_command("LATENCY DOCTOR")
        client.execute_command("DEBUG SLEEP", 0.1)
        (event,) = client.execute_command("LATENCY LATEST")
        assert event[0] == "command" and event[2] >= 100 and event[3] == event[2]
        assert client.execute_command("LATENCY HISTORY", "command") == [event[1:3]]
        assert "1. command: 1 latency spikes" in client.execute_command("LATENCY DOCTOR")
        assert client.execute_command("LATENCY GRAPH", "command").startswith("command - high 1")
        with pytest.raises(redis.ResponseError, match="No samples available for event 'fork'"):
            client.execute_command("LATENCY GRAPH", "fork")
        assert client.execute_command("LATENCY RESET") == 1
        assert client.execute_command("LATENCY LATEST") == []


def test_keyspace_events_reach_subscribers(space):
    node = space.node("node", "notify-keyspace-events Ex\n")
    with node.client() as client, node.client() as listener:
        heard = listener.pubsub()
        heard.psubscribe("__key*")
        poll(lambda: client.execute_command("PUBSUB NUMPAT") == 1, 10, "it listens")
        client.set("a", "1", px=50)
        poll(lambda: (heard.get_message(timeout=1) or {}).get("channel") == "__keyevent@0__:expired", 10, "the key expired")
        assert client.config_set("notify-keyspace-events", "KEA")
        assert client.config_get("notify-keyspace-events") == {"notify-keyspace-events": "AKE"}
        client.set("b", "1")
        seen = []
        poll(lambda: seen.append(heard.get_message(timeout=1)) or len([s for s in seen if s]) == 2, 10, "two messages")
        assert [(s["channel"], s["data"]) for s in seen if s] == [
            ("__keyspace@0__:b", "set"), ("__keyevent@0__:set", "b")
        ]  # fmt: skip


@pytest.mark.ours
def test_the_http_port_moves_while_the_node_runs(space):
    node = space.node("node")
    first, second = free_port(), free_port()

    def status(port):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5 * SLOW) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except urllib.error.URLError:
            return None

    with node.client() as client:
        assert client.config_set("http-port", first)
        poll(lambda: status(first) == 200, 10, "metrics are served")
        with pytest.raises(redis.ResponseError, match="Unable to listen on this port"):
            client.config_set("http-port", node.port)
        assert client.config_get("http-port") == {"http-port": str(first)}
        poll(lambda: status(first) == 200, 10, "they are still served")
        assert client.config_set("http-port", second)
        poll(lambda: status(second) == 200, 10, "and at the new port")
        assert status(first) is None
        assert client.config_set("http-port", 0)
        assert status(second) is None
