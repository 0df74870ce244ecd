"""Users and their permissions at a node and at a sentinel of ours, beside Debian's redis-server and redis-sentinel: the same
requests, the same replies, type by type and over RESP2 and RESP3.

With --kind redis both are Redis's: that proves the tests. What differs on purpose is in docs/differences.md: the order of
the commands of a category, and that rules are shown as they were given where Redis 7.0 makes up others of the same effect.
"""

import re
import shlex

import pytest

from differential import Bare
from harness import REDIS, Workspace, poll

HASH = "c" * 64
VOLATILE = [("$", b"age-seconds"), ("$", b"id")]
USUAL = [
    "ACL WHOAMI", "ACL USERS", "ACL LIST", "ACL GETUSER default", "ACL GETUSER none", "ACL CAT", "ACL CAT nope", "ACL CAT a b", "ACL",
    "ACL FOO", "ACL HELP", "ACL WHOAMI x", "ACL GENPASS x", "ACL GENPASS 0", "ACL GENPASS -5", "ACL GENPASS 4097", "ACL GENPASS 5 5",
    "ACL LOG", "ACL LOG x", "ACL LOG -1", "ACL LOG RESET", "ACL LOG 1 2", "ACL SAVE", "ACL LOAD", "ACL DELUSER", "ACL DELUSER none",
    "ACL DELUSER default", "ACL SETUSER", "ACL SETUSER 'a b'", "ACL DRYRUN default ping", "ACL DRYRUN none ping", "ACL DRYRUN default foo",
    "ACL DRYRUN default client", "ACL DRYRUN default client foo", "ACL DRYRUN default client list", "ACL DRYRUN default", "CLIENT KILL USER none",
    "AUTH nobody x", "AUTH x", "AUTH default x", "HELLO 2 AUTH nobody x", "CLIENT KILL USER default",
]  # fmt: skip
# Rules of one user, each followed by a look at it.
RULES = [
    "", "on >pw", "foo", "+foo", "-foo", "+@foo", "<nope", f"!{HASH}", "!12", "#12", f"#{HASH.upper()}", "~* ~foo", "allkeys ~foo",
    "'&*' '&foo'", "'~a b'", "'&a b'", "%X~foo", "%~foo", "%RR~x", "%", "''", "+", "-", "+@", "'+a|b|c'", "'+ping|x|y'", "+ping|x", "-ping|x",
    "+client|foo", "+client|", "'+client|list|x'", "-client|foo", "'(+ping'", "'(+ping' '~x)' '(+info &x)'", "'(foo)'", "'(+foo)'",
    "'()'", "'(on)'", "'(>pw)'", "'(+ping)x'", "clearselectors", "ON NoPass ALLKEYS AllChannels ALLCOMMANDS", "reset",
    f"off >p1 >p2 >p1 <p1 #{HASH}", f"!{HASH} nopass", "resetpass skip-sanitize-payload", "sanitize-payload",
    "%R~r* %W~w* %RW~rw* %WR~wr* ~x* ~x* %R~x* &c1 &c2 &c1", "resetkeys resetchannels", "reset +@all -@dangerous", "reset +@connection",
    "reset +@all -client|kill", "reset +ping", "reset +@all -@all", "reset +@all -@connection +ping",
    "reset +@CONNECTION +PING", "reset +@dangerous -@dangerous", "reset +ping +ping", "reset +client|list -client|list", "reset +ping|a",
    "reset +auth|foo +auth|bar", "reset +ping|a +ping", "reset +@all +ping|a", "reset +@pubsub -subscribe +subscribe",
    "reset nocommands +ping", "reset allcommands -ping", "reset +acl|whoami +acl|list -acl|list", "reset +ping -ping", "reset -@all +@all",
    "reset +@admin -@admin +ping", "reset +@all -@admin -acl +acl|whoami",
]  # fmt: skip
# What a user with few permissions gets for it.
FEW = "on >few +ping +hello +subscribe +psubscribe +publish +acl|whoami +command|count &foo &ba*"
REFUSED = [
    "ACL WHOAMI", "INFO", "CLIENT LIST", "CLIENT FOO", "COMMAND", "COMMAND COUNT x", "PUBLISH __sentinel__:hello x", "SUBSCRIBE zed",
    "SUBSCRIBE foo zed", "PSUBSCRIBE foo*", "PSUBSCRIBE bar", "UNSUBSCRIBE zed", "SHUTDOWN", "FOO", "PING x y z", "ACL LOG", "ACL WHOAMI x",
    "HELLO", "AUTH few wrong", "AUTH few few", "PSUBSCRIBE ba*", "INFO", "PING", "SUBSCRIBE bar", "UNSUBSCRIBE",
]  # fmt: skip
ASK_AS_NOBODY = [
    "PING", "FOO", "ACL WHOAMI", "HELLO", "HELLO 3", "AUTH", "AUTH x", "AUTH default x", "AUTH nobody x", "AUTH a b c",
    "HELLO 2 AUTH default bad", "HELLO 2 AUTH default", "SUBSCRIBE x", "COMMAND", "AUTH secret", "ACL WHOAMI", "ACL LIST", "ACL GETUSER default",
]  # fmt: skip
AT_A_NODE = "on >keys +@all ~a* %R~r* %W~w* &c"
KEYS = [
    "GET b", "GET r1", "SET r1 x", "SET a1 x", "MGET a1 r1 b", "MSET a1 x w1 y", "MSET a1 x r1 y", "GET w1", "GETSET w1 x", "EXISTS r1 w1",
    "EXISTS b", "TYPE b", "COPY r1 a2", "COPY a1 r1", "SORT r1 STORE w2", "SORT r1 STORE b", "SORT r1 BY w*", "SORT r1 BY nosort", "SORT r1 GET #", "SORT_RO r1 GET w*", "LPUSH a3 x", "LMOVE a3 b LEFT RIGHT",
    "BLPOP b 0", "SINTER a4 b", "SINTERSTORE w3 a4 r4", "ZUNIONSTORE a5 2 r5 b", "ZUNIONSTORE a5 2 r5 a6", "XREAD STREAMS b 0", "OBJECT ENCODING b",
    "OBJECT ENCODING a1", "RENAME a1 b", "DEL r1", "EXPIRE r1 10", "TOUCH b", "PUBLISH z 1", "SPUBLISH z 1", "SSUBSCRIBE z", "BITOP NOT a7 b",
    "GEORADIUS r1 0 0 1 m STORE b", "MULTI", "GET b", "EXEC", "MULTI", "SET a1 y", "PUBLISH z 1", "EXEC", "DBSIZE", "MIGRATE h 1 b 0 1",
    "SUBSCRIBE c d", "WATCH b", "MEMORY USAGE b",
]  # fmt: skip


