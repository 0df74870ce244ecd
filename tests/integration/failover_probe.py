"""Measures an outage as a client with discovery sees it: who is the primary now, and does it take my write?"""

import threading
import time

import redis


class FailoverProbe:
    """A thread that asks the sentinels in turn and writes to whatever new address they name.

    `wait()` returns seconds from `mark()` (call it right before the fault) to the first write that the new primary
    accepted, and its address.
    """

    def __init__(self, sentinels, name, old_address, pause=0.001):
        self._sentinels = [
            redis.Redis(*s, socket_timeout=0.2, socket_connect_timeout=0.2, decode_responses=True) for s in sentinels
        ]
        self._name, self._old, self._pause = name, old_address, pause
        self._writers = {}
        self._stop = threading.Event()
        self._result = None
        for sentinel in self._sentinels:
            sentinel.ping()  # connect before the clock runs
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._marked = None

    def mark(self):
        self._marked = time.monotonic()
        self._thread.start()

    def wait(self, seconds):
        self._thread.join(seconds)
        self._stop.set()
        self._thread.join()
        if self._result is None:
            raise AssertionError(f"no write was accepted within {seconds:g} s of the fault")
        return self._result

    def _run(self):
        turn = 0
        while not self._stop.is_set():
            turn += 1
            try:
                found = self._sentinels[turn % len(self._sentinels)].sentinel_get_master_addr_by_name(self._name)
                address = found and (found[0], int(found[1]))
                if address and address != self._old and self._write(address):
                    self._result = (time.monotonic() - self._marked, address)
                    return
            except redis.exceptions.RedisError:
                pass
            time.sleep(self._pause)

    def _write(self, address):
        if address not in self._writers:
            self._writers[address] = redis.Redis(*address, socket_timeout=0.5, socket_connect_timeout=0.2)
        try:
            return self._writers[address].set("probe", "written")
        except redis.exceptions.ReadOnlyError:
            return False
