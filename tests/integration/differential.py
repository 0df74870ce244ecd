"""Random commands for two servers that must answer alike: a bare RESP client, the generator, and what may differ."""

import random
import socket
import struct


class Bare:
    """One connection; replies come as nested tuples that keep every RESP type apart."""

    def __init__(self, port, timeout=20):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        self._file = self._socket.makefile("rb")

    def close(self):
        self._file.close()
        self._socket.close()

    def send(self, *words):
        words = [w if isinstance(w, bytes) else str(w).encode() for w in words]
        self._socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))

    def read(self):
        line = self._file.readline()
        if not line:
            raise EOFError("the server closed the connection")
        kind, text = chr(line[0]), line[1:-2]
        if kind in "*~>":
            return (kind,) if text == b"-1" else (kind, [self.read() for _ in range(int(text))])
        if kind == "%":
            return (kind, [(self.read(), self.read()) for _ in range(int(text))])
        if kind == "|":  # attributes stand before a reply
            return (kind, [(self.read(), self.read()) for _ in range(int(text))], self.read())
        if kind in "$=":
            if text == b"-1":
                return (kind,)
            data = self._file.read(int(text) + 2)[:-2]
            return (kind, data)
        return (kind, text)

    def call(self, *words):
        self.send(*words)
        return self.read()


KEYS = [f"k{i}" for i in range(12)]
WORDS = ["", "a", "hello", "0", "1", "-1", "10", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
         "3.5", "1e3", "inf", "nan", " 7", "007", "ohmytext", "mynewtext", "x" * 44, "y" * 45, "z" * 300, b"\xff\x00\xf0",
         b"\x00", b"\xff\xff\xff", "foobar"]
NUMBERS = [0, 1, -1, 2, 3, 5, 7, 8, 10, 100, -5, -100, 2**31, 2**63 - 1, -(2**63), 2**63, "x", "", "1.5"]
SMALL = [0, 1, -1, 2, 3, 5, 8, 11, 30, 100, -3, -7, -30, "x", ""]
WAIT_LAST = ("BLPOP", "BRPOP", "BZPOPMIN", "BZPOPMAX")  # the last word is how long to wait
FLOATS = ["1", "0.1", "-2.5", "3.0e3", "inf", "-inf", "nan", "abc", "", "1e-10", "123456789.123456789", "5e400", " 1"]


