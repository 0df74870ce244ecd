"""Random commands on values with elements, for two servers that must answer alike: every family of Redis 7.0.

Expiries, times and ids are given, never taken from a clock; where a server chooses at random (SPOP, HRANDFIELD), it is
asked so that either all is chosen or only the shape of the answer is compared (see comparable_types).
"""

from differential import NUMBERS, SMALL, WORDS, Generator

ELEMENTS = ["", "a", "b", "c", "d", "e", "f", "0", "1", "2", "-1", "10", "127", "128", "-128", "4095", "-4096", "32767", "65536",
            "-8388608", "8388608", "2147483648", "-9223372036854775808", "9223372036854775807", "9223372036854775808", "1.5", "007",
            "x" * 63, "y" * 64, "z" * 65, "w" * 200, b"\xff\x00\xf0", b"\x00", "Palermo", "hello world"]
MEMBERS = [f"m{i}" for i in range(40)] + ELEMENTS
INTEGERS = list(range(-5, 30)) + [2**15, -(2**15) - 1, 2**31, -(2**31) - 1, 2**62]
SCORES = ["0", "1", "2", "3", "-1", "1.5", "-0.1", "3.0e3", "1e-10", "inf", "-inf", "+inf", "123456789.123456789", "0.1", "1e20",
          "9007199254740993", "-0", "5e-324", "1e308"]
BAD_SCORES = ["nan", "x", "", " 1", "1e400", "(1", "0x10", "1 "]
BOUNDS = ["-inf", "+inf", "0", "1", "(1", "2", "(2", "3", "1.5", "(-1", "10", "inf", "(inf"]
LEX = ["-", "+", "[a", "(a", "[c", "(m2", "[m3", "[", "(", "x", "", "[z"]
PLACES = [("13.361389", "38.115556", "Palermo"), ("15.087269", "37.502669", "Catania"), ("-73.9", "40.7", "NewYork"),
          ("0", "0", "Null"), ("179.99", "-85.05", "Edge"), ("2.35", "48.85", "Paris"), ("2.3500001", "48.8500001", "Paris2")]
UNITS = ["m", "km", "mi", "ft", "x"]
IDS = ["0", "1", "1-1", "1-2", "2-0", "3-5", "5", "5-1", "7-7", "10", "18446744073709551615", "18446744073709551615-18446744073709551615",
       "0-0", "0-1", "x", "-1", "1-x", "99999999999999999999"]


