// Sorted sets (and sets) put together: ZUNION, ZINTER, ZDIFF, their STORE forms, ZINTERCARD.
#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "node/collections/set_object.h"
#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"
#include "node/commands/objects.h"
#include "node/commands/zset_ranges.h"

namespace holdfast::node::handlers {
namespace {

enum class Operation : uint8_t { unite, intersect, subtract };
enum class Aggregate : uint8_t { sum, min, max };

// One of the inputs: a sorted set, a set (whose members have the score 1), or nothing.
class Input {
 public:
  explicit Input(const Entry* entry) {
    if (entry == nullptr) return;
    if (entry->type() == ValueType::zset) zset_ = static_cast<const ZsetObject*>(entry->object());
    if (entry->type() == ValueType::set) set_ = static_cast<const SetObject*>(entry->object());
  }
  static bool usable(const Entry* entry) {
    return entry == nullptr || entry->type() == ValueType::zset || entry->type() == ValueType::set;
  }

  size_t size() const { return zset_ != nullptr ? zset_->size() : set_ != nullptr ? set_->size() : 0; }
  std::optional<double> score(std::string_view member) const {
    if (zset_ != nullptr) return zset_->score(member);
    if (set_ != nullptr && set_->contains(member)) return 1.0;
    return std::nullopt;
  }
  // Until visit(member, score) returns false.
  template <class Visit>
  void for_each_while(Visit&& visit) const {
    if (set_ != nullptr) {
      set_->for_each_while([&](std::string_view member) { return visit(member, 1.0); });
    } else if (zset_ != nullptr) {
      for (auto cursor = zset_->first(); cursor && visit(cursor.member(), cursor.score());) cursor.next();
    }
  }

  double weight = 1;

