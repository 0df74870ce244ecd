"""What the clients of a crash test write, such that every write that is missing, doubled or torn is seen afterwards.

A worker has a stream of writes numbered from 1; what write n does follows from n alone, on keys of this worker in a
database of its own. So the data after a crash has to be exactly the data after the first p writes for some p, and p tells
what was lost: at least what had to be durable, at most what was sent.
"""

import socket
import threading
import time

KINDS = 10


def count_of(kind, last):
    """How many of the writes 1..last are of this kind."""
    return last // KINDS if kind == 0 else (last - kind) // KINDS + 1 if last >= kind else 0


def numbers_of(kind, last):
    return range(kind or KINDS, last + 1, KINDS)


def group_of(number):
    return number // KINDS % 7


def commands_of(number):
    """The commands of a write: one, or a transaction."""
    turn = number // KINDS
    return [
        [("SET", "last", number)],
        [("INCR", "count")],
        [("APPEND", "text", f"{number};")],
        [("RPUSH", "list", number)],
        [("MULTI",), ("INCR", "both count"), ("RPUSH", "both list", number), ("EXEC",)],
        [("HINCRBY", "hash", f"field {group_of(number)}", 1)],
        [("ZINCRBY", "zset", 1, f"member {group_of(number)}")],
        [("XADD", "stream", f"{number}-1", "number", number)],
        [("SADD", "set", number)],
        [("DEL", "sometimes") if turn % 2 else ("SET", "sometimes", number, "PX", 100_000_000)],
    ][number % KINDS]


def reply_of(number):
    """The last reply of a write, or None where it does not follow from the number."""
    kind = number % KINDS
    done = count_of(kind, number)
    return {0: "OK", 1: done, 3: done, 4: [done, done], 7: f"{number}-1", 8: 1}.get(kind)


def state_after(last):
    """The data after the first `last` writes, as read_state() shows it."""
    def sums(kind, name):
        found = {}
        for number in numbers_of(kind, last):
            member = f"{name} {group_of(number)}"
            found[member] = found.get(member, 0) + 1
        return found

    def texts(kind):
        return [str(number) for number in numbers_of(kind, last)]

    turns = numbers_of(9, last)
    newest = turns[-1] if turns else None
    return {
        "last": str(last // KINDS * KINDS) if last >= KINDS else None,
        "count": str(count_of(1, last)) if last >= 1 else None,
        "text": "".join(f"{number};" for number in numbers_of(2, last)) or None,
        "list": texts(3),
        "both count": str(count_of(4, last)) if last >= 4 else None,
        "both list": texts(4),
        "hash": {field: str(n) for field, n in sums(5, "field").items()},
        "zset": {member: float(n) for member, n in sums(6, "member").items()},
        "stream": [(f"{number}-1", {"number": str(number)}) for number in numbers_of(7, last)],
        "set": set(texts(8)),
        "sometimes": str(newest) if newest and newest // KINDS % 2 == 0 else None,
    }


def read_state(client):
    """`client` is one of the worker's database."""
    pipeline = client.pipeline(transaction=False)
    pipeline.get("last").get("count").get("text").lrange("list", 0, -1).get("both count").lrange("both list", 0, -1)
    pipeline.hgetall("hash").zrange("zset", 0, -1, withscores=True).xrange("stream").smembers("set").get("sometimes")
    values = pipeline.execute()
    names = ["last", "count", "text", "list", "both count", "both list", "hash", "zset", "stream", "set", "sometimes"]
    found = dict(zip(names, values))
    found["zset"] = dict(found["zset"])
    found["set"] = set(found["set"])
    return found


def prefix_of(found):
    """How many writes the data stands for. It is exactly those, or this fails and says what differs."""
    newest = [int(found["last"] or 0), len(found["list"]) and int(found["list"][-1]),
              len(found["both list"]) and int(found["both list"][-1]), len(found["stream"]) and int(found["stream"][-1][1]["number"]),
              max((int(n) for n in found["set"]), default=0), int((found["text"] or "0;").split(";")[-2]), int(found["sometimes"] or 0)]
    for kind, done in ((1, int(found["count"] or 0)), (5, sum(int(n) for n in found["hash"].values())),
                       (6, int(sum(found["zset"].values())))):
        newest.append((done - 1) * KINDS + kind if done else 0)
    last = max(newest)
    for candidate in (last, last + 1):  # a DEL leaves nothing that tells its number
        expected = state_after(candidate)
        if found == expected:
            return candidate
    expected = state_after(last)
    wrong = {name: (found[name], expected[name]) for name in found if found[name] != expected[name]}
    raise AssertionError(f"not the data after {last} writes; found and expected: {str(wrong)[:3000]}")


class Refused(Exception):
    """A reply that is not what the write had to bring."""


def encode(command):
    words = [str(word).encode() for word in command]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)


def read_reply(stream):
    line = stream.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("closed")
    kind, rest = line[:1], line[1:-2].decode()
    if kind == b"+":
        return rest
    if kind == b":":
        return int(rest)
    if kind == b"-":
        raise Refused(rest)
    if kind == b"*":
        return [read_reply(stream) for _ in range(int(rest))]
    data = stream.read(int(rest) + 2)
    if len(data) != int(rest) + 2:
        raise ConnectionError("closed")
    return data[:-2].decode()


class Worker:
    """One client's stream of writes, over as many connections as there are crashes."""

    def __init__(self, database):
        self.database = database
        self.sent = 0    # the highest number that may have been executed
        self.acked = 0   # the highest number whose reply has come
        self.floor = 0   # the highest number that must survive anything
        self.history = []  # (monotonic time, acked)
        self.error = None
        self._thread = None
        self._stopping = False

    def recovered(self, last, floor):
        """After a restart, which has loaded the first `last` writes."""
        self.sent = self.acked = last
        self.floor = floor
        self.history = []

    def start(self, port, rng, timeout):
        self._stopping = False
        self._thread = threading.Thread(target=self._run, args=(port, rng, timeout))
        self._thread.start()

    def join(self):
        self._stopping = True
        if self._thread:
            self._thread.join()
        self._thread = None
        if self.error:
            raise self.error

    def acked_before(self, moment):
        return max((acked for when, acked in self.history if when <= moment), default=0)

    def _run(self, port, rng, timeout):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout) as connection:
                stream = connection.makefile("rb")
                connection.sendall(encode(("SELECT", self.database)))
                read_reply(stream)
                while not self._stopping:
                    self._batch(connection, stream, rng.choice([1, 1, 2, 5, 20]))
        except OSError:
            pass  # the node has died
        except Exception as error:  # noqa: BLE001 - shown by join()
            self.error = error

    def _batch(self, connection, stream, size):
        first = self.sent + 1
        self.sent += size
        connection.sendall(b"".join(encode(c) for n in range(first, first + size) for c in commands_of(n)))
        for number in range(first, first + size):
            reply = [read_reply(stream) for _ in commands_of(number)][-1]
            expected = reply_of(number)
            if expected is not None and reply != expected:
                raise Refused(f"write {number} in database {self.database}: {reply!r}, not {expected!r}")
            self.acked = number
        self.history.append((time.monotonic(), self.acked))