class TypeGenerator(Generator):
    """All of Generator's commands, and those of the other types. Keys say which type they mostly hold."""

    def __init__(self, seed):
        super().__init__(seed)
        self.next_id = 10

    def of(self, kind):
        if self.random.random() < 0.04:
            return self.pick(["l0", "s0", "h0", "z0", "x0", "p0", "k1", "none"])
        return f"{kind}{self.random.randint(0, 4)}"

    def several(self, kind, most=3):
        return [self.of(kind) for _ in range(self.random.randint(1, most))]

    def many(self, choices, most=5):
        count = self.random.randint(1, most) if self.random.random() < 0.97 else self.random.randint(100, 300)
        return [self.pick(choices) for _ in range(count)]

    def fresh(self, prefix, low=100, high=600):
        """A lot of new elements: what makes a value large."""
        start = self.random.randint(0, 2000)
        return [f"{prefix}{i}" for i in range(start, start + self.random.randint(low, high))]

    def make_flush(self):
        return [self.pick(["FLUSHDB", "FLUSHALL"])] + self.maybe(self.pick(["ASYNC", "SYNC", "x"]))

    # --- Lists ---

    def make_list_push(self):
        if self.random.random() < 0.01:
            return ["RPUSH", self.of("l")] + self.fresh("e")
        return [self.pick(["LPUSH", "RPUSH", "LPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), self.of("l")] + self.many(ELEMENTS)

    def make_list_pop(self):
        return [self.pick(["LPOP", "RPOP"]), self.of("l")] + self.maybe(self.pick(SMALL + [1, 2, 400]), chance=0.4)

    def make_list_read(self):
        key = self.of("l")
        return self.pick([
            ["LLEN", key], ["LINDEX", key, self.pick(SMALL)], ["LRANGE", key, self.pick(SMALL), self.pick(SMALL)], ["LRANGE", key, 0, -1],
            ["LPOS", key, self.pick(ELEMENTS)] + self.maybe("RANK", self.pick([1, 2, -1, -2, 0, "x"]))
            + self.maybe("COUNT", self.pick([0, 1, 2, -1])) + self.maybe("MAXLEN", self.pick([0, 1, 3, -1])) + self.maybe("FOO", chance=0.02),
        ])

    def make_list_edit(self):
        key = self.of("l")
        return self.pick([
            ["LSET", key, self.pick(SMALL), self.pick(ELEMENTS)], ["LREM", key, self.pick([0, 1, -1, 2, -2, "x"]), self.pick(ELEMENTS)],
            ["LINSERT", key, self.pick(["BEFORE", "AFTER", "after", "x"]), self.pick(ELEMENTS), self.pick(ELEMENTS)],
            ["LTRIM", key, self.pick(SMALL), self.pick([-1, -2, 5, 100, 300, 0, "x"])],
        ])

    def make_list_move(self):
        ends = [self.pick(["LEFT", "RIGHT", "left", "x"]) if self.random.random() < 0.05 else self.pick(["LEFT", "RIGHT"]) for _ in range(2)]
        return self.pick([
            ["LMOVE", self.of("l"), self.of("l"), *ends], ["RPOPLPUSH", self.of("l"), self.of("l")],
            ["LMPOP", self.pick([1, 2, 3, 0, -1, "x"])] + self.several("l") + [ends[0]] + self.maybe("COUNT", self.pick([1, 2, 10, 0, "x"])),
        ])

    def make_blocking(self):
        """With data it answers at once; without, after a moment."""
        moment = self.pick([0.001, 0.001, 0.001, "x", -1, "0.001"])
        return self.pick([
            ["BLPOP"] + self.several("l") + [moment], ["BRPOP"] + self.several("l") + [moment],
            ["BLMOVE", self.of("l"), self.of("l"), self.pick(["LEFT", "RIGHT"]), self.pick(["LEFT", "RIGHT"]), moment],
            ["BRPOPLPUSH", self.of("l"), self.of("l"), moment],
            ["BLMPOP", moment, self.pick([1, 2])] + self.several("l", 2) + ["LEFT"] + self.maybe("COUNT", 2),
            ["BZPOPMIN"] + self.several("z") + [moment], ["BZPOPMAX"] + self.several("z") + [moment],
            ["BZMPOP", moment, self.pick([1, 2])] + self.several("z", 2) + ["MIN"] + self.maybe("COUNT", 2),
            ["XREAD", "BLOCK", self.pick([1, 1, "x", -1]), "STREAMS", self.of("x"), self.pick(["$", "0", "5-1"])],
            ["XREADGROUP", "GROUP", self.pick(["g1", "g2", "gx"]), "c1", "BLOCK", 1, "STREAMS", self.of("x"), ">"],
        ])

    # --- Hashes ---

    def pairs(self, names, values, most=4):
        return [w for name in self.many(names, most) for w in (name, self.pick(values))]

    def make_hash_write(self):
        key = self.of("h")
        if self.random.random() < 0.01:
            return ["HSET", key] + [w for name in self.fresh("f") for w in (name, self.pick(ELEMENTS))]
        return self.pick([
            ["HSET", key] + self.pairs(MEMBERS, ELEMENTS), ["HSET", key] + self.pairs(MEMBERS, ELEMENTS),
            ["HMSET", key] + self.pairs(MEMBERS, ELEMENTS), ["HSETNX", key, self.pick(MEMBERS), self.pick(ELEMENTS)],
            ["HDEL", key] + self.many(MEMBERS), ["HINCRBY", key, self.pick(MEMBERS), self.pick(NUMBERS)],
            ["HINCRBYFLOAT", key, self.pick(MEMBERS), self.pick(SCORES + BAD_SCORES)],
        ])

    def make_hash_read(self):
        key = self.of("h")
        return self.pick([
            ["HGET", key, self.pick(MEMBERS)], ["HMGET", key] + self.many(MEMBERS), ["HGETALL", key], ["HKEYS", key], ["HVALS", key],
            ["HLEN", key], ["HSTRLEN", key, self.pick(MEMBERS)], ["HEXISTS", key, self.pick(MEMBERS)],
            ["HSCAN", key, 0, "COUNT", 10000] + self.maybe("MATCH", self.pick(["m*", "*1*", "x"])), ["HSCAN", key, "x"],
            ["HRANDFIELD", key] + self.pick([[], [0], [3], [-3], [100000], ["x"], [2, "WITHVALUES"], [-2, "WITHVALUES"], [1, "FOO"]]),
        ])

    # --- Sets ---

    def make_set_write(self):
        key = self.of("s")
        if self.random.random() < 0.01:
            return ["SADD", key] + self.pick([self.fresh("m"), list(range(0, 600, 2))])
        return self.pick([
            ["SADD", key] + self.many(MEMBERS), ["SADD", key] + self.many(INTEGERS), ["SADD", key] + self.many(INTEGERS),
            ["SREM", key] + self.many(MEMBERS + INTEGERS), ["SMOVE", key, self.of("s"), self.pick(MEMBERS + INTEGERS)],
            ["SPOP", key, self.pick([100000, 0, -1, "x"])],
        ])

    def make_set_read(self):
        key = self.of("s")
        return self.pick([
            ["SISMEMBER", key, self.pick(MEMBERS + INTEGERS)], ["SMISMEMBER", key] + self.many(MEMBERS + INTEGERS), ["SCARD", key], ["SMEMBERS", key],
            ["SSCAN", key, 0, "COUNT", 10000] + self.maybe("MATCH", self.pick(["m*", "*1*", "x"])),
            ["SRANDMEMBER", key] + self.pick([[], [0], [3], [-3], [100000], ["x"], [-(2**63)]]),
        ])

    def make_set_algebra(self):
        name = self.pick(["SINTER", "SUNION", "SDIFF"])
        return self.pick([
            [name] + self.several("s"), [name] + self.several("s"), [name + "STORE", self.of("s")] + self.several("s"),
            ["SINTERCARD", self.pick([1, 2, 3, 0, "x"])] + self.several("s") + self.maybe("LIMIT", self.pick([0, 1, 5, -1, "x"])),
        ])

    # --- Sorted sets ---

    def score(self):
        return self.pick(BAD_SCORES) if self.random.random() < 0.03 else self.pick(SCORES + [str(n) for n in range(-3, 12)])

    def make_zset_write(self):
        key = self.of("z")
        if self.random.random() < 0.01:
            return ["ZADD", key] + [w for name in self.fresh("m") for w in (self.pick(SCORES), name)]
        options = [o for o in ("NX", "XX", "GT", "LT", "CH", "INCR") if self.random.random() < 0.12]
        return self.pick([
            ["ZADD", key] + options + [w for m in self.many(MEMBERS, 3) for w in (self.score(), m)],
            ["ZADD", key] + [w for m in self.many(MEMBERS) for w in (self.score(), m)],
            ["ZINCRBY", key, self.score(), self.pick(MEMBERS)], ["ZREM", key] + self.many(MEMBERS),
            [self.pick(["ZPOPMIN", "ZPOPMAX"]), key] + self.maybe(self.pick([0, 1, 3, -1, "x"]), chance=0.4),
            ["ZMPOP", self.pick([1, 2, 0, "x"])] + self.several("z") + [self.pick(["MIN", "MAX", "x"])] + self.maybe("COUNT", self.pick([1, 3, 0])),
        ])

    def make_zset_cut(self):
        key = self.of("z")
        return self.pick([
            ["ZREMRANGEBYRANK", key, self.pick([0, 1, -3, "x"]), self.pick([0, 1, 3, -2])],
            ["ZREMRANGEBYSCORE", key, self.pick(BOUNDS + ["x"]), self.pick(["(1", "0", "-1", "x"])],
        ])

    def make_zset_read(self):
        key = self.of("z")
        scores, limit = self.maybe("WITHSCORES"), self.maybe("LIMIT", self.pick([0, 1, 2, -1, "x"]), self.pick([0, 1, 3, -1]))
        low, high = self.pick(BOUNDS), self.pick(BOUNDS)
        return self.pick([
            ["ZSCORE", key, self.pick(MEMBERS)], ["ZMSCORE", key] + self.many(MEMBERS), ["ZCARD", key],
            [self.pick(["ZRANK", "ZREVRANK"]), key, self.pick(MEMBERS)], ["ZCOUNT", key, low, high],
            [self.pick(["ZRANGE", "ZREVRANGE"]), key, self.pick(SMALL), self.pick(SMALL)] + scores,
            ["ZRANGE", key, 0, -1] + scores + self.maybe("REV"), ["ZRANGE", key, low, high, "BYSCORE"] + self.maybe("REV") + limit + scores,
            ["ZRANGEBYSCORE", key, low, high] + scores + limit, ["ZREVRANGEBYSCORE", key, high, low] + scores + limit,
            ["ZSCAN", key, 0, "COUNT", 10000] + self.maybe("MATCH", self.pick(["m*", "*1*", "x"])),
            ["ZRANDMEMBER", key] + self.pick([[], [0], [3], [-3], [100000], ["x"], [2, "WITHSCORES"], [-2, "WITHSCORES"]]),
        ])

    def make_zset_lex(self):
        """Only where all scores are the same is the order by bytes one that two servers must agree on."""
        key = f"y{self.random.randint(0, 2)}"
        limit = self.maybe("LIMIT", self.pick([0, 1, 2, -1, "x"]), self.pick([0, 1, 3, -1]))
        low, high = self.pick(LEX), self.pick(LEX)
        return self.pick([
            ["ZADD", key] + [w for m in self.many(MEMBERS) for w in ("0", m)], ["ZREM", key] + self.many(MEMBERS), ["ZREMRANGEBYLEX", key, low, high],
            ["ZLEXCOUNT", key, low, high], ["ZRANGEBYLEX", key, low, high] + limit, ["ZREVRANGEBYLEX", key, high, low] + limit,
            ["ZRANGE", key, low, high, "BYLEX"] + self.maybe("REV") + limit + self.maybe("WITHSCORES", chance=0.1),
            ["ZRANGESTORE", "y2", key, low, high, "BYLEX"] + limit, ["ZADD", key, "0", self.pick(MEMBERS)],
        ])

    def make_zset_algebra(self):
        keys = [self.of(self.pick(["z", "z", "z", "s"])) for _ in range(self.random.randint(1, 3))]
        count = len(keys) if self.random.random() < 0.95 else self.pick([0, 1, 5, "x"])
        options = self.maybe("WEIGHTS", *[self.pick(["1", "2", "-1", "0", "inf", "0.5", "x"]) for _ in keys]) if self.random.random() < 0.6 else []
        options += self.maybe("AGGREGATE", self.pick(["SUM", "MIN", "MAX", "FOO"]))
        scores = self.maybe("WITHSCORES")
        return self.pick([
            ["ZUNION", count] + keys + options + scores, ["ZINTER", count] + keys + options + scores, ["ZDIFF", count] + keys + scores,
            ["ZUNIONSTORE", self.of("z"), count] + keys + options, ["ZINTERSTORE", self.of("z"), count] + keys + options,
            ["ZDIFFSTORE", self.of("z"), count] + keys, ["ZINTERCARD", count] + keys + self.maybe("LIMIT", self.pick([0, 1, -1])),
            ["ZRANGESTORE", self.of("z"), self.of("z"), self.pick(SMALL), self.pick(SMALL)] + self.maybe("REV"),
            ["ZRANGESTORE", self.of("z"), self.of("z"), self.pick(BOUNDS), self.pick(BOUNDS), "BYSCORE"] + self.maybe("LIMIT", 0, 3),
        ])

    # --- Geo ---

    def make_geo(self):
        """Keys that nothing else uses: of elements at the same place, COUNT may choose any."""
        key, other = (self.pick(["e0", "e1", "e2", "e3", "k1"]) for _ in range(2))
        place = self.pick(PLACES)
        unit = self.pick(UNITS[:4]) if self.random.random() < 0.95 else "x"
        origin = self.pick([["FROMMEMBER", self.pick(PLACES)[2]], ["FROMLONLAT", place[0], place[1]]])
        shape = self.pick([["BYRADIUS", self.pick([1, 200, 5000, "x", -1]), unit], ["BYBOX", self.pick([10, 400, 9000]), self.pick([10, 400, 9000]), unit]])
        order = self.maybe(self.pick(["ASC", "DESC"]), chance=0.6)
        count = self.maybe("COUNT", self.pick([1, 2, 0, "x"])) if order else []
        shown = [o for o in ("WITHDIST", "WITHCOORD", "WITHHASH") if self.random.random() < 0.3]
        return self.pick([
            ["GEOADD", key] + self.maybe(self.pick(["NX", "XX", "CH"])) + list(place), ["GEOADD", key] + [w for p in PLACES[:4] for w in p],
            ["GEOADD", key, self.pick(["181", "x", "10"]), self.pick(["91", "10"]), "bad"], ["GEOPOS", key] + [p[2] for p in PLACES[:3]] + ["none"],
            ["GEODIST", key, place[2], self.pick(PLACES)[2]] + self.maybe(unit), ["GEOHASH", key, place[2], "none"],
            ["GEOSEARCH", key] + origin + shape + order + count + shown, ["GEOSEARCHSTORE", other, key] + origin + shape + order + count + self.maybe("STOREDIST"),
            ["GEORADIUS", key, place[0], place[1], self.pick([100, 5000]), unit] + order + shown,
            ["GEORADIUSBYMEMBER", key, place[2], self.pick([100, 5000]), unit] + order + self.maybe("STORE", other, chance=0.2),
            ["GEORADIUS_RO", key, place[0], place[1], 3000, unit] + order, ["GEORADIUSBYMEMBER_RO", key, place[2], 3000, unit] + order,
        ])

    # --- Streams ---

    def id(self):
        return self.pick(IDS)

    def fields(self):
        return [w for _ in range(self.random.randint(1, 3)) for w in (self.pick(["f", "g", "name", "temperature"]), self.pick(ELEMENTS))]

    def trimming(self):
        threshold = self.pick([["MAXLEN", self.pick([0, 1, 5, 50, -1, "x"])], ["MINID", self.pick(["5", "7-7", "x"])]])
        exact = self.pick([[], ["="], ["~"]])
        limit = self.maybe("LIMIT", self.pick([0, 10, -1]), chance=0.2 if exact == ["~"] else 0.02)
        return threshold[:1] + exact + threshold[1:] + limit

    def make_stream_write(self):
        key = self.of("x")
        if self.random.random() < 0.75:
            self.next_id += self.random.randint(0, 2)
        ids = [f"{self.next_id}-{self.random.randint(0, 3)}", f"{self.next_id}-*", self.id()]
        return self.pick([
            ["XADD", key] + self.maybe("NOMKSTREAM", chance=0.1) + (self.trimming() if self.random.random() < 0.1 else []) + [self.pick(ids)] + self.fields(),
            ["XADD", key, ids[0]] + self.fields(), ["XADD", key, ids[1]] + self.fields(),
            ["XDEL", key] + [self.pick([ids[0], self.id(), f"{self.random.randint(10, max(11, self.next_id))}-0"]) for _ in range(2)],
        ])

    def make_stream_trim(self):
        return self.pick([
            ["XTRIM", self.of("x")] + self.trimming(),
            ["XSETID", self.of("x"), self.id()] + self.maybe("ENTRIESADDED", self.pick([0, 100, -1]), "MAXDELETEDID", self.pick(["0-0", "5-0"])),
        ])

    def make_stream_read(self):
        key = self.of("x")
        low, high = self.pick(["-", "0", "(5-1", "10-0", "5", "x"]), self.pick(["+", "20", "(7-7", "5-1", "x"])
        return self.pick([
            ["XLEN", key], ["XRANGE", key, low, high] + self.maybe("COUNT", self.pick([0, 1, 5, -1, "x"])),
            ["XREVRANGE", key, high, low] + self.maybe("COUNT", self.pick([1, 5])),
            ["XREAD"] + self.maybe("COUNT", self.pick([1, 2])) + ["STREAMS", key, self.of("x"), self.pick(["0", "5-1", "$"]), self.id()],
            ["XREAD", "STREAMS", key], ["XINFO", "STREAM", key], ["XINFO", "FOO", key],
        ])

    def make_group(self):
        key, group, consumer = self.of("x"), self.pick(["g1", "g1", "g2", "gx"]), self.pick(["c1", "c2", "c3"])
        some = [self.pick([f"{self.random.randint(5, max(11, self.next_id))}-{self.random.randint(0, 2)}", self.id()]) for _ in range(2)]
        return self.pick([
            ["XGROUP", "CREATE", key, group, self.pick(["0", "$", "5-1", "x"])] + self.maybe("MKSTREAM") + self.maybe("ENTRIESREAD", self.pick([0, 3, -1, -2, "x"])),
            ["XGROUP", "SETID", key, group, self.pick(["0", "$", "5-1"])] + self.maybe("ENTRIESREAD", self.pick([0, 3])),
            ["XGROUP", "CREATECONSUMER", key, group, consumer], ["XGROUP", "DELCONSUMER", key, group, consumer],
            ["XGROUP", "DESTROY", key, self.pick(["g2", "gx"])], ["XGROUP", "FOO", key],
            ["XREADGROUP", "GROUP", group, consumer] + self.maybe("COUNT", self.pick([1, 3])) + self.maybe("NOACK", chance=0.1)
            + ["STREAMS", key, self.pick([">", ">", ">", "0", "5-1"])],
            ["XACK", key, group] + some, ["XPENDING", key, group], ["XPENDING", key, group, "-", "+", self.pick([1, 10, "x"])] + self.maybe(consumer),
            ["XCLAIM", key, group, consumer, self.pick([0, "x"])] + some + self.pick([[], ["JUSTID"], ["FORCE"], ["RETRYCOUNT", 3], ["LASTID", "5-1"], ["TIME", 1000]]),
            ["XAUTOCLAIM", key, group, consumer, 0, self.pick(["0", "5-1", "x"])] + self.maybe("COUNT", self.pick([1, 10, 0])) + self.maybe("JUSTID"),
            ["XINFO", "GROUPS", key], ["XINFO", "CONSUMERS", key, group], ["XINFO", "STREAM", key, "FULL"],
        ])

    # --- HyperLogLog, SORT, and what works on any type ---

    def make_hyperloglog(self):
        if self.random.random() < 0.02:
            return ["PFADD", self.of("p")] + self.fresh("v", 500, 2000)
        return self.pick([
            ["PFADD", self.of("p")] + self.many(MEMBERS), ["PFCOUNT"] + self.several("p"), ["PFMERGE", self.of("p")] + self.several("p", 2),
            ["PFADD", self.of("p")], ["GETRANGE", self.of("p"), 0, -1],
        ])

    def make_sort(self):
        """Ties under BY, and a set that is not sorted, have no order that two servers must agree on.

        Redis turns a sorted set that it sorts into its large form, so what is sorted has keys of its own that nobody else uses.
        """
        if self.random.random() < 0.3:
            return self.pick([
                ["ZADD", self.pick(["o0", "o1"])] + [w for m in self.many(MEMBERS) for w in (self.pick(["0", "1", "2", "-5", "1.5"]), m)],
                ["RPUSH", self.pick(["q0", "q1"])] + self.many(INTEGERS), ["RPUSH", self.pick(["q0", "q2"])] + self.many(ELEMENTS),
                ["SADD", self.pick(["v0", "v1"])] + self.many(INTEGERS), ["SADD", self.pick(["v0", "v2"])] + self.many(MEMBERS),
                ["DEL", self.pick(["q0", "q1", "q2", "o0", "v0", "v1", "v2"])],
            ])
        key = self.pick(["q0", "q1", "q2", "v0", "v1", "v2", "o0", "o1", "x1"])
        by = self.maybe("BY", self.pick(["k*", "h*->m1", "nosort", "none*"]))
        ordered = not by or (by[1] == "nosort" and key[0] in "qo")
        options = by + (self.maybe("LIMIT", self.pick([0, 1, 2]), self.pick([1, 3, -1, 100])) if ordered else [])
        for _ in range(self.random.randint(0, 2)):
            options += self.maybe("GET", self.pick(["#", "k*", "h*->m1", "h*->"]))
        options += self.maybe(self.pick(["ASC", "DESC"])) + self.maybe("ALPHA", chance=0.8)
        stored = options + ["ALPHA", "STORE", self.of("l")] if ordered else options
        return self.pick([["SORT", key] + options, ["SORT", key] + stored, ["SORT_RO", key] + options])

    def make_any(self):
        key, other = (self.of(self.pick("lshzxgp")) for _ in range(2))
        return self.pick([
            ["TYPE", key], ["OBJECT", "ENCODING", key], ["DEL", key], ["UNLINK", key], ["RENAME", key, key[0] + "4"], ["COPY", key, key[0] + "3", "REPLACE"],
            ["COPY", key, other], ["MOVE", key, 1], ["EXISTS", key, other], ["DEBUG", "DIGEST-VALUE", key], ["PEXPIREAT", key, 4102444800000], ["PERSIST", key],
            ["GET", key], ["SET", key, "v"], ["APPEND", key, "v"], ["INCR", key], ["STRLEN", key],
        ])

    def make_limits(self):
        name, values = self.pick([
            ("hash-max-listpack-entries", [512, 3, 0, 10]), ("hash-max-listpack-value", [64, 1, 10]), ("set-max-intset-entries", [512, 3, 10]),
            ("zset-max-listpack-entries", [128, 0, 5]), ("zset-max-listpack-value", [64, 4]), ("list-max-listpack-size", [-2, 3, -1, 128]),
            ("stream-node-max-entries", [100, 3, 0]), ("hll-sparse-max-bytes", [3000, 20]),
        ])
        return ["CONFIG", "SET", name, self.pick(values)]


for _name, _weight in {
    "make_list_push": 12, "make_list_pop": 5, "make_list_read": 7, "make_list_edit": 7, "make_list_move": 6, "make_blocking": 2,
    "make_hash_write": 14, "make_hash_read": 9, "make_set_write": 12, "make_set_read": 8, "make_set_algebra": 7, "make_zset_write": 14,
    "make_zset_cut": 4, "make_zset_read": 14, "make_zset_lex": 5, "make_zset_algebra": 8, "make_geo": 8, "make_stream_write": 14, "make_stream_trim": 3,
    "make_stream_read": 7, "make_group": 14, "make_hyperloglog": 5, "make_sort": 5, "make_any": 8, "make_limits": 1, "make_flush": 0.1,
}.items():
    getattr(TypeGenerator, _name).weight = _weight


UNORDERED = {"SMEMBERS", "SINTER", "SUNION", "SDIFF", "HKEYS", "HVALS", "SPOP"}
SCANS = {"HSCAN", "SSCAN", "ZSCAN"}
RANDOM = {"HRANDFIELD", "SRANDMEMBER", "ZRANDMEMBER"}


def shape(reply):
    """Only how a reply is built."""
    if len(reply) > 1 and isinstance(reply[1], list):
        return (reply[0], len(reply[1]), shape(reply[1][0]) if reply[1] and isinstance(reply[1][0], tuple) and isinstance(reply[1][0][0], str) else None)
    return reply[0]


def in_pairs(items):
    return sorted((items[i], items[i + 1]) for i in range(0, len(items) - 1, 2))


IDLE_FIELDS = {b"idle", b"inactive", b"seen-time", b"active-time", b"radix-tree-keys", b"radix-tree-nodes"}


def without_times(reply):
    """XINFO without what a clock or the index's inside decides; pending entries lose their delivery time."""
    if len(reply) < 2 or not isinstance(reply[1], list):
        return reply
    if reply[0] == "%":
        return ("%", [(k, ("-", b"") if k[-1] in IDLE_FIELDS else pending(k, v)) for k, v in reply[1]])
    items, out, hide = reply[1], [], None
    for item in items:
        if hide is not None:
            out.append(("-", b"") if hide in IDLE_FIELDS else pending(("$", hide), item))
            hide = None
        elif len(item) > 1 and isinstance(item[1], bytes) and item[0] in "$+" and len(out) % 2 == 0 and len(items) % 2 == 0:
            out.append(item)
            hide = item[1]
        else:
            out.append(without_times(item))
    return (reply[0], out)


def pending(name, value):
    if name[-1] in (b"pel", b"pending") and len(value) > 1 and isinstance(value[1], list):
        # group's: id, consumer, time, count; consumer's: id, time, count
        return ("*", [("*", [w for i, w in enumerate(entry[1]) if i != len(entry[1]) - 2]) for entry in value[1]])
    return without_times(value)


def excused(words, theirs):
    """Redis takes an error of an earlier conversion for one of its own now and then: it does not reset errno."""
    return str(words[0]).upper() in ("SORT", "SORT_RO") and theirs == ("-", b"ERR One or more scores can't be converted into double")


def comparable_types(words, reply):
    name = str(words[0]).upper()
    whole = len(reply) > 1 and isinstance(reply[1], list)
    if name in UNORDERED and whole:
        return (reply[0], sorted(reply[1]))
    if name == "HGETALL" and whole:
        return (reply[0], sorted(reply[1]) if reply[0] == "%" else in_pairs(reply[1]))
    if name in SCANS and whole and len(reply[1]) == 2 and isinstance(reply[1][1][1], list):
        items = reply[1][1][1]
        return (reply[0], [reply[1][0], sorted(items) if name == "SSCAN" else in_pairs(items)])
    if name == "DUMP" and len(reply) > 1 and reply[1][:1] != b"\x00":
        return ("$", reply[1][:1])  # the type; where elements have no order, neither has the payload
    if name in RANDOM:
        return shape(reply)
    if name == "XINFO":
        return without_times(reply)
    if name == "DEBUG" and len(words) > 2 and str(words[1]).upper() == "HTSTATS-KEY" and reply[0] in "$=":
        return ("$",)
    if name == "XPENDING" and whole and len(words) > 3 and reply[1] and len(reply[1][0]) > 1 and isinstance(reply[1][0][1], list):
        return ("*", [("*", [w for i, w in enumerate(entry[1]) if i != 2]) for entry in reply[1]])
    if name in ("SORT", "SORT_RO") and whole:
        # Redis compares with strcoll(), to which a text ends at its first zero byte: those that differ behind it are equal.
        return ("sorted", sorted(repr((item[0], *(text.split(b"\0")[0] for text in item[1:]))) for item in reply[1]))
    return None
