// Fuzzes RESTORE: any bytes, with the footer that makes them a payload. Beside the sanitizers' findings it is one when
// a value that was taken does not survive DUMP and RESTORE, the commands of a rewritten log or a read, or when the
// keyspace's account of memory is not what it was once the value has gone.
#include <cmath>

#include "common/base/text.h"
#include "node/collections/stream_object.h"
#include "node/collections/zset_object.h"
#include "node/commands/digest.h"
#include "node/persistence/aof_value_commands.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/dump_payload.h"
#include "tests/fuzz/command_mutator.h"
#include "tests/fuzz/data_text.h"
#include "tests/fuzz/fuzz_targets.h"
#include "tests/support/payload_footer.h"
#include "tests/support/value_reading.h"
#include "tests/unit/node/commands/node_fixture.h"

namespace holdfast::fuzz {
namespace {

using node::test::call;
using node::testing::NodeTest;

[[noreturn]] void found(const std::string& what) { throw Finding(what); }

// A minus zero is kept or not by the order in which the elements of a small sorted set come, as in Redis.
bool has_minus_zero(const node::Entry& entry) {
  if (entry.type() != node::ValueType::zset) return false;
  bool found = false;
  static_cast<const node::ZsetObject*>(entry.object())->for_each([&](std::string_view, double score) {
    found = found || (score == 0 && std::signbit(score));
  });
  return found;
}

// A stream of a damaged payload may say that fewer entries were ever added than there are, which no command can.
bool has_possible_counts(const node::Entry& entry) {
  if (entry.type() != node::ValueType::stream) return true;
  const auto& stream = static_cast<const node::StreamObject&>(*entry.object());
  return stream.entries_added() >= stream.size() && stream.entries_added() <= INT64_MAX;
}

class Subject final : public NodeTest {
 public:
  Subject() {
    node::NodeConfig changed = config;
    changed.encodings = {
        .hash_entries = 4, .list_node = 4, .set_intset_entries = 4, .zset_entries = 4, .stream_node_entries = 4};
    node.configure(changed);
  }
  void TestBody() override {}

  void check(const std::string& body) {
    const size_t before = bytes_of_keys();
    const std::string reply = call(node, client, {"RESTORE", "key", "0", node::test::sealed(body, 12)});
    if (reply != "+OK\r\n") {
      if (reply != "-ERR Bad data format\r\n") found("another reply than a refusal");
      return;
    }
    const node::Entry* entry = node.keys().find_raw(0, "key");
    if (entry == nullptr) found("no key after OK");
    const std::string digest = node::to_hex(node::value_digest(entry));
    const std::string payload = node::dump_payload(entry->value(), true);
    if (!node::test::read_everything(node, client, "key").empty()) found("a read was not answered");
    if (call(node, client, {"RESTORE", "again", "0", payload, "REPLACE"}) != "+OK\r\n")
      found("its own payload is refused");
    const bool same = node::to_hex(node::value_digest(node.keys().find_raw(0, "again"))) == digest;
    if (!same && !has_minus_zero(*node.keys().find_raw(0, "key"))) found("its own payload is another value");
    if (has_possible_counts(*node.keys().find_raw(0, "key"))) check_rewrite(*node.keys().find_raw(0, "key"));
    node::test::change_everything(node, client, "key");
    call(node, client, {"DEL", "key", "again"});
    if (bytes_of_keys() != before) found("memory is accounted for that has gone");
    session_is_clean();
  }

 private:
  // The commands that a rewritten log holds make the same value. Of a stream's groups they cannot say all: no XCLAIM
  // makes an entry pending that has been deleted.
  void check_rewrite(const node::Entry& entry) {
    node::StringSink sink;
    node::CommandOutput out(sink);
    node::put_value_commands(out, "again", entry.value());
    if (!out.flush()) found("a rewrite fails");
    const auto text_of = [](const node::Entry& of) {
      const std::string text = value_text(of);
      return of.type() == node::ValueType::stream ? text.substr(0, text.find("; group")) : text;
    };
    const std::string before = text_of(entry);
    const bool minus_zero = has_minus_zero(entry);
    call(node, client, {"DEL", "again"});
    for (const Request& request : parse_requests(sink.text())) {
      const std::vector<std::string_view> args(request.begin(), request.end());
      if (!node.execute_from_log(client, args)) found("a rewrite with an unknown command");
    }
    const node::Entry* again = node.keys().find_raw(0, "again");
    const std::string after = again == nullptr ? "nothing" : text_of(*again);
    if (after != before && !minus_zero) {
      found(fmt::format("rewritten\n{}\nbecomes\n{}\nafter {}", before, after, holdfast::quoted(sink.text())));
    }
  }
  // Without the index, which need not shrink.
  size_t bytes_of_keys() { return node.keys().memory_bytes(0) - node.keys().index_bytes(0); }
  void session_is_clean() {
    log.lines.clear();
    replication.stream.lines.clear();
  }
};

}  // namespace

void fuzz_restore(std::string_view input) {
  static Subject subject;
  subject.check(std::string(input));
}

}  // namespace holdfast::fuzz