class Two:
    """Redis's and the one under test, and connections to both."""

    def __init__(self, space, role, conf="", conf_of=None):
        start = space.node if role == "node" else space.sentinel
        conf_of = conf_of or (lambda name: conf)
        self.servers = [start(name, conf_of(name), kind=kind, wait=False) for name, kind in (("theirs", REDIS), ("ours", None))]
        for server in self.servers:
            poll(lambda server=server: Bare(server.port).close() or True, 15, f"{server.name} listens")

    def connect(self, protocol=2):
        connections = [Bare(server.port) for server in self.servers]
        if protocol == 3:
            assert [c.call("HELLO", 3)[0] for c in connections] == ["%", "%"]
        return connections


def comparable(reply):
    if len(reply) == 1:
        return reply
    kind, value = reply
    if kind == "%":
        return (kind, [(comparable(k), "now" if k in VOLATILE else comparable(v)) for k, v in value])
    if kind in "*~>":
        return (kind, ["now" if i and value[i - 1] in VOLATILE else comparable(item) for i, item in enumerate(value)])
    text = value.decode(errors="replace") if isinstance(value, bytes) else value
    return (kind, re.sub(r"^(id=\d+ addr=\S+).*( user=\S+).*$", r"client\2", text, flags=re.S))


def ask(both, line):
    answers = []
    for connection in both:
        try:
            answers.append(comparable(connection.call(*shlex.split(line))))
        except (EOFError, OSError):
            answers.append("closed")
    return answers


def differing(both, lines):
    """{line: (ours, theirs)} where they differ."""
    found = {}
    for i, line in enumerate(lines):
        theirs, ours = ask(both, line)
        if theirs != ours:
            found[f"{i} {line}"] = (ours, theirs)
    return found


