"""A client application: writes through redis-py in Sentinel mode, and tries again when it fails."""

import bisect
import threading
import time

import redis
import redis.sentinel

PAUSE_S = 0.003


class Writer:
    """A thread that writes keys of its own one after the other. Remembers when each was acknowledged."""

    def __init__(self, number, sentinels, name):
        self.number = number
        self.errors = 0
        self._times = []  # of acknowledgement i, which is for key i
        self._stop = threading.Event()
        sentinel = redis.sentinel.Sentinel(sentinels, socket_timeout=0.3, socket_connect_timeout=0.3)
        self._client = sentinel.master_for(name, socket_timeout=0.5, socket_connect_timeout=0.3)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _key(self, i):
        return f"writer{self.number}:{i}"

    def _run(self):
        while not self._stop.is_set():
            i = len(self._times)
            try:
                self._client.set(self._key(i), i)
                self._times.append(time.monotonic())
            except redis.exceptions.RedisError:
                self.errors += 1
            time.sleep(PAUSE_S)

    def acknowledged(self, until=None):
        times = self._times
        return len(times) if until is None else bisect.bisect_right(times, until)

    def first_after(self, instant):
        """When the first write after that instant was acknowledged, or None."""
        times = self._times
        at = bisect.bisect_right(times, instant)
        # One reply may have been on its way when the primary died: the outage shows as a gap.
        while at < len(times) and times[at] - instant < 0.1:
            at += 1
        return times[at] if at < len(times) else None

    def acknowledged_chunks(self, size):
        """Lists of (key, value, when acknowledged)."""
        for begin in range(0, len(self._times), size):
            yield [(self._key(i), str(i), self._times[i]) for i in range(begin, min(begin + size, len(self._times)))]

    def stop(self):
        self._stop.set()
        self._thread.join()
