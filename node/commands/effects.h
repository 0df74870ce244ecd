// What executed commands did to the data set, on its way to the append-only file and the replicas.
//
// Executor thread only. Effects are gathered over one execution unit (a command from a client, a whole EXEC, one slice
// of the active expiry) and fed to every sink exactly once, in order, when the unit ends. More than one effect of a
// unit is wrapped in MULTI/EXEC, so that a replica or a restart sees all of it or nothing; the active expiry's deletes
// are not, since each stands alone.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <vector>

#include "node/keyspace/effect_sink.h"
#include "node/transactions/transaction.h"

namespace holdfast::node {

class Effects {
 public:
  // What a sink is for: some effects concern replicas only (PUBLISH).
  enum class SinkKind : uint8_t { log, stream };
  void add_sink(EffectSink& sink, SinkKind kind) { sinks_.push_back({&sink, kind}); }
  void remove_sink(EffectSink& sink) {
    std::erase_if(sinks_, [&](const Sink& known) { return known.sink == &sink; });
  }
  // Off while a log is replayed: its commands are in the log already.
  void set_enabled(bool enabled) { enabled_ = enabled; }

  // Whether anybody listens: where nobody does, effects need not be put into words.
  bool wanted() const {
    if (!enabled_) return false;
    for (const Sink& known : sinks_) {
      if (known.sink->listening()) return true;
    }
    return false;
  }

  enum class Reach : uint8_t { all, replicas };

  // The arguments are copied.
  void push(int db, std::span<const std::string_view> argv, Reach reach = Reach::all);
  void push(int db, std::initializer_list<std::string_view> argv) { push(db, std::span(argv.begin(), argv.size())); }
  // The last effect of a unit: fed without a copy where nothing else is pending.
  void push_last(int db, std::span<const std::string_view> argv, Reach reach = Reach::all);

  enum class Wrap : uint8_t { transaction, none };
  void flush(Wrap wrap = Wrap::transaction) {
    if (!pending_.empty()) flush_pending(wrap);
  }

 private:
  struct Sink {
    EffectSink* sink;
    SinkKind kind;
  };
  struct Pending {
    int db;
    Reach reach;
    OwnedCommand command;
  };
  void flush_pending(Wrap wrap);
  void feed(int db, std::span<const std::string_view> argv, Reach reach);

  bool enabled_ = true;
  std::vector<Sink> sinks_;
  std::vector<Pending> pending_;
  std::vector<std::string_view> scratch_;
};

}  // namespace holdfast::node