@pytest.fixture(scope="module", params=["sentinel", "node"])
def two(request, kind):
    with Workspace(kind) as space:
        yield Two(space, request.param, 'save ""\n' if request.param == "node" else "")


@pytest.mark.parametrize("protocol", [2, 3])
def test_the_subcommands_answer_alike(two, protocol):
    assert differing(two.connect(protocol), USUAL) == {}


def test_rules_have_the_same_errors_and_the_same_effect(two):
    lines = [line for rules in RULES for line in (f"ACL SETUSER alice {rules}", "ACL GETUSER alice", "ACL LIST")]
    assert differing(two.connect(), lines) == {}
    assert differing(two.connect(3), ["ACL SETUSER alice '(+ping ~x)'", "ACL GETUSER alice", "ACL LIST", "ACL DELUSER alice none"]) == {}


def test_rules_shown_otherwise_allow_the_same(two):
    """Redis 7.0 makes up rules anew from what is allowed."""
    both = two.connect()
    names = sorted({item[1] for c in both[:1] for item in c.call("COMMAND", "LIST")[1]})
    names = [n for n in names if n in {item[1] for item in both[1].call("COMMAND", "LIST")[1]}]
    try:
        for rules in ("+@all -client", "+@all -@slow -@dangerous +role", "-@all +@fast +@slow", "+@read +@connection -@fast +ping",
                      "+@all -client +client|list", "+info +ping", "+client|list +client"):
            assert ask(both, f"ACL SETUSER bob reset {rules}") == [("+", "OK")] * 2
            for name in names:
                words = name.decode().replace("|", " ") + " x x x x"
                theirs, ours = ask(both, f"ACL DRYRUN bob {words}")
                if theirs[0] != "-":  # (an arity that does not fit is said first)
                    assert theirs == ours, (rules, words)
    finally:
        ask(both, "ACL DELUSER bob")


def test_what_command_says_of_acl(two):
    """Flags, arity, categories and documentation. Arguments and history are not told."""
    found = []
    for connection in two.connect(3):
        docs = dict(connection.call("COMMAND", "DOCS", "acl")[1])[("$", b"acl")][1]
        told = {}
        for name, fields in dict(docs)[("$", b"subcommands")][1]:
            told[name] = [(k, v) for k, v in fields[1] if k[1] not in (b"arguments", b"history")]
        info = connection.call("COMMAND", "INFO", "acl")[1][0][1]
        found.append(([d for d in docs if d[0][1] != b"subcommands"], told, info[:9], {sub[1][0]: sub[1][1:] for sub in info[9][1]}))
    assert found[0] == found[1]


def test_categories_have_the_same_members(two):
    both = two.connect()
    for category in [item[1].decode() for item in both[0].call("ACL", "CAT")[1]]:
        theirs, ours = ({item[1].decode() for item in c.call("ACL", "CAT", category)[1]} for c in both)
        known = {item[1].decode() for item in both[1].call("COMMAND", "LIST")[1]}
        everything = {item[1].decode() for item in both[0].call("COMMAND", "LIST")[1]}
        assert (ours & everything) == (theirs & known), category


@pytest.mark.parametrize("protocol", [2, 3])
def test_who_may_do_little_is_refused_alike(two, protocol):
    admin, few = two.connect(), two.connect(protocol)
    assert differing(admin, [f"ACL SETUSER few {FEW}", "ACL LOG RESET"]) == {}
    assert differing(few, ["AUTH few few", *REFUSED]) == {}
    logs = [ask([c], "ACL LOG 30")[0] for c in admin]
    assert logs[0] == logs[1]
    assert len(logs[0][1]) > 7
    assert ask(admin, "ACL DELUSER few") == [(":", "1")] * 2
    assert ask(few, "PING") == ["closed"] * 2


