// Values of all types through DUMP and RESTORE, held against what a real redis-server 7.0 writes.
#include <gtest/gtest.h>


#include "common/base/text.h"
#include "node/collections/hash_object.h"
#include "node/collections/list_object.h"
#include "node/collections/set_object.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"
#include "node/commands/digest.h"
#include "node/persistence/aof_value_commands.h"
#include "node/persistence/dump_payload.h"
#include "tests/support/golden_payloads.h"
#include "tests/support/payload_footer.h"
#include "tests/support/value_reading.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::node::testing {
namespace {

using namespace std::string_literals;
using test::call;
using test::from_hex;
using test::GoldenPayload;
using test::kGoldenLimits;
using test::kGoldenPayloads;
using test::sealed;

class ValueCodecs : public NodeTest {
 protected:
  ValueCodecs() {
    config.encodings = kGoldenLimits;
    node.configure(config);
  }
  std::string restore(std::string_view key, const std::string& payload) {
    return call(node, client, {"RESTORE", std::string(key), "0", payload, "REPLACE"});
  }
  const Entry* entry(std::string_view key) { return node.keys().find_raw(0, key); }
  // The commands that make the value, words separated by spaces, commands by '|'.
  std::string commands(std::string_view key) {
    StringSink sink;
    CommandOutput out(sink);
    put_value_commands(out, "", entry(key)->value());
    (void)out.flush();
    std::string shown;
    bool text = false, first = true;
    for (const std::string_view line : split(sink.text(), '\n')) {
      const std::string_view bare = line.substr(0, line.empty() ? 0 : line.size() - 1);
      if (text) {
        if (!bare.empty() || !first) shown += (first ? "" : " ") + std::string(bare);
        first = false;
      } else if (bare.starts_with('*')) {
        shown += shown.empty() ? "" : "|";
        first = true;
      }
      text = !text && bare.starts_with('$');
    }
    return shown;
  }
  // Of the fields a, b and c of a hash.
  std::string expiries(std::string_view key) {
    std::string text;
    const auto& hash = static_cast<const HashObject&>(*entry(key)->object());
    HashObject::Scratch scratch;
    for (const std::string_view field : {"a", "b", "c"}) {
      const auto found = hash.find(field, scratch);
      if (!text.empty()) text += ' ';
      text += !found ? "absent" : found->expires_ms == HashObject::kNoExpiry ? "none" : std::to_string(found->expires_ms);
    }
    return text;
  }
  std::string digest(std::string_view key) { return to_hex(value_digest(entry(key))); }
};

TEST_F(ValueCodecs, ReadsWhatRedisWrites) {
  for (const GoldenPayload& golden : kGoldenPayloads) {
    ASSERT_EQ(restore(golden.name, from_hex(golden.hex)), "+OK\r\n") << golden.name;
    const Entry* value = entry(golden.name);
    ASSERT_NE(value, nullptr) << golden.name;
    EXPECT_EQ(type_name(value->type()), golden.type) << golden.name;
    EXPECT_EQ(value->value().encoding(), golden.encoding) << golden.name;
    EXPECT_EQ(digest(golden.name), golden.digest) << golden.name;
  }
}

// Where Redis has no order of its own, the elements may come in another: then the sizes are equal.
TEST_F(ValueCodecs, WritesWhatRedisWrites) {
  for (const GoldenPayload& golden : kGoldenPayloads) {
    const std::string payload = from_hex(golden.hex);
    ASSERT_EQ(restore(golden.name, payload), "+OK\r\n") << golden.name;
    const std::string written = dump_payload(entry(golden.name)->value(), true);
    if (golden.encoding == "hashtable") {
      EXPECT_EQ(written.size(), payload.size()) << golden.name;
      EXPECT_EQ(written[0], payload[0]) << golden.name;
    } else {
      EXPECT_EQ(written, payload) << golden.name;
    }
  }
}

TEST_F(ValueCodecs, ValuesTakeTheFormThatTheLimitsAskFor) {
  config.encodings = {};
  node.configure(config);
  const std::map<std::string_view, std::string_view> others = {
      {"set_integers", "intset"}, {"zset_large", "listpack"}, {"hash_large", "listpack"}};
  for (const GoldenPayload& golden : kGoldenPayloads) {
    ASSERT_EQ(restore(golden.name, from_hex(golden.hex)), "+OK\r\n") << golden.name;
    const auto other = others.find(golden.name);
    EXPECT_EQ(entry(golden.name)->value().encoding(), other == others.end() ? golden.encoding : other->second)
        << golden.name;
    EXPECT_EQ(digest(golden.name), golden.digest) << golden.name;
  }
  config.encodings = {.hash_entries = 1, .set_intset_entries = 1, .zset_entries = 1};
  node.configure(config);
  for (const auto& [name, encoding] : std::map<std::string_view, std::string_view>{
           {"intset_16", "hashtable"}, {"zset_small", "skiplist"}, {"hash_small", "hashtable"}}) {
    for (const GoldenPayload& golden : kGoldenPayloads) {
      if (golden.name != name) continue;
      restore(name, from_hex(golden.hex));
      EXPECT_EQ(entry(name)->value().encoding(), encoding) << name;
      EXPECT_EQ(digest(name), golden.digest) << name;
    }
  }
}

TEST_F(ValueCodecs, ComeBackFromTheirPayloadsLargeOrSmall) {
  for (const int count : {1, 3, 5, 70, 700}) {
    auto list = std::make_unique<ListObject>();
    auto set = std::make_unique<SetObject>(), integers = std::make_unique<SetObject>();
    auto zset = std::make_unique<ZsetObject>();
    auto hash = std::make_unique<HashObject>();
    auto stream = std::make_unique<StreamObject>();
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i * 1009), text = "element " + std::string(static_cast<size_t>(i), 'x');
      list->push(ListObject::End::tail, i % 2 ? number : text, {.fill = kGoldenLimits.list_node});
      set->add(text, kGoldenLimits);
      integers->add(number, kGoldenLimits);
      zset->set(text, i / 3.0, kGoldenLimits);
      hash->set("f" + number, text, kGoldenLimits);
      const std::array<std::string_view, 4> fields = {"field", text, "other", number};
      stream->append({static_cast<uint64_t>(i) * 1009, 7}, fields, {.node_entries = 4});
    }
    const auto put = [&](std::string_view key, std::unique_ptr<Object> object) {
      node.keys().set(0, key, Value::object(std::move(object)));
    };
    put("list", std::move(list)), put("set", std::move(set)), put("integers", std::move(integers));
    put("zset", std::move(zset)), put("hash", std::move(hash)), put("stream", std::move(stream));
    for (const std::string_view key : {"list", "set", "integers", "zset", "hash", "stream"}) {
      ASSERT_NE(entry(key), nullptr) << key;
      for (const bool compression : {true, false}) {
        ASSERT_EQ(restore("copy", dump_payload(entry(key)->value(), compression)), "+OK\r\n") << key;
        EXPECT_EQ(digest("copy"), digest(key)) << key << " of " << count;
        EXPECT_EQ(entry("copy")->value().encoding(), entry(key)->value().encoding()) << key;
      }
    }
  }
}

