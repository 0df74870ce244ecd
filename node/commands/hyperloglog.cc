// HyperLogLog: PFADD, PFCOUNT, PFMERGE and the commands that look inside. A sketch is a string (types/hyperloglog.h).
#include "node/types/hyperloglog.h"

#include <vector>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

namespace hll = hyperloglog;

constexpr std::string_view kNoSketch = "WRONGTYPE Key is not a valid HyperLogLog string value.";
constexpr std::string_view kCorrupt = "INVALIDOBJ Corrupted HLL object detected";

// True if `entry` is null or a sketch; else that has been answered.
bool sketch_or_none(Call& call, const Entry* entry) {
  if (!string_or_none(call, entry)) return false;
  Value::Scratch scratch;
  if (entry == nullptr || hll::is_valid(entry->bytes(scratch))) return true;
  call.reply.error(kNoSketch);
  return false;
}

// A sketch is never an integer, so its bytes lie in the entry.
std::string_view sketch_of(const Entry& entry) {
  Value::Scratch unused;
  return entry.bytes(unused);
}

void store_new(Call& call, std::string_view key, std::string sketch) {
  Value value = Value::raw_string({});
  value.mutable_bytes() = std::move(sketch);
  call.keys.set(call.db(), key, std::move(value));
}

// Raises the registers of all elements; nothing: corrupt.
std::optional<int64_t> add_all(std::string& sketch, std::span<const std::string_view> elements, uint64_t sparse_bytes) {
  int64_t raised = 0;
  for (const std::string_view element : elements) {
    switch (hll::raise(sketch, hll::rank_of(element), sparse_bytes)) {
      case hll::Raised::corrupt:
        return std::nullopt;
      case hll::Raised::yes:
        ++raised;
        break;
      case hll::Raised::no:
        break;
    }
  }
  return raised;
}

void count_union(Call& call) {
  hll::Registers registers{};
  for (const std::string_view key : call.args.subspan(1)) {
    const Entry* entry = call.keys.read(call.db(), key);
    if (!sketch_or_none(call, entry)) return;
    if (entry != nullptr && !hll::merge_into(registers, sketch_of(*entry))) return call.reply.error(kCorrupt);
  }
  call.reply.integer(static_cast<int64_t>(hll::count(registers)));
}

}  // namespace

void pfadd(Call& call) {
  const std::string_view key = call.args[1];
  const auto elements = call.args.subspan(2);
  const uint64_t sparse_bytes = call.node.config().encodings.hll_sparse_bytes;
  const Entry* entry = call.keys.find(call.db(), key);
  if (!sketch_or_none(call, entry)) return;
  int64_t raised = 0;
  if (entry == nullptr) {
    std::string sketch = hll::empty_sketch();
    raised = *add_all(sketch, elements, sparse_bytes);
    hll::mark_stale(sketch);
    store_new(call, key, std::move(sketch));
    call.keys.add_dirty(raised);
  } else {
    const std::string_view before = sketch_of(*entry);
    bool changes = false;
    for (size_t i = 0; i < elements.size() && !changes; ++i) {
      const hll::Raised would = hll::would_raise(before, hll::rank_of(elements[i]));
      if (would == hll::Raised::corrupt) return call.reply.error(kCorrupt);
      changes = would == hll::Raised::yes;
    }
    if (!changes) return call.reply.integer(0);
    std::optional<int64_t> done;
    call.keys.change_bytes(call.db(), *entry,
                           [&](std::string& sketch) { done = add_all(sketch, elements, sparse_bytes); });
    if (!done) return call.reply.error(kCorrupt);
    call.keys.add_dirty(*done - 1);
  }
  call.notify(kNotifyString, "pfadd", key);
  call.reply.integer(1);
}

void pfcount(Call& call) {
  if (call.argc() > 2) return count_union(call);
  const Entry* entry = call.keys.read(call.db(), call.args[1]);
  if (!sketch_or_none(call, entry)) return;
  if (entry == nullptr) return call.reply.integer(0);
  const std::string_view sketch = sketch_of(*entry);
  if (const auto cached = hll::cached_count(sketch)) return call.reply.integer(static_cast<int64_t>(*cached));
  const auto count = hll::count(sketch);
  if (!count) return call.reply.error(kCorrupt);
  // The count is kept in the sketch, which is told to the log and the replicas, though the command only reads. A
  // replica leaves that to its primary, so that both hold the same bytes.
  if (call.origin != Origin::client || !call.node.is_replica()) {
    call.keys.change_bytes(call.db(), *entry, [&](std::string& bytes) { hll::cache_count(bytes, *count); });
  }
  call.reply.integer(static_cast<int64_t>(*count));
}

void pfmerge(Call& call) {
  const std::string_view target = call.args[1];
  hll::Registers registers{};
  bool dense = false;
  for (const std::string_view key : call.args.subspan(1)) {
    const Entry* entry = call.keys.read(call.db(), key);
    if (!sketch_or_none(call, entry)) return;
    if (entry == nullptr) continue;
    dense |= !hll::is_sparse(sketch_of(*entry));
    if (!hll::merge_into(registers, sketch_of(*entry))) return call.reply.error(kCorrupt);
  }
  const uint64_t sparse_bytes = call.node.config().encodings.hll_sparse_bytes;
  // What has been read can be raised: corruption has been found above.
  const auto raise_all = [&](std::string& sketch) {
    if (dense) hll::make_dense(sketch);
    for (uint32_t i = 0; i < hll::kRegisters; ++i) {
      if (registers[i] > 0) hll::raise(sketch, {i, registers[i]}, sparse_bytes);
    }
    hll::mark_stale(sketch);
  };
  if (const Entry* entry = call.keys.find(call.db(), target)) {
    call.keys.change_bytes(call.db(), *entry, raise_all);
  } else {
    std::string sketch = hll::empty_sketch();
    raise_all(sketch);
    store_new(call, target, std::move(sketch));
  }
  call.notify(kNotifyString, "pfadd", target);
  call.reply.ok();
}

void pfdebug(Call& call) {
  const std::string_view what = call.args[1];
  const Entry* entry = call.keys.find(call.db(), call.args[2]);
  if (entry == nullptr) return call.reply.error("ERR The specified key does not exist");
  if (!sketch_or_none(call, entry)) return;
  const bool sparse = hll::is_sparse(sketch_of(*entry));
  const bool registers = iequals(what, "GETREG");
  if (registers || iequals(what, "TODENSE")) {
    hll::Registers values{};
    if (!hll::merge_into(values, sketch_of(*entry))) return call.reply.error(kCorrupt);
    if (sparse) call.keys.change_bytes(call.db(), *entry, [](std::string& sketch) { hll::make_dense(sketch); });
    if (!registers) return call.reply.integer(sparse ? 1 : 0);
    call.reply.array(values.size());
    for (const uint8_t value : values) call.reply.integer(value);
  } else if (iequals(what, "DECODE")) {
    if (!sparse) return call.reply.error("ERR HLL encoding is not sparse");
    const auto text = hll::describe_runs(sketch_of(*entry));
    text ? call.reply.bulk(*text) : call.reply.error(kCorrupt);
  } else if (iequals(what, "ENCODING")) {
    call.reply.simple(sparse ? "sparse" : "dense");
  } else {
    call.reply.error(fmt::format("ERR Unknown PFDEBUG subcommand '{}'", what));
  }
}

void pfselftest(Call& call) {
  const auto wrong = hll::self_test();
  wrong ? call.reply.error(*wrong) : call.reply.ok();
}

}  // namespace holdfast::node::handlers
