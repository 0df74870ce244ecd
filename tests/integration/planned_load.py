"""Writers with discovery, on raw sockets that stay open: what a planned failover costs them, and whether it loses anything.

Each writer appends numbers to a list of its own, so that a write which was acknowledged and is missing shows. On READONLY,
an error or a closed connection it asks the sentinels in turn where the primary is, and sends the same number again: then
nobody knows whether the first one was executed, so a number may be there twice.
"""

import socket
import threading
import time


def encoded(*words):
    words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


class Wire:
    """One connection; replies of one line, and arrays of bulks."""

    def __init__(self, address, timeout):
        self.socket = socket.create_connection(address, timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def line(self):
        while b"\r\n" not in self.buffer:
            got = self.socket.recv(65536)
            if not got:
                raise ConnectionError("closed")
            self.buffer += got
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line

    def call(self, request):
        self.socket.sendall(request)
        return self.line()

    def call_array(self, request):
        head = self.call(request)
        if not head.startswith(b"*") or head == b"*-1":
            raise ConnectionError(head.decode())
        found = []
        for _ in range(int(head[1:])):
            self.line()
            found.append(self.line().decode())
        return found

    def close(self):
        self.socket.close()


class Writer(threading.Thread):
    PATIENCE = 5.0  # seconds for an answer: a primary that hands over may hold it back

    def __init__(self, name, group, per_second, start_at):
        super().__init__(daemon=True)
        self.key, self.name_of_group = f"planned:{name}", group.name
        self.sentinels = [sentinel.address for sentinel in group.sentinels]
        self.period, self.next_at = 1 / per_second, start_at
        self.acknowledged = 0  # numbers 1 to this one
        self.outage = 0.0  # the longest from the first try of a write to its acknowledgement, since it was last taken
        self.moves = 0
        self.ending = False
        self.wire = Wire(group.primary.address, self.PATIENCE)
        self.address = group.primary.address
        self.asked = 0
        self.discovery = {}

    def run(self):
        while not self.ending:
            pause = self.next_at - time.monotonic()
            if pause > 0:
                time.sleep(pause)
            number = self.acknowledged + 1
            began = time.monotonic()
            while not self.write(number):
                if self.ending:
                    return
            self.outage = max(self.outage, time.monotonic() - began)
            self.acknowledged = number
            self.next_at = max(self.next_at + self.period, time.monotonic() - 10 * self.period)

    def write(self, number):
        try:
            if self.wire is None:
                self.wire = Wire(self.address, self.PATIENCE)
            if self.wire.call(encoded("RPUSH", self.key, number)).startswith(b":"):
                return True
        except OSError:
            self.wire = None
        address = self.discover()
        if address and address != self.address:
            if self.wire:
                self.wire.close()
            self.address, self.wire = address, None
            self.moves += 1
        else:
            time.sleep(0.001)
        return False

    def discover(self):
        self.asked += 1
        sentinel = self.sentinels[self.asked % len(self.sentinels)]
        try:
            if sentinel not in self.discovery:
                self.discovery[sentinel] = Wire(sentinel, 1)
            found = self.discovery[sentinel].call_array(encoded("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.name_of_group))
            return found[0], int(found[1])
        except OSError:
            self.discovery.pop(sentinel, None)
            return None

    def take_outage(self):
        longest, self.outage = self.outage, 0.0
        return longest


class Load:
    """Writers beside each other, `per_second` in all."""

    def __init__(self, group, writers=8, per_second=2000):
        start = time.monotonic() + 0.1
        share = per_second / writers
        self.writers = [Writer(i, group, share, start + i / per_second) for i in range(writers)]
        for writer in self.writers:
            writer.start()

    def count(self):
        return sum(writer.acknowledged for writer in self.writers)

    def take_outage(self):
        """The longest that one of the writers stood still since this was last asked; seconds."""
        return max(writer.take_outage() for writer in self.writers)

    def stop(self):
        for writer in self.writers:
            writer.ending = True
        for writer in self.writers:
            writer.join(20)
            assert not writer.is_alive()

    def missing(self, node):
        """How many acknowledged writes this node does not have."""
        lost = 0
        with node.client() as client:
            for writer in self.writers:
                kept = {int(number) for number in client.lrange(writer.key, 0, -1)}
                lost += sum(1 for number in range(1, writer.acknowledged + 1) if number not in kept)
        return lost
