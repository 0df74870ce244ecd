// Whole hashes: HKEYS, HVALS, HGETALL, HRANDFIELD, HSCAN.
#include <string>
#include <unordered_set>
#include <vector>

#include "common/base/text.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/hash_edit.h"
#include "node/commands/random_picks.h"
#include "node/commands/scan_options.h"

namespace holdfast::node::handlers {

void hkeys(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.array(0);
  const int64_t before = call.keys.hidden_before_ms();
  call.reply.array(found.object->visible(before));
  found.object->for_each([&](std::string_view field, std::string_view, int64_t) { call.reply.bulk(field); }, before);
}

void hvals(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.array(0);
  const int64_t before = call.keys.hidden_before_ms();
  call.reply.array(found.object->visible(before));
  found.object->for_each([&](std::string_view, std::string_view value, int64_t) { call.reply.bulk(value); }, before);
}

void hgetall(Call& call) {
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return call.reply.map(0);
  const int64_t before = call.keys.hidden_before_ms();
  call.reply.map(found.object->visible(before));
  found.object->for_each(
      [&](std::string_view field, std::string_view value, int64_t) {
        call.reply.bulk(field);
        call.reply.bulk(value);
      },
      before);
}

namespace {

class RandomFields {
 public:
  RandomFields(Call& call, const HashObject* hash, bool with_values)
      : call_(call), hash_(hash), with_values_(with_values), before_(call.keys.hidden_before_ms()) {}

  // Any field so many times.
  void repeated(uint64_t count) {
    begin(count);
    HashObject::Scratch field, value;
    for (; count > 0; --count) {
      const auto [name, text] = hash_->random(call_.node.random(), field, value, before_);
      one(name, text);
    }
  }

  // Different ones.
  void distinct(size_t count) {
    const size_t size = hash_->visible(before_);
    if (count >= size) {
      begin(size);
      hash_->for_each([&](std::string_view field, std::string_view value, int64_t) { one(field, value); }, before_);
    } else if (hash_->table() != nullptr && count * 3 < size) {
      draw(count);
    } else {
      choose(size, count);
    }
  }

 private:
  void begin(size_t count) {
    call_.reply.array(with_values_ && call_.reply.protocol() == 2 ? count * 2 : count);
  }
  void one(std::string_view field, std::string_view value) {
    if (with_values_ && call_.reply.protocol() > 2) call_.reply.array(2);
    call_.reply.bulk(field);
    if (with_values_) call_.reply.bulk(value);
  }
  // Few out of many: until there are enough.
  void draw(size_t count) {
    begin(count);
    std::unordered_set<std::string_view> known;
    HashObject::Scratch field, value;
    while (known.size() < count) {
      const auto [name, text] = hash_->random(call_.node.random(), field, value, before_);
      if (known.insert(name).second) one(name, text);
    }
  }
  // Many, or out of few: those of the numbers drawn.
  void choose(size_t size, size_t count) {
    std::vector<bool> chosen(size);
    for (const size_t number : distinct_numbers(call_.node.random(), size, count)) chosen[number] = true;
    begin(count);
    size_t number = 0;
    hash_->for_each(
        [&](std::string_view field, std::string_view value, int64_t) {
          if (chosen[number++]) one(field, value);
        },
        before_);
  }

  Call& call_;
  const HashObject* hash_;
  bool with_values_;
  int64_t before_;
};

}  // namespace

void hrandfield(Call& call) {
  int64_t count = 0;
  if (call.argc() > 2) {
    const auto given = read_integer_in(call, call.args[2], -INT64_MAX, INT64_MAX,
                                       "ERR value is out of range, value must between -9223372036854775807 and "
                                       "9223372036854775807");
    if (!given) return;
    count = *given;
    if (call.argc() > 4 || (call.argc() == 4 && !iequals(call.args[3], "WITHVALUES"))) {
      return call.reply.error(kSyntaxError);
    }
    if (call.argc() == 4 && (count < -INT64_MAX / 2 || count > INT64_MAX / 2)) {
      return call.reply.error("ERR value is out of range");
    }
  }
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  const bool none = found.object == nullptr || found.object->visible(call.keys.hidden_before_ms()) == 0;
  if (call.argc() == 2) {
    if (none) return call.reply.null();
    HashObject::Scratch field, value;
    return call.reply.bulk(
        found.object->random(call.node.random(), field, value, call.keys.hidden_before_ms()).first);
  }
  if (none || count == 0) return call.reply.array(0);
  RandomFields fields(call, found.object, call.argc() == 4);
  count < 0 ? fields.repeated(static_cast<uint64_t>(-count)) : fields.distinct(static_cast<size_t>(count));
}

void hscan(Call& call) {
  ScanOptions options;
  if (!parse_scan_cursor(call, call.args[2], options)) return;
  const auto found = read_object<HashObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return reply_empty_scan(call);
  if (!parse_scan_options(call, 3, ScanOf::elements, options)) return;
  reply_scan(call, options, true, [&](uint64_t cursor, const VisitElement& visit) {
    return found.object->scan(cursor, visit, call.keys.hidden_before_ms());
  });
}

}  // namespace holdfast::node::handlers