TEST_F(ValueCodecs, FieldsKeepTheirExpiries) {
  auto hash = std::make_unique<HashObject>();
  for (const std::string_view field : {"a", "b", "c"}) hash->set(field, "1", kGoldenLimits);
  node.keys().set(0, "hash", Value::borrowed_object(*hash));
  const std::string plain = dump_payload(entry("hash")->value(), true);
  EXPECT_EQ(plain[plain.size() - 10], 10);
  const int64_t soon = to_unix_ms(clock.wall_now()) + 100'000;
  hash->set_expiry("a", soon);
  hash->set_expiry("b", soon + 7);
  node.keys().set(0, "hash", Value::object(std::move(hash)));
  const std::string payload = dump_payload(entry("hash")->value(), true);
  EXPECT_EQ(payload[0], 24);
  EXPECT_EQ(payload[payload.size() - 10], 12);
  ASSERT_EQ(restore("copy", payload), "+OK\r\n");
  EXPECT_EQ(digest("copy"), digest("hash"));
  EXPECT_EQ(expiries("copy"), fmt::format("{} {} none", soon, soon + 7));
  EXPECT_TRUE(node.keys().has_element_expiry());
}

// --- What old versions wrote, made by hand from the formats' descriptions ---

std::string little_endian(uint64_t number, size_t bytes) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) text += static_cast<char>(number >> (8 * i));
  return text;
}
std::string text_of(const std::string& text) { return static_cast<char>(text.size()) + text; }  // of up to 63 bytes