def crc64(data):
    """CRC-64/Jones, the checksum of DUMP's payloads."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0x95AC9329AC4BC9B5 if crc & 1 else crc >> 1
    return crc


def sealed(body, version=10):
    body += struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


PAYLOADS = [
    sealed(b"\x00\x05hello"), sealed(b"\x00\xc0\x7f"), sealed(b"\x00\xc1\x39\x30"), sealed(b"\x00\xc2\xff\xff\xff\x80"),
    sealed(b"\x00\x00"), sealed(b"\x00\x40\x50" + b"y" * 80), sealed(b"\x00\xc3\x09\x40\x64\x01aa\xe0W\x00\x01aa"),
    sealed(b"\x00\x0512345"), sealed(b"\x00\x05hello", 6), sealed(b"\x00\x05hello", 99), sealed(b"\x00\x3fshort"),
    sealed(b"\x08\x05hello"), sealed(b""), sealed(b"\x00\xc7"), b"", b"...", b"\x00\x05hello\n\x00" + bytes(8),
]
FAR = 4102444800  # seconds; 2100
MOMENTS = [FAR, FAR + 1000, FAR + 5, FAR - 7]


class Generator:
    """Random commands. Expiries are absolute and far away, or past: two servers would not agree on a relative one."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self._makers = [
            (getattr(self, name), getattr(type(self), name).weight) for name in dir(self) if name.startswith("make_")
        ]

    def command(self):
        makers, weights = zip(*self._makers)
        words = self.random.choices(makers, weights)[0]()
        if words[0] not in ("SCAN", "SPOP", "DEBUG") and self.random.random() < 0.02:  # a word too few or too many
            # Neither may make an expiry relative: a number after EX, or a moment without its ABSTTL.
            shorter = len(words) > 1 and words[-1] != "ABSTTL" and (self.random.random() < 0.5 or words[-1] in ("EX", "PX"))
            more = "x" if words[0] in WAIT_LAST else self.pick(WORDS)  # a number would be seconds to wait
            words = words[:-1] if shorter else words + [more]
        name = words[0]
        words[0] = self.pick([name, name.lower(), name]) if isinstance(name, str) else name
        return words

    def pick(self, choices):
        return self.random.choice(choices)

    def key(self):
        return self.pick(KEYS)

    def some_keys(self, most=4):
        return [self.key() for _ in range(self.random.randint(1, most))]

    def maybe(self, *words, chance=0.3):
        return list(words) if self.random.random() < chance else []

    def expiry(self):
        return self.pick([
            ["EXAT", self.pick(MOMENTS)], ["PXAT", self.pick(MOMENTS) * 1000 + 7], ["PXAT", self.pick(NUMBERS[:1] + NUMBERS[14:])],
            ["EXAT", self.pick([0, -1, 2**63 - 1, "x"])], ["EX"], ["EX", 2**62], ["PX", "x"], ["EX", 0],
        ])

    def make_set(self):
        options = []
        for option in (["NX"], ["XX"], ["GET"], ["KEEPTTL"], ["FOO"]):
            options += self.maybe(*option, chance=0.02 if option == ["FOO"] else 0.15)
        options += self.expiry() if self.random.random() < 0.25 else []
        return ["SET", self.key(), self.pick(WORDS)] + options

    def make_set_relatives(self):
        return self.pick([
            ["SETNX", self.key(), self.pick(WORDS)], ["GETSET", self.key(), self.pick(WORDS)], ["GETDEL", self.key()],
            ["SETEX", self.key(), self.pick([0, -1, "x", 2**62]), "v"], ["PSETEX", self.key(), self.pick([0, -5, ""]), "v"],
            ["GETEX", self.key()] + self.pick([[], ["PERSIST"], self.expiry(), ["PERSIST", "EX", 1], ["NX"]]),
        ])

    def make_get(self):
        return self.pick([["GET", self.key()], ["MGET"] + self.some_keys(), ["STRLEN", self.key()]])

    def make_many(self):
        pairs = [w for k in self.some_keys() for w in (k, self.pick(WORDS))]
        return [self.pick(["MSET", "MSET", "MSETNX"])] + pairs

    def make_edit(self):
        return self.pick([
            ["APPEND", self.key(), self.pick(WORDS)], ["SETRANGE", self.key(), self.pick(SMALL + [2**30]), self.pick(WORDS)],
            [self.pick(["GETRANGE", "SUBSTR"]), self.key(), self.pick(SMALL), self.pick(SMALL)],
        ])

    def make_number(self):
        return self.pick([
            [self.pick(["INCR", "DECR"]), self.key()], [self.pick(["INCRBY", "DECRBY"]), self.key(), self.pick(NUMBERS)],
            ["INCRBYFLOAT", self.key(), self.pick(FLOATS)],
        ])

    def make_lcs(self):
        options = self.maybe("LEN") + self.maybe("IDX", chance=0.5) + self.maybe("WITHMATCHLEN")
        return ["LCS", self.key(), self.key()] + options + self.maybe("MINMATCHLEN", self.pick(SMALL)) + self.maybe("X", chance=0.03)

    def make_bits(self):
        unit = self.maybe(self.pick(["BIT", "BYTE", "x"]), chance=0.4)
        return self.pick([
            ["SETBIT", self.key(), self.pick(SMALL + [2**32]), self.pick([0, 1, 1, 2, "x"])],
            ["GETBIT", self.key(), self.pick(SMALL + [2**32 - 1, 2**32])],
            ["BITCOUNT", self.key()] + self.maybe(self.pick(SMALL), self.pick(SMALL), *unit, chance=0.7),
            ["BITPOS", self.key(), self.pick([0, 1, 1, 0, 2, "x"])]
            + self.maybe(self.pick(SMALL), *self.maybe(self.pick(SMALL), *unit, chance=0.7), chance=0.7),
            ["BITOP", self.pick(["AND", "OR", "XOR", "NOT", "FOO"]), self.key()] + self.some_keys(3),
        ])

    def make_bitfield(self):
        words = [self.pick(["BITFIELD", "BITFIELD", "BITFIELD_RO"]), self.key()]
        for _ in range(self.random.randint(0, 3)):
            kind = self.pick(["u8", "i8", "u1", "i64", "u63", "i5", "u13", "u64", "i65", "x"])
            place = self.pick([0, 1, 7, 30, "#0", "#2", "#x", -1, 2**33])
            words += self.pick([
                ["GET", kind, place], ["SET", kind, place, self.pick(NUMBERS)], ["INCRBY", kind, place, self.pick(NUMBERS)],
                ["OVERFLOW", self.pick(["WRAP", "SAT", "FAIL", "x"])],
            ])
        return words

    def make_expire(self):
        options = [o for o in ("NX", "XX", "GT", "LT", "FOO") if self.random.random() < (0.03 if o == "FOO" else 0.15)]
        return self.pick([
            ["EXPIREAT", self.key(), self.pick(MOMENTS + [1, -1, 2**63 - 1, "x"])],
            ["PEXPIREAT", self.key(), self.pick([m * 1000 + 499 for m in MOMENTS] + [1, 2**63 - 1])],
            [self.pick(["EXPIRE", "PEXPIRE"]), self.key(), self.pick([-1, -(2**63), 2**63 - 1, "x", -(10**15)])],
        ]) + options

    def make_lifetime(self):
        return [self.pick(["EXPIRETIME", "PEXPIRETIME", "PERSIST", "TTL"]), self.key()]

    def make_key(self):
        return self.pick([
            ["DEL"] + self.some_keys(3), ["UNLINK"] + self.some_keys(2), ["EXISTS"] + self.some_keys(), ["TYPE", self.key()],
            ["TOUCH"] + self.some_keys(), ["RENAME", self.key(), self.key()], ["RENAMENX", self.key(), self.key()],
            ["COPY", self.key(), self.key()] + self.maybe("DB", self.pick([0, 1, 15, 16, -1, "x"])) + self.maybe("REPLACE"),
            ["MOVE", self.key(), self.pick([0, 1, 2, 99, "x", 2**40])], ["OBJECT", "ENCODING", self.key()],
            ["OBJECT", "FREQ", self.key()], ["OBJECT", "FOO", self.key()],
            ["DEBUG", "DIGEST-VALUE", self.key()],
        ])

    def make_payload(self):
        options = self.maybe("REPLACE", chance=0.6) + self.maybe("FOO", chance=0.02)
        options += self.maybe("IDLETIME", self.pick([0, 1000, -1, "x"]), chance=0.1) + self.maybe("FREQ", self.pick([0, 255, 256, "x"]), chance=0.1)
        ttl = self.pick([[0], [0], [-1], ["x"], [2**63 - 1], [1, "ABSTTL"], [self.pick(MOMENTS) * 1000, "ABSTTL"]])
        return self.pick([
            ["DUMP", self.key()], ["DUMP", self.key()], ["RESTORE", self.key(), ttl[0], self.pick(PAYLOADS)] + ttl[1:] + options,
            ["MIGRATE", "127.0.0.1", self.pick([1, "x"]), self.pick(KEYS + ["nokey"]), self.pick([0, "x"]), self.pick([100, "x"])]
            + self.maybe("KEYS", "a", chance=0.2) + self.maybe("AUTH", chance=0.1),
        ])

    def make_debug(self):
        return self.pick([
            ["DEBUG", "LISTPACK", self.key()], ["DEBUG", "HTSTATS-KEY", self.key()], ["DEBUG", "HTSTATS", self.pick([99, -1, "x"])],
            ["DEBUG", "QUICKLIST", self.key()], ["DEBUG", "QUICKLIST-PACKED-THRESHOLD", self.pick([0, 1, "10b", "4gb", "x", -1, "3G"])],
            ["DEBUG", "PROTOCOL", self.pick(["string", "integer", "double", "null", "bignum", "true", "false", "verbatim", "array",
                                              "set", "map", "attrib", "foo"])],
            ["DEBUG", "POPULATE", self.pick([0, 3, "x", -1]), "k"] + self.maybe(self.pick([0, 5, -1, "x"])),
            ["DEBUG", "ERROR", "MINE text"], ["DEBUG", "foo"], ["DEBUG"], ["DEBUG", "OBJECT", "nokey"], ["DEBUG", "PAUSE-CRON"],
        ])

    def make_database(self):
        return self.pick([
            ["DBSIZE"], ["KEYS", self.pick(["*", "k?", "k[1-3]*", "[^k]*", "\\k1", "nothing"])], ["SELECT", self.pick([0, 1, 2, 3, 16, -1, "x"])],
            ["SWAPDB", self.pick([0, 1, 2, 16, "x"]), self.pick([0, 1, 2, -1, ""])], ["SCAN", 0, "COUNT", 1000],
            ["SCAN", self.pick(["x", "", "-", "-x", "+0", 2**64, " 0"]), "COUNT", 1000], ["SCAN", 0, "COUNT", self.pick([0, "x", 1000])] + self.maybe("TYPE", self.pick(["string", "list", "x"])),
        ])

    def make_flush(self):
        return [self.pick(["FLUSHDB", "FLUSHALL"])] + self.pick([[], [], ["ASYNC"], ["SYNC"], ["x"]])

    def make_transaction(self):
        return self.pick([["MULTI"], ["MULTI"], ["EXEC"], ["EXEC"], ["EXEC"], ["DISCARD"], ["WATCH"] + self.some_keys(2), ["UNWATCH"]])

    def make_nonsense(self):
        return self.pick([
            ["NOSUCH"] + self.some_keys(), ["GET"], ["CONFIG"], ["CONFIG", "FOO"], ["OBJECT"], ["OBJECT", "HELP"], ["SLOWLOG", "LEN", "x"],
            ["PING"], ["PING", "x"], ["ECHO", "hi"], ["WAIT", "x", 0], ["WAIT", 0, -1], ["WAIT", 0, 0],
            ["SLAVEOF", "a", "b"], ["BGSAVE", "x", "y"], ["SHUTDOWN", "x", "y"], ["MEMORY", "USAGE", "nokey"],
            ["LATENCY", "HISTORY", "x"], ["X" * 200, "y" * 200], ["CLIENT", "x"], ["CLIENT", "GETNAME"],
            ["PUBLISH", "c", "m"], ["SPUBLISH", "c", "m"],
        ])