def test_clients_of_changed_users_stay_or_go_alike(two):
    admin = two.connect()

    def connected():
        both = two.connect()
        assert ask(both, "AUTH u pw") == [("+", "OK")] * 2
        return both

    assert differing(admin, ["ACL SETUSER u on >pw +@all &foo &ba*"]) == {}
    both = connected()
    assert differing(both, ["SUBSCRIBE bar"]) == {}
    for rules, stays in (("resetchannels &foo &ba*", True), ("allchannels", True), ("resetchannels &foo", False)):
        assert differing(admin, [f"ACL SETUSER u {rules}"]) == {}
        assert (ask(both, "PING")[1] != "closed") == stays, rules
    assert ask(both, "PING") == ["closed"] * 2
    both = connected()
    assert differing(admin, ["ACL SETUSER u off"]) == {}
    assert differing(both, ["PING", "ACL WHOAMI", "AUTH u pw"]) == {}
    assert differing(admin, ["ACL SETUSER u on resetpass >new", "ACL DELUSER u nobody"]) == {}
    assert ask(both, "PING") == ["closed"] * 2
    assert differing(admin, ["ACL SETUSER self on nopass +@all"]) == {}
    both = two.connect()
    assert differing(both, ["AUTH self anything", "ACL DELUSER self"]) == {}
    assert ask(both, "PING") == ["closed"] * 2


@pytest.mark.parametrize("role", ["sentinel", "node"])
def test_a_password_for_the_default_user(kind, role):
    with Workspace(kind) as space:
        two = Two(space, role, "requirepass secret\n")
        assert differing(two.connect(), ASK_AS_NOBODY) == {}
        both = two.connect()
        assert differing(both, ["AUTH default secret", "ACL SETUSER default nopass", "ACL LIST"]) == {}
        assert differing(two.connect(), ["PING", "ACL WHOAMI", "AUTH anything"]) == {}
        assert differing(both, ["ACL SETUSER default off", "PING"]) == {}
        assert differing(two.connect(), ["PING", "AUTH anything", "AUTH default anything"]) == {}


def test_a_password_that_is_taken_back_holds_nobody_any_more(kind):
    with Workspace(kind) as space:
        two = Two(space, "node", "requirepass secret\n")
        before, both = two.connect(), two.connect()
        assert differing(before, ["PING"]) == {}
        assert differing(both, ["AUTH secret", "CONFIG SET requirepass ''"]) == {}
        assert differing(before, ["PING", "ACL WHOAMI"]) == {}
        assert ask(before, "PING") == [("+", "PONG")] * 2
        assert differing(both, ["CONFIG SET requirepass new"]) == {}
        assert differing(before, ["PING"]) == {}
        assert differing(two.connect(), ["PING"]) == {}


def conf_cases(file):
    user_file = f"aclfile {file}\n"
    return [
        ("user a\n", None), ("user a on nopass\n", None), ("user default off\n", None), ("user a +foo\n", None), ("user a +@foo\n", None),
        ("user a (+ping ~x) on\n", None), ("user 'a b' on\n", None), ("user a on\nuser a off\n", None), ("user a on\nuser b on\nuser A on\n", None),
        ("user a on +@all -@dangerous\n", None), ("acl-pubsub-default allchannels\nuser a on\n", None), ("user a on\nacl-pubsub-default allchannels\n", None),
        ("acl-pubsub-default foo\n", None), ("acllog-max-len -1\n", None), ("user default on nopass +@all\nrequirepass y\n", None), ("user\n", None),
        (user_file, None), (user_file, ""), (user_file, "user a on +ping\n"), (user_file, "user a on\nuser a off\n"), (user_file, "foo\n"),
        (user_file, "\n\n user a on >p\n\n"), (user_file, "user a +foo\nuser b foo\nuser c c\n"), (user_file, "user default on nopass ~* +@all"),
        (user_file, "user a (+ping ~x)\n"), (user_file, "user a (+ping\n"), (user_file, "user"), (user_file + "user a on\n", "user b on\n"),
        (user_file + "requirepass foo\n", "user b on\n"),
    ]  # fmt: skip


def outcome(space, name, role, kind, conf):
    """What ACL LIST says, or the words it ended with."""
    start = space.node if role == "node" else space.sentinel
    server = start(name, conf, kind=kind, wait=False)

    def answer():
        if not server.running():
            return "ended"
        try:
            return comparable(Bare(server.port).call("ACL", "LIST"))
        except EOFError:  # Redis listens before it looks at its users
            return None

    found = poll(answer, 15, f"{name} is there")
    if found != "ended":
        server.stop()
        return found
    assert server.wait_exit() == 1
    log = server.log()
    if "FATAL CONFIG FILE ERROR" in log:
        return log.rstrip().splitlines()[-1]
    return [re.sub(r"^.* [#*] ", "", line) for line in log.rstrip().splitlines() if "ACL" in line]