// Entries without their first byte, the length of the one before.
std::string ziplist(const std::vector<std::string>& entries) {
  std::string body;
  size_t before = 0, last = 10;
  for (const std::string& entry : entries) {
    last = 10 + body.size();
    body += static_cast<char>(before);
    body += entry;
    before = 1 + entry.size();
  }
  return little_endian(10 + body.size() + 1, 4) + little_endian(last, 4) + little_endian(entries.size(), 2) + body + '\xff';
}

const std::vector<std::string> kZiplistEntries = {
    "\x01"s + "a",       "\xf4"s,                       "\xfe\x80"s,
    "\xc0\x00\x80"s,     "\xf0\x00\x00\x80"s,           "\xd0\x00\x00\x00\x80"s,
    "\xe0"s + "\x00\x00\x00\x00\x00\x00\x00\x80"s,      "\x40\x46"s + std::string(70, 'y'),
};
const std::string kZiplistTexts =
    "a 3 -128 -32768 -8388608 -2147483648 -9223372036854775808 " + std::string(70, 'y');

TEST_F(ValueCodecs, OldListsLoad) {
  const std::string block = ziplist(kZiplistEntries);
  const std::string as_string = "\x40"s + static_cast<char>(block.size()) + block;
  ASSERT_GT(block.size(), 63u);
  EXPECT_EQ(restore("plain", sealed("\x01\x03"s + text_of("a") + "\xc0\x05"s + text_of("b"))), "+OK\r\n");
  EXPECT_EQ(commands("plain"), "RPUSH  a 5 b");
  EXPECT_EQ(restore("ziplist", sealed("\x0a"s + as_string)), "+OK\r\n");
  EXPECT_EQ(commands("ziplist"), "RPUSH  " + kZiplistTexts);
  EXPECT_EQ(restore("quicklist", sealed("\x0e\x02"s + as_string + text_of(ziplist({"\xf1"s})))), "+OK\r\n");
  EXPECT_EQ(commands("quicklist"), "RPUSH  " + kZiplistTexts + " 0");
}

TEST_F(ValueCodecs, OldHashesLoad) {
  EXPECT_EQ(restore("zipmap", sealed("\x09"s + text_of("\x02\x01"s + "a" + "\x01\x02"s + "bxx" + "\x01"s + "c" + "\x00\x00\xff"s))),
            "+OK\r\n");
  EXPECT_EQ(commands("zipmap"), "HMSET  a b c ");
  EXPECT_EQ(restore("ziplist", sealed("\x0d"s + text_of(ziplist({"\x01"s + "f", "\xfe\x10"s, "\x01"s + "g", "\x01"s + "h"})))), "+OK\r\n");
  EXPECT_EQ(commands("ziplist"), "HMSET  f 16 g h");
  EXPECT_EQ(run("OBJECT ENCODING ziplist"), "$8|listpack|");
}

TEST_F(ValueCodecs, OldSortedSetsLoad) {
  EXPECT_EQ(restore("text", sealed("\x03\x03"s + text_of("a") + text_of("1.5") + text_of("b") + "\xfe"s + text_of("c") + "\xff"s)),
            "+OK\r\n");
  EXPECT_EQ(commands("text"), "ZADD  -inf c 1.5 a inf b");
  EXPECT_EQ(restore("ziplist", sealed("\x0c"s + text_of(ziplist({"\x01"s + "f", "\xf3"s, "\x01"s + "g", "\x03"s + "2.5"})))), "+OK\r\n");
  EXPECT_EQ(commands("ziplist"), "ZADD  2 f 2.5 g");
  EXPECT_EQ(restore("nan", sealed("\x03\x01"s + text_of("a") + "\xfd"s)), "-ERR Bad data format\r\n");
}

// A listpack of texts of up to 63 bytes and integers of up to 127.
std::string listpack(const std::vector<std::string>& elements) {
  std::string body;
  for (const std::string& element : elements) body += element;
  return little_endian(6 + body.size() + 1, 4) + little_endian(elements.size(), 2) + body + '\xff';
}
std::string packed(const std::string& text) { return static_cast<char>(0x80 + text.size()) + text + static_cast<char>(text.size() + 1); }
std::string packed(int64_t number) {  // as 64 bits
  return "\xf4"s + little_endian(static_cast<uint64_t>(number), 8) + "\x09"s;
}

TEST_F(ValueCodecs, SetsOfRedis72Load) {
  EXPECT_EQ(restore("set", sealed("\x14"s + text_of(listpack({packed("a"), packed("b"), packed(5)})), 11)), "+OK\r\n");
  EXPECT_EQ(run("SCARD set"), ":3|");
  EXPECT_EQ(run("SISMEMBER set 5"), ":1|");
  EXPECT_EQ(restore("set", sealed("\x14"s + text_of(listpack({packed("a"), packed("a")})), 11)), "-ERR Bad data format\r\n");
}