 private:
  const ZsetObject* zset_ = nullptr;
  const SetObject* set_ = nullptr;
};

struct Request {
  Operation operation = Operation::unite;
  bool store = false, only_count = false;
  std::vector<Input> inputs;
  Aggregate aggregate = Aggregate::sum;
  bool with_scores = false;
  size_t limit = 0;  // of ZINTERCARD; 0: none
};

// Infinity times nothing, and infinities that cancel out, count as 0.
double defined(double score) { return std::isnan(score) ? 0 : score; }

double combine(double a, double b, Aggregate how) {
  if (how == Aggregate::sum) return defined(a + b);
  if (how == Aggregate::min) return b < a ? b : a;
  return b > a ? b : a;
}

using Scored = std::vector<std::pair<double, std::string>>;

struct SeededHash {
  size_t operator()(const std::string& member) const { return seeded_hash(member, collection_seed()); }
};

Scored unite(const Request& request) {
  std::unordered_map<std::string, double, SeededHash> scores;
  for (const Input& input : request.inputs) {
    input.for_each_while([&](std::string_view member, double score) {
      const double weighed = defined(score * input.weight);
      const auto [place, fresh] = scores.try_emplace(std::string(member), weighed);
      if (!fresh) place->second = combine(place->second, weighed, request.aggregate);
      return true;
    });
  }
  Scored result;
  result.reserve(scores.size());
  while (!scores.empty()) {
    auto node = scores.extract(scores.begin());
    result.emplace_back(node.mapped(), std::move(node.key()));
  }
  return result;
}

// Calls found(member, score) for each common member until it returns false.
template <class Found>
void intersect(const Request& request, Found&& found) {
  const Input& first = request.inputs.front();
  first.for_each_while([&](std::string_view member, double score) {
    double result = defined(score * first.weight);
    for (size_t i = 1; i < request.inputs.size(); ++i) {
      const auto other = request.inputs[i].score(member);
      if (!other) return true;
      result = combine(result, *other * request.inputs[i].weight, request.aggregate);
    }
    return found(member, result);
  });
}

Scored subtract(const Request& request) {
  Scored result;
  request.inputs.front().for_each_while([&](std::string_view member, double score) {
    const auto others = std::span(request.inputs).subspan(1);
    if (std::ranges::none_of(others, [&](const Input& other) { return other.score(member).has_value(); })) {
      result.emplace_back(score, member);
    }
    return true;
  });
  return result;
}

Scored evaluate(const Request& request) {
  Scored result;
  if (request.operation == Operation::unite) result = unite(request);
  if (request.operation == Operation::subtract) result = subtract(request);
  if (request.operation == Operation::intersect) {
    intersect(request, [&](std::string_view member, double score) {
      result.emplace_back(score, member);
      return true;
    });
  }
  std::ranges::sort(result);
  return result;
}

// numkeys and the keys, from argument `at` on; returns where the options begin, 0 when answered.
size_t read_inputs(Call& call, size_t at, Request& request) {
  const auto count = read_integer(call, call.args[at]);
  if (!count) return 0;
  const auto refuse = [&](std::string_view error) {
    call.reply.error(error);
    return size_t{0};
  };
  if (*count < 1) return refuse(fmt::format("ERR at least 1 input key is needed for '{}' command", call.command.name));
  if (static_cast<size_t>(*count) > call.argc() - at - 1) return refuse(kSyntaxError);
  const auto keys = call.args.subspan(at + 1, static_cast<size_t>(*count));
  // A look-up may remove a key that has expired, so that entries found before may have moved: a second round.
  for (const std::string_view key : keys) {
    const Entry* entry = request.store ? call.keys.find(call.db(), key) : call.keys.read(call.db(), key);
    if (!Input::usable(entry)) return refuse(kWrongType);
  }
  for (const std::string_view key : keys) request.inputs.emplace_back(call.keys.peek(call.db(), key));
  return at + 1 + keys.size();
}

bool read_weights(Call& call, size_t at, Request& request) {
  for (Input& input : request.inputs) {
    const auto weight = parse_double(call.args[at++]);
    if (!weight) {
      call.reply.error("ERR weight value is not a float");
      return false;
    }
    input.weight = *weight;
  }
  return true;
}

bool read_aggregate(Call& call, std::string_view word, Request& request) {
  if (iequals(word, "SUM")) {
    request.aggregate = Aggregate::sum;
  } else if (iequals(word, "MIN")) {
    request.aggregate = Aggregate::min;
  } else if (iequals(word, "MAX")) {
    request.aggregate = Aggregate::max;
  } else {
    call.reply.error(kSyntaxError);
    return false;
  }
  return true;
}

// False when answered.
bool read_options(Call& call, size_t at, Request& request) {
  const bool weighs = request.operation != Operation::subtract && !request.only_count;
  while (at < call.argc()) {
    const std::string_view word = call.args[at++];
    const size_t left = call.argc() - at;
    if (weighs && left >= request.inputs.size() && iequals(word, "WEIGHTS")) {
      if (!read_weights(call, at, request)) return false;
      at += request.inputs.size();
    } else if (weighs && left >= 1 && iequals(word, "AGGREGATE")) {
      if (!read_aggregate(call, call.args[at++], request)) return false;
    } else if (!request.store && !request.only_count && iequals(word, "WITHSCORES")) {
      request.with_scores = true;
    } else if (request.only_count && left >= 1 && iequals(word, "LIMIT")) {
      const auto limit = read_integer_in(call, call.args[at++], 0, INT64_MAX, "ERR LIMIT can't be negative");
      if (!limit) return false;
      request.limit = static_cast<size_t>(*limit);
    } else {
      call.reply.error(kSyntaxError);
      return false;
    }
  }
  return true;
}

// Reads everything; false when answered.
bool read_request(Call& call, size_t at, Request& request) {
  const size_t options = read_inputs(call, at, request);
  if (options == 0 || !read_options(call, options, request)) return false;
  // Sums of floating point depend on their order: Redis's is that of the sizes.
  if (request.operation != Operation::subtract) {
    std::ranges::stable_sort(request.inputs, {}, [](const Input& input) { return input.size(); });
  }
  return true;
}

void reply_result(Call& call, Operation operation) {
  Request request{.operation = operation};
  if (!read_request(call, 1, request)) return;
  const Scored result = evaluate(request);
  reply_elements(call.reply, result.size(), request.with_scores);
  for (const auto& [score, member] : result) reply_element(call.reply, member, score, request.with_scores);
}

void store_result(Call& call, Operation operation, std::string_view event) {
  Request request{.operation = operation, .store = true};
  if (!read_request(call, 2, request)) return;
  auto made = std::make_unique<ZsetObject>();
  const EncodingLimits& limits = call.node.config().encodings;
  const Scored result = evaluate(request);
  size_t longest = 0;
  for (const auto& [score, member] : result) longest = std::max(longest, member.size());
  made->expect(result.size(), longest, limits);
  for (const auto& [score, member] : result) made->set(member, score, limits);
  store_zset(call, call.args[1], std::move(made), event);
}

}  // namespace

void zunion(Call& call) { reply_result(call, Operation::unite); }
void zinter(Call& call) { reply_result(call, Operation::intersect); }
void zdiff(Call& call) { reply_result(call, Operation::subtract); }
void zunionstore(Call& call) { store_result(call, Operation::unite, "zunionstore"); }
void zinterstore(Call& call) { store_result(call, Operation::intersect, "zinterstore"); }
void zdiffstore(Call& call) { store_result(call, Operation::subtract, "zdiffstore"); }

void zintercard(Call& call) {
  Request request{.operation = Operation::intersect, .only_count = true};
  if (!read_request(call, 1, request)) return;
  size_t count = 0;
  intersect(request, [&](std::string_view, double) { return ++count != request.limit; });
  call.reply.integer(static_cast<int64_t>(count));
}

}  // namespace holdfast::node::handlers