@pytest.mark.parametrize("role", ["sentinel", "node"])
def test_conf_files_and_acl_files_load_or_are_refused_alike(kind, role):
    with Workspace(kind) as space:
        file = space.folder / "users.acl"
        for i, (conf, users) in enumerate(conf_cases(file)):
            file.unlink(missing_ok=True)
            if users is not None:
                file.write_text(users)
            theirs = outcome(space, f"theirs{i}", role, REDIS, conf)
            ours = outcome(space, f"ours{i}", role, None, conf)
            assert ours == theirs, (conf, users)


@pytest.mark.parametrize("role", ["sentinel", "node"])
def test_an_acl_file_is_loaded_and_saved(kind, role):
    with Workspace(kind) as space:
        files = [space.subfolder(name) / "users.acl" for name in ("theirs", "ours")]
        for file in files:
            file.write_text("user b on nopass +@all &*\nuser k on nopass +@all\n")
        two = Two(space, role, conf_of=lambda name: f"aclfile {space.folder / name / 'users.acl'}\n")
        admin = two.connect()
        assert differing(admin, ["ACL LIST", "ACL SETUSER z on >z +ping (+info)", "ACL SAVE"]) == {}
        assert files[0].read_text() == files[1].read_text()
        assert "user z on #" in files[1].read_text()
        k = two.connect()
        assert differing(k, ["AUTH k x", "PING"]) == {}
        for file in files:
            file.write_text("user b on nopass +@all &*\nuser k on nopass +ping\nuser default on >zz +ping\n")
        assert differing(admin, ["ACL LOAD", "PING", "ACL WHOAMI"]) == {}
        assert ask(k, "PING") == ["closed"] * 2
        assert differing(two.connect(), ["PING", "AUTH zz", "PING", "AUTH b x", "ACL LIST"]) == {}
        for file in files:
            file.write_text("user b on nopass +nonsense\nuser c on\nuser c on\n")
        both = two.connect()
        assert differing(both, ["AUTH b x"]) == {}
        errors = [re.sub(r"\S+/(theirs|ours)/", "", answer[1]) for answer in ask(both, "ACL LOAD")]
        assert errors[0] == errors[1]
        assert "no change to the previously active ACL rules was performed" in errors[1]
        assert differing(both, ["ACL LIST"]) == {}


def test_keys_at_a_node(kind):
    with Workspace(kind) as space:
        two = Two(space, "node", 'save ""\n')
        admin, both = two.connect(), two.connect()
        assert differing(admin, [f"ACL SETUSER keys {AT_A_NODE}"]) == {}
        assert differing(both, ["AUTH keys keys", *KEYS]) == {}
        assert differing(admin, [f"ACL DRYRUN keys {line}" for line in KEYS]) == {}
        both = two.connect()
        assert differing(both, ["AUTH keys keys", "MULTI", "PING", "SET a1 x", "GET r1"]) == {}
        assert differing(admin, ["ACL SETUSER keys -set resetkeys ~a*"]) == {}
        assert differing(both, ["EXEC"]) == {}


def listed(connection):
    """Users with their rules in any order; a default user that was read from a file sanitizes payloads expressly."""
    return [sorted(set(item[1].split()) - {b"sanitize-payload"}) for item in connection.call("ACL", "LIST")[1]]


@pytest.mark.ours  # Redis writes the users of the included file into the main one as well, and then refuses it
def test_users_at_a_node_are_written_into_its_conf_file(kind):
    with Workspace(kind) as space:
        (space.subfolder("node") / "more.conf").write_text("user carol on nopass +get\n")
        node = space.node("node", f'save ""\nuser bob on nopass +get ~a\n# a comment\ninclude {space.folder}/node/more.conf\n')
        connection = Bare(node.port)
        for line in ("ACL SETUSER alice on >x +@all -@dangerous ~* (+info)", "ACL SETUSER bob +set", "ACL SETUSER default -debug", "CONFIG REWRITE"):
            assert connection.call(*shlex.split(line)) == ("+", b"OK"), line
        users = listed(connection)
        assert "# a comment" in (node.folder / "node.conf").read_text()
        node.stop()
        node = space.node("node")
        assert listed(Bare(node.port)) == users
        node.stop()
        assert listed(Bare(space.node("node", kind=REDIS).port)) == users  # Redis reads what ours wrote