TEST_F(ValueCodecs, HashesOfRedis74Load) {
  const int64_t now = to_unix_ms(clock.wall_now());
  const std::string earliest = little_endian(static_cast<uint64_t>(now + 5000), 8);
  const std::string expected = fmt::format("{} {} none", now + 5000, now + 5063);
  const auto fields = [&](const std::string& a, const std::string& b) {
    return "\x03"s + a + text_of("a") + text_of("1") + b + text_of("b") + text_of("2") + "\x00"s + text_of("c") + text_of("3");
  };
  EXPECT_EQ(restore("metadata", sealed("\x18"s + earliest + fields("\x01", "\x40\x40"), 12)), "+OK\r\n");
  EXPECT_EQ(expiries("metadata"), expected);
  const auto big_endian = [](int64_t number) {
    std::string text = "\x81";
    for (int i = 7; i >= 0; --i) text += static_cast<char>(number >> (8 * i));
    return text;
  };
  EXPECT_EQ(restore("pre", sealed("\x16"s + fields(big_endian(now + 5000), big_endian(now + 5063)), 12)), "+OK\r\n");
  EXPECT_EQ(expiries("pre"), expected);
  const std::string block = listpack({packed("a"), packed("1"), packed(now + 5000), packed("b"), packed("2"), packed(now + 5063),
                                      packed("c"), packed("3"), packed(0)});
  const std::string as_string = "\x40"s + static_cast<char>(block.size()) + block;
  EXPECT_EQ(restore("listpack", sealed("\x19"s + earliest + as_string, 12)), "+OK\r\n");
  EXPECT_EQ(expiries("listpack"), expected);
  EXPECT_EQ(restore("pre_listpack", sealed("\x17"s + as_string, 12)), "+OK\r\n");
  EXPECT_EQ(expiries("pre_listpack"), expected);
  // Expiries beyond what a field can have, and a sum that wraps round.
  EXPECT_EQ(restore("far", sealed("\x16"s + fields(big_endian(INT64_MAX), "\x00"s), 12)), "-ERR Bad data format\r\n");
  EXPECT_EQ(restore("far", sealed("\x18"s + std::string(8, '\xff') + fields("\x02", "\x00"s), 12)), "-ERR Bad data format\r\n");
}

std::string stream_of(char type) {
  const std::string block = listpack({"\x01\x01"s, "\x00\x01"s, "\x01\x01"s, packed("f"), "\x00\x01"s, "\x02\x01"s, "\x00\x01"s,
                                      "\x00\x01"s, packed("v"), "\x04\x01"s});
  const std::string id = std::string(7, '\0') + "\x05"s + std::string(7, '\0') + "\x01"s;
  const bool later = type != 15;
  return std::string(1, type) + "\x01"s + text_of(id) + text_of(block) + "\x01\x05\x01"s +
         (later ? "\x05\x01\x00\x00\x01"s : "") + "\x01"s + text_of("g") + "\x05\x01"s + (later ? "\x01"s : "") + "\x01"s + id +
         little_endian(1000, 8) + "\x03"s + "\x01"s + text_of("c") + little_endian(2000, 8) +
         (type == 21 ? little_endian(1500, 8) : "") + "\x01"s + id;
}

TEST_F(ValueCodecs, StreamsOfEveryVersionLoad) {
  for (const char type : {15, 19, 21}) {
    ASSERT_EQ(restore("stream", sealed(stream_of(type), 11)), "+OK\r\n") << int{type};
    EXPECT_EQ(commands("stream"), "XADD  5-1 f v|XSETID  5-1 ENTRIESADDED 1 MAXDELETEDID 0-0|"
        "XGROUP CREATE  g 5-1 ENTRIESREAD 1|XGROUP CREATECONSUMER  g c|"
        "XCLAIM  g c 0 5-1 TIME 1000 RETRYCOUNT 3 JUSTID FORCE");
  }
}

TEST_F(ValueCodecs, AStreamSetBackBehindItsDeletedEntriesIsRewrittenInTwoSteps) {
  run("XADD x 5-1 f v");
  run("XDEL x 5-1");
  run("XSETID x 1-1");
  EXPECT_EQ(commands("x"), "XADD  MAXLEN 0 1-1 x y|XSETID  5-1 ENTRIESADDED 1 MAXDELETEDID 5-1|XSETID  1-1");
}

