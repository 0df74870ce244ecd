"""The demo's second half: starts the processes, kills the primary, tells the timeline. deploy/demo runs it."""

import argparse
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import redis

from observers import EventListener, WriteProbe
from writer import Writer

NAME = "demo"
DOWN_AFTER_MS = 1000
WRITERS = 3


class DemoError(Exception):
    """Why the demo could not go on."""


def free_ports(count):
    """Loopback ports nobody listens on: kept open until all are found, so that they differ. From a random one on, so that
    two demos do not race for the same."""
    sockets = []
    first = random.randrange(7000, 30000)
    for port in range(first, 32000):
        probe = socket.socket()
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.close()
            continue
        sockets.append(probe)
        if len(sockets) == count:
            break
    else:
        raise DemoError("not enough free ports on 127.0.0.1")
    ports = [probe.getsockname()[1] for probe in sockets]
    for probe in sockets:
        probe.close()
    return ports


class Server:
    """One of the six processes."""

    def __init__(self, name, binary, folder, port, http_port, conf):
        self.name, self.port, self.http_port = name, port, http_port
        self.log = folder / f"{name}.log"
        path = folder / f"{name}.conf"
        path.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nhttp-port {http_port}\nhttp-bind 127.0.0.1\n" + conf
        )
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(binary), str(path)], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl+C is for the demo, which then stops them in order
            )

    def client(self):
        return redis.Redis("127.0.0.1", self.port, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)

    def answers(self):
        if self.process.poll() is not None:
            raise DemoError(f"{self.name} ended with {self.process.returncode}:\n{self.log.read_text()[-2000:]}")
        with self.client() as client:
            return client.ping()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def wait(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while True:
        try:
            found = condition()
            if found:
                return found
        except (redis.exceptions.RedisError, OSError):
            pass
        if time.monotonic() > deadline:
            raise DemoError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


class Demo:
    def __init__(self, folder, binaries):
        self.folder, self.binaries = folder, binaries
        self.servers, self.stoppers = [], []

    def start(self):
        ports = free_ports(12)
        node, sentinel = self.binaries / "holdfast-node", self.binaries / "holdfast-sentinel"

        def add(name, binary, conf):
            server = Server(name, binary, self.folder, ports.pop(0), ports.pop(0), conf)
            self.servers.append(server)
            return server

        storage = "save \"\"\nappendonly yes\nappenddirname {0}-aof\ndbfilename {0}.rdb\n"
        self.primary = add("primary", node, storage.format("primary"))
        wait(self.primary.answers, 15, "the primary answers")
        follow = f"replicaof 127.0.0.1 {self.primary.port}\n"
        self.replicas = [add(n, node, storage.format(n) + follow) for n in ("replica1", "replica2")]
        conf = (
            f"sentinel monitor {NAME} 127.0.0.1 {self.primary.port} 2\n"
            f"sentinel down-after-milliseconds {NAME} {DOWN_AFTER_MS}\n"
            f"sentinel failover-timeout {NAME} 20000\n"
        )
        self.sentinels = [add(f"sentinel{i}", sentinel, conf) for i in (1, 2, 3)]
        for server in self.servers:
            wait(server.answers, 15, f"{server.name} answers")
        for replica in self.replicas:
            wait(lambda: self.in_sync(replica), 15, f"{replica.name} is in sync")
        for sentinel in self.sentinels:
            wait(lambda: self.knows_all(sentinel), 30, "the sentinels know each other and the replicas")

    @staticmethod
    def in_sync(replica):
        with replica.client() as client:
            return client.info("replication").get("master_link_status") == "up"

    @staticmethod
    def knows_all(sentinel):
        with sentinel.client() as client:
            master = client.sentinel_master(NAME)
            slaves = client.sentinel_slaves(NAME)
            return (
                master["num-other-sentinels"] == 2
                and len(slaves) == 2
                and all(s["master-link-status"] == "ok" and not s["is_disconnected"] for s in slaves)
            )

    def observe(self):
        addresses = [("127.0.0.1", s.port) for s in self.sentinels]
        self.listeners = [EventListener(s.name, ("127.0.0.1", s.port)) for s in self.sentinels]
        self.writers = [Writer(i, addresses, NAME) for i in range(WRITERS)]
        self.stoppers += [x.stop for x in self.listeners + self.writers]
        wait(lambda: all(w.acknowledged() >= 100 for w in self.writers), 15, "the writers write")

    def tell_where(self):
        print(f"\n  folder (conf files, logs): {self.folder}\n")
        for server in self.servers:
            print(f"  {server.name:10s} 127.0.0.1:{server.port:<6d} http://127.0.0.1:{server.http_port}/metrics")
        print(f"\n  redis-cli -p {self.sentinels[0].port} SENTINEL master {NAME}")
        print(f"  redis-cli -p {self.sentinels[0].port} PSUBSCRIBE '*'")
        print(f"  {WRITERS} writers (redis-py, Sentinel mode) are writing.\n", flush=True)

    def fail(self):
        """Kills the primary and waits until it is over. The instant of the kill."""
        probe = WriteProbe([r.port for r in self.replicas])
        self.stoppers.append(probe.stop)
        killed = time.monotonic()
        os.kill(self.primary.process.pid, signal.SIGKILL)
        self.primary.process.wait()
        print(f"killed the primary (kill -9 {self.primary.process.pid}); down-after is {DOWN_AFTER_MS} ms", flush=True)
        wait(lambda: probe.accepted, 30, "a replica accepts writes")
        for listener in self.listeners:
            wait(lambda: listener.first("+switch-master", killed), 30, f"{listener.name} names the new primary")
        for writer in self.writers:
            wait(lambda: writer.first_after(killed), 30, f"writer {writer.number} writes again")
        self.probe = probe
        return killed

    def new_primary(self):
        with self.sentinels[0].client() as client:
            address = client.sentinel_get_master_addr_by_name(NAME)
        found = next((r for r in self.replicas if address and r.port == int(address[1])), None)
        if found is None:
            raise DemoError(f"the sentinels name {address}, which is no replica")
        with found.client() as client:
            if client.info("replication")["role"] != "master":
                raise DemoError(f"{found.name} is named as primary but is not one")
        return found

    def timeline(self, killed):
        def first(event):
            seen = [(at, x.name) for x in self.listeners if (at := x.first(event, killed))]
            return min(seen) if seen else None

        switched = [w.first_after(killed) for w in self.writers]
        all_agree = max(x.first("+switch-master", killed) for x in self.listeners)
        rows = [
            ("detected", first("+sdown"), "the first sentinel sees it down (+sdown)"),
            ("agreed", first("+odown"), "a quorum sees it down (+odown)"),
            ("elected", first("+elected-leader"), "one sentinel leads the failover (+elected-leader)"),
            ("promoted", first("+promoted-slave"), "the chosen replica is a primary (+promoted-slave)"),
            ("writable again", (self.probe.accepted[0], ""), f"127.0.0.1:{self.probe.accepted[1]} accepts a write"),
            ("announced", first("+switch-master"), "the first sentinel tells clients (+switch-master)"),
            ("all agree", (all_agree, ""), "every sentinel tells the new address"),
            ("first client", (min(switched), ""), "a writer's write is acknowledged again"),
            ("clients switched", (max(switched), ""), "every writer writes again"),
        ]
        print("\n  ms after the kill")
        known = [(row[1], row) for row in rows if row[1] is not None]
        for (at, by), (what, _, text) in sorted(known, key=lambda k: k[0][0]):
            print(f"  {1000 * (at - killed):8.0f}  {what:17s} {text}{f' by {by}' if by else ''}")
        for what, seen, _ in rows:
            if seen is None:
                print(f"         -  {what}: no such event was heard")

    def account(self, killed, primary):
        """Counts the writes and looks each acknowledged one up at the new primary."""
        for writer in self.writers:
            writer.stop()
        lost = []
        with primary.client() as client:
            for writer in self.writers:
                for chunk in writer.acknowledged_chunks(1000):
                    values = client.mget([key for key, _, _ in chunk])
                    lost += [at for (_, value, at), found in zip(chunk, values) if found != value]
        before = sum(w.acknowledged(until=killed) for w in self.writers)
        total = sum(w.acknowledged() for w in self.writers)
        errors = sum(w.errors for w in self.writers)
        print(f"\n  writes acknowledged: {total} ({before} before the kill, {total - before} after)")
        print(f"  attempts that failed during the outage (not acknowledged, tried again): {errors}")
        print(f"  acknowledged writes lost: {len(lost)}")
        if lost:
            print(f"    (acknowledged in the last {1000 * (killed - min(lost)):.0f} ms before the kill: replication is asynchronous)")

    def stop(self):
        for stop in self.stoppers:
            stop()
        for server in reversed(self.servers):
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGTERM)
        for server in self.servers:
            server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--script", action="store_true")
    script = parser.parse_args().script or not sys.stdin.isatty()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-demo-"))
    demo = Demo(folder, pathlib.Path(os.environ["HOLDFAST_BIN"]).resolve())
    try:
        demo.start()
        demo.observe()
        demo.tell_where()
        if not script:
            input("  Press Enter to kill the primary.\n")
        killed = demo.fail()
        primary = demo.new_primary()
        threading.Event().wait(1)  # some more writes to count
        demo.timeline(killed)
        demo.account(killed, primary)
        print(f"\n  The failover completed: {primary.name} at 127.0.0.1:{primary.port} is the primary now.")
        if not script:
            input("\n  All is still running, the writers aside. Press Enter to stop it.\n")
        return 0
    except (DemoError, redis.exceptions.RedisError, OSError) as error:
        print(f"the demo failed: {error}", file=sys.stderr)
        for server in demo.servers:
            if server.log.exists():
                print(f"--- {server.log.name}\n{server.log.read_text(errors='replace')[-1500:]}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print("interrupted", file=sys.stderr)
        return 1
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # let nothing interrupt the cleaning up
        demo.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
