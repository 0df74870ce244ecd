// Sorted sets, element by element: ZADD, ZINCRBY, ZREM, ZCARD, ZSCORE, ZMSCORE, ZRANK, ZREVRANK, ZSCAN.
#include <cmath>
#include <vector>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"
#include "node/commands/scan_options.h"
#include "node/commands/zset_ranges.h"

namespace holdfast::node {

void store_zset(Call& call, std::string_view key, std::unique_ptr<ZsetObject> set, std::string_view event) {
  const size_t size = set->size();
  if (size > 0) {
    call.keys.set(call.db(), key, Value::object(std::move(set)));
    call.notify(kNotifyZset, event, key);
  } else if (call.keys.erase(call.db(), key)) {
    call.notify(kNotifyGeneric, "del", key);
  }
  call.reply.integer(static_cast<int64_t>(size));
}

namespace handlers {
namespace {

struct AddOptions {
  bool only_new = false, only_known = false;     // NX, XX
  bool only_greater = false, only_less = false;  // GT, LT
  bool count_changed = false;                    // CH
  bool increment = false;                        // INCR
};

// What became of the elements.
struct AddOutcome {
  size_t added = 0, updated = 0;
  std::optional<double> score;  // of the last that was not passed over
  bool not_a_number = false;
};

void add_one(ZsetObject& set, std::string_view member, double score, const AddOptions& options, const EncodingLimits& limits,
             AddOutcome& outcome) {
  const auto decide = [&](std::optional<double> old) -> std::optional<double> {
    if (old ? options.only_new : options.only_known) return std::nullopt;
    double now = score;
    if (old) {
      if (options.increment) now += *old;
      if (std::isnan(now)) {
        outcome.not_a_number = true;
        return std::nullopt;
      }
      if ((options.only_less && now >= *old) || (options.only_greater && now <= *old)) return std::nullopt;
    }
    outcome.score = now;
    return now;
  };
  const auto change = set.change(member, limits, decide);
  outcome.added += change == ZsetObject::Change::added ? 1 : 0;
  outcome.updated += change == ZsetObject::Change::updated ? 1 : 0;
}

// Reads the options; returns where the elements begin.
size_t read_add_options(Call& call, AddOptions& options) {
  size_t at = 2;
  for (; at < call.argc(); ++at) {
    const std::string_view word = call.args[at];
    if (word.size() < 2 || word.size() > 4) break;
    if (iequals(word, "NX")) {
      options.only_new = true;
    } else if (iequals(word, "XX")) {
      options.only_known = true;
    } else if (iequals(word, "GT")) {
      options.only_greater = true;
    } else if (iequals(word, "LT")) {
      options.only_less = true;
    } else if (iequals(word, "CH")) {
      options.count_changed = true;
    } else if (iequals(word, "INCR")) {
      options.increment = true;
    } else {
      break;
    }
  }
  return at;
}

// Adds pairs of score and member, which begin at argument `at`.
void add(Call& call, size_t at, const AddOptions& options) {
  const std::span<const std::string_view> words = call.args.subspan(at);
  double few[16];
  std::vector<double> many;
  const size_t count = words.size() / 2;
  double* scores = few;
  if (count > std::size(few)) {
    many.resize(count);
    scores = many.data();
  }
  for (size_t i = 0; i < count; ++i) {
    const auto score = parse_double(words[i * 2]);
    if (!score) return call.reply.error(kNotFloat);
    scores[i] = *score;
  }
  AddOutcome outcome;
  const EncodingLimits& limits = call.node.config().encodings;
  const auto absent = options.only_known ? IfAbsent::leave : IfAbsent::create;
  const Edited edited = edit_object<ZsetObject>(call, call.args[1], absent, [&](ZsetObject& set) {
    if (count > 1) set.prefetch(words.subspan(1), 2);
    for (size_t i = 0; i < count; ++i) add_one(set, words[i * 2 + 1], scores[i], options, limits, outcome);
    return outcome.added + outcome.updated;
  });
  if (!edited) return;
  if (outcome.not_a_number) return call.reply.error("ERR resulting score is not a number (NaN)");
  notify_edit(call, edited, kNotifyZset, options.increment ? "zincr" : "zadd", call.args[1]);
  if (!options.increment) {
    return call.reply.integer(static_cast<int64_t>(options.count_changed ? outcome.added + outcome.updated : outcome.added));
  }
  outcome.score ? call.reply.real(*outcome.score) : call.reply.null();
}

}  // namespace

void zadd(Call& call) {
  AddOptions options;
  const size_t at = read_add_options(call, options);
  const size_t words = call.argc() - at;
  if (words == 0 || words % 2 != 0) return call.reply.error(kSyntaxError);
  if (options.only_new && options.only_known) {
    return call.reply.error("ERR XX and NX options at the same time are not compatible");
  }
  if ((options.only_greater || options.only_less) && (options.only_new || (options.only_greater && options.only_less))) {
    return call.reply.error("ERR GT, LT, and/or NX options at the same time are not compatible");
  }
  if (options.increment && words > 2) {
    return call.reply.error("ERR INCR option supports a single increment-element pair");
  }
  add(call, at, options);
}

void zincrby(Call& call) { add(call, 2, {.increment = true}); }

void zrem(Call& call) {
  const Edited edited = edit_object<ZsetObject>(call, call.args[1], IfAbsent::leave, [&](ZsetObject& set) {
    size_t removed = 0;
    for (const std::string_view member : call.args.subspan(2)) removed += set.remove(member) ? 1 : 0;
    return removed;
  });
  if (!edited) return;
  notify_edit(call, edited, kNotifyZset, "zrem", call.args[1]);
  call.reply.integer(static_cast<int64_t>(edited.changes));
}

// --- Reading ---

void zcard(Call& call) {
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  call.reply.integer(found.object == nullptr ? 0 : static_cast<int64_t>(found.object->size()));
}

void zscore(Call& call) {
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  const auto score = found.object == nullptr ? std::nullopt : found.object->score(call.args[2]);
  score ? call.reply.real(*score) : call.reply.null();
}

void zmscore(Call& call) {
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  const auto members = call.args.subspan(2);
  call.reply.array(members.size());
  if (found.object != nullptr) found.object->prefetch(members, 1);
  for (const std::string_view member : members) {
    const auto score = found.object == nullptr ? std::nullopt : found.object->score(member);
    score ? call.reply.real(*score) : call.reply.null();
  }
}

namespace {

void reply_rank(Call& call, bool reverse) {
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  const auto rank = found.object == nullptr ? std::nullopt : found.object->rank(call.args[2]);
  if (!rank) return call.reply.null();
  call.reply.integer(static_cast<int64_t>(reverse ? found.object->size() - 1 - *rank : *rank));
}

}  // namespace

void zrank(Call& call) { reply_rank(call, false); }
void zrevrank(Call& call) { reply_rank(call, true); }

void zscan(Call& call) {
  ScanOptions options;
  if (!parse_scan_cursor(call, call.args[2], options)) return;
  const auto found = read_object<ZsetObject>(call, call.args[1]);
  if (found.wrong) return;
  if (found.object == nullptr) return reply_empty_scan(call);
  if (!parse_scan_options(call, 3, ScanOf::elements, options)) return;
  // Scores as they are stored: a packed integer has all its digits.
  if (const Listpack* pack = found.object->packed()) {
    return reply_scan(call, options, true, [pack](uint64_t, const VisitElement& visit) {
      Listpack::Scratch name, number;
      for (auto at = pack->first(); at != Listpack::kEnd; at = pack->next(at)) {
        const std::string_view member = pack->get(at).view(name);
        visit(member, pack->get(at = pack->next(at)).view(number));
      }
      return uint64_t{0};
    });
  }
  reply_scan(call, options, true, [&](uint64_t cursor, const VisitElement& visit) {
    return found.object->scan(cursor, [&](std::string_view member, double score) {
      char text[kDoubleChars];
      visit(member, {text, static_cast<size_t>(write_double(text, score) - text)});
    });
  });
}

}  // namespace handlers
}  // namespace holdfast::node