// --- Refusals ---

TEST_F(ValueCodecs, ElementsTwiceAreRefused) {
  const std::vector<std::string> twice = {
      "\x02\x02"s + text_of("a") + text_of("a"),
      "\x04\x02"s + text_of("f") + text_of("1") + text_of("f") + text_of("2"),
      "\x05\x02"s + text_of("m") + std::string(8, '\0') + text_of("m") + std::string(8, '\0'),
      "\x10"s + text_of(listpack({packed("f"), packed("1"), packed("f"), packed("2")})),
      "\x11"s + text_of(listpack({packed("m"), packed(1), packed("m"), packed(2)})),
      "\x0d"s + text_of(ziplist({"\x01"s + "f", "\xf1"s, "\x01"s + "f", "\xf1"s})),
      "\x0c"s + text_of(ziplist({"\x01"s + "f", "\xf1"s, "\x01"s + "f", "\xf1"s})),
      "\x09"s + text_of("\x02\x01"s + "a" + "\x01\x00"s + "b" + "\x01"s + "a" + "\x00\x00\xff"s),
  };
  for (const std::string& body : twice) EXPECT_EQ(restore("key", sealed(body)), "-ERR Bad data format\r\n") << int{body[0]};
  EXPECT_EQ(run("EXISTS key"), ":0|");
}

TEST_F(ValueCodecs, CollectionsWithoutElementsAreRefused) {
  for (const std::string& body : {"\x01\x00"s, "\x02\x00"s, "\x03\x00"s, "\x04\x00"s, "\x05\x00"s, "\x0e\x00"s, "\x12\x00"s,
                                  "\x0a"s + text_of(ziplist({})), "\x10"s + text_of(listpack({})), "\x11"s + text_of(listpack({})),
                                  "\x0b"s + text_of(little_endian(2, 4) + little_endian(0, 4)),
                                  "\x12\x01\x02"s + text_of(listpack({}))}) {
    EXPECT_EQ(restore("key", sealed(body)), "-ERR Bad data format\r\n") << int{body[0]};
  }
}

TEST_F(ValueCodecs, CountsBeyondThePayloadAreRefused) {
  for (const char type : {1, 2, 3, 4, 5, 14, 15, 18, 19, 21, 22}) {
    for (const std::string& count : {"\x80\xff\xff\xff\xff"s, "\x81\x7f\xff\xff\xff\xff\xff\xff\xff"s}) {
      EXPECT_EQ(restore("key", sealed(type + count)), "-ERR Bad data format\r\n") << int{type};
    }
  }
}

TEST_F(ValueCodecs, ModulesAreRefused) {
  for (const char type : {6, 7}) EXPECT_EQ(restore("key", sealed(type + "\x01\x00"s)), "-ERR Bad data format\r\n");
}

// Whatever single byte is wrong: a refusal, or a value that can be read, changed and written like any other.
TEST_F(ValueCodecs, DamagedPayloadsAreRefusedOrSound) {
  size_t refused = 0, taken = 0;
  for (const GoldenPayload& golden : kGoldenPayloads) {
    const std::string payload = from_hex(golden.hex);
    const std::string body = payload.substr(0, payload.size() - test::kFooterBytes);
    for (size_t i = 0; i < body.size(); ++i) {
      for (const unsigned flip : {0x01u, 0x10u, 0x80u, 0xffu}) {
        std::string damaged = body;
        damaged[i] = static_cast<char>(static_cast<unsigned char>(damaged[i]) ^ flip);
        const std::string reply = restore("key", sealed(damaged));
        if (reply != "+OK\r\n") {
          ASSERT_EQ(reply, "-ERR Bad data format\r\n") << golden.name << " byte " << i;
          ++refused;
          continue;
        }
        ++taken;
        ASSERT_EQ(test::read_everything(node, client, "key"), "") << golden.name << " byte " << i << " flipped " << flip;
        const std::string again = dump_payload(entry("key")->value(), true);
        ASSERT_EQ(restore("again", again), "+OK\r\n") << golden.name << " byte " << i << " flipped " << flip;
        ASSERT_EQ(digest("again"), digest("key")) << golden.name << " byte " << i << " flipped " << flip;
        test::change_everything(node, client, "key");
      }
    }
  }
  EXPECT_GT(refused, 500u);
  EXPECT_GT(taken, 500u);
}

}  // namespace
}  // namespace holdfast::node::testing
