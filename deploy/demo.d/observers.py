"""What watches the failover: the sentinels' events, and the first write that a replica accepts."""

import threading
import time

import redis


class EventListener:
    """Hears all events of one sentinel, with the instant of each."""

    def __init__(self, name, address):
        self.name = name
        self._events = []  # (instant, channel, text)
        self._stop = threading.Event()
        self._subscription = redis.Redis(*address, decode_responses=True).pubsub()
        self._subscription.psubscribe("*")
        self._subscription.get_message(timeout=2)  # the confirmation: nothing is missed from here on
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            try:
                message = self._subscription.get_message(timeout=0.2)
            except redis.exceptions.RedisError:
                return
            if message and message["type"] == "pmessage":
                self._events.append((time.monotonic(), message["channel"], message["data"]))

    def first(self, channel, since):
        """The instant of the first such event about the primary since that instant, or None."""
        for at, name, text in self._events:
            if at >= since and name == channel and (name != "+sdown" or text.startswith("master ")):
                return at
        return None

    def stop(self):
        self._stop.set()
        self._thread.join()
        self._subscription.close()


class WriteProbe:
    """Tries to write at each replica until one accepts; `accepted` is then (instant, port)."""

    def __init__(self, ports):
        self.accepted = None
        self._stop = threading.Event()
        self._clients = [(p, redis.Redis("127.0.0.1", p, socket_timeout=1, socket_connect_timeout=1)) for p in ports]
        for _, client in self._clients:
            client.ping()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            for port, client in self._clients:
                try:
                    client.set("probe", "accepted")
                    self.accepted = (time.monotonic(), port)
                    return
                except redis.exceptions.RedisError:
                    pass  # read-only still, or its connections are being reset by the promotion
            time.sleep(0.001)

    def stop(self):
        self._stop.set()
        self._thread.join()