for _name, _weight in {
    "make_set": 12, "make_set_relatives": 6, "make_get": 6, "make_many": 4, "make_edit": 7, "make_number": 8, "make_lcs": 3,
    "make_bits": 8, "make_bitfield": 5, "make_expire": 6, "make_lifetime": 4, "make_key": 12, "make_payload": 6, "make_debug": 2, "make_database": 5, "make_flush": 0.4,
    "make_transaction": 4, "make_nonsense": 3,
}.items():
    getattr(Generator, _name).weight = _weight


def comparable(words, reply):
    """The reply without what may differ between two correct servers: the order of keys, half a second of TTL."""
    name = str(words[0]).upper()
    if name == "KEYS" and reply[0] == "*" and len(reply) > 1:
        return ("*", sorted(reply[1]))
    if name == "SCAN" and reply[0] == "*" and len(reply[1]) == 2 and isinstance(reply[1][1][1], list):
        return ("*", [reply[1][0], ("*", sorted(reply[1][1][1]))])
    if name == "TTL" and reply[0] == ":" and int(reply[1]) > 0:
        return ("TTL", int(reply[1]) // 100)
    return reply


class Pair:
    """The same commands to both servers; the first difference is an AssertionError with the history before it."""

    def __init__(self, ours_port, theirs_port, protocol, normal=lambda words, reply: None, excused=lambda words, theirs: False):
        """`normal` gives a reply without what may differ, or None where comparable() decides; `excused` says that theirs
        is a mistake."""
        self.ours, self.theirs = Bare(ours_port), Bare(theirs_port)
        self._normal = normal
        self._excused = excused
        self.history = []
        self._queued = None  # commands since MULTI, None outside
        if protocol == 3:
            for side in (self.ours, self.theirs):
                side.call("HELLO", "3")

    def close(self):
        self.ours.close()
        self.theirs.close()

    def call(self, *words):
        self.history.append(words)
        self.ours.send(*words)
        self.theirs.send(*words)
        theirs = self._reply(self.theirs, "theirs")
        ours = self._reply(self.ours, "ours")
        mine, reference = self._comparable(words, ours), self._comparable(words, theirs)
        self._track(words, theirs)
        if mine != reference and not self._excused(words, theirs):
            raise AssertionError(f"{words!r}\n  ours:   {ours!r}\n  theirs: {theirs!r}\nlast commands:\n{self._past()}")
        return theirs

    def _reply(self, side, name):
        try:
            return side.read()
        except (OSError, EOFError) as error:
            raise AssertionError(f"{name} did not answer: {error}\nlast commands:\n{self._past()}") from error

    def _past(self):
        return "\n".join(repr(words) for words in self.history[-15:])

    def _comparable(self, words, reply):
        if str(words[0]).upper() == "EXEC" and self._queued and reply[0] == "*" and len(reply) > 1:
            return ("*", [self._normal(w, r) or comparable(w, r) for w, r in zip(self._queued, reply[1])])
        return self._normal(words, reply) or comparable(words, reply)

    def _track(self, words, reply):
        name = str(words[0]).upper()
        if reply == ("+", b"QUEUED"):
            self._queued.append(words)
        elif name == "MULTI" and reply == ("+", b"OK"):
            self._queued = []
        elif name == "EXEC" or (name == "DISCARD" and reply == ("+", b"OK")):
            self._queued = None
