// A node small enough for a test: SET, SELECT, MULTI/EXEC and the replication commands over a MemoryDataSet, with the real
// server, replication and RDB codec around it.
#pragma once

#include <unistd.h>

#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "common/base/text.h"
#include "common/server/server.h"
#include "node/io/node_replication.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_reader.h"
#include "node/persistence/rdb_writer.h"
#include "tests/support/memory_data_set.h"

namespace holdfast::test {

class ReplicationTestNode final : public server::RequestHandler, public node::ReplicationHost {
 public:
  ReplicationTestNode(boost::asio::io_context& io, const Clock& clock, uint16_t port, uint64_t seed, std::string folder)
      : io_(io), random_(seed), server_(io, clock, *this), replication_(io, clock, random_, files_, *this), port_(port) {
    config.port = port;
    config.diskless_sync = false;
    config.diskless_delay = Seconds(0);
    config.directory = std::move(folder);
    replication_.configure(config);
  }
  ~ReplicationTestNode() override {
    if (writer_.joinable()) writer_.join();
  }

  bool listen() { return server_.listen_tcp({"127.0.0.1"}, port_, 16).has_value(); }
  node::NodeReplication& replication() { return replication_; }
  void stop_listening() { server_.stop_listening(); }
  uint16_t port() const { return port_; }

  // A write by a client, in this database.
  void set(int db, std::string_view key, std::string_view value) {
    data.put(db, std::string(key), std::string(value));
    const std::string_view argv[] = {"SET", key, value};
    replication_.sink().feed(db, argv);
  }
  void feed_bare(std::string_view name) {
    const std::string_view argv[] = {name};
    replication_.sink().feed(-1, argv);
  }

  server::Outcome handle(server::Session& session, std::span<const std::string_view> args) override {
    const std::string name = to_lower(args[0]);
    if (name == "replconf") {
      answer(session, replication_.replconf(session, args));
    } else if (name == "psync" || name == "sync") {
      answer(session, replication_.psync(session, args));
    } else if (name == "ping") {
      session.reply().simple("PONG");
    } else if (name == "set") {
      set(session.db, args[1], args[2]);
      session.reply().ok();
    } else if (name == "info") {
      session.reply().bulk(replication_.info());
    } else if (name == "select") {
      session.db = static_cast<int>(*parse_int64(args[1]));
      session.reply().ok();
    } else if (name == "replicaof") {
      if (iequals(args[1], "no")) {
        replication_.replicaof_no_one();
        session.reply().ok();
      } else {
        const auto done = replication_.replicaof(args[1], static_cast<uint16_t>(*parse_int64(args[2])));
        done ? session.reply().simple(*done) : session.reply().error(done.error().text);
      }
    } else {
      session.reply().error("ERR unknown command");
    }
    return server::Outcome::done;
  }
  void closed(server::Session& session) override { replication_.session_closed(session); }

  // --- ReplicationHost
  void begin_primary_stream(int db) override {
    stream_db_ = db;
    queue_.clear();
    in_multi_ = false;
  }
  void execute_from_primary(std::span<const std::string_view> argv) override {
    const std::string name = to_lower(argv[0]);
    std::vector<std::string> command(argv.begin(), argv.end());
    if (name == "multi") {
      in_multi_ = true;
    } else if (name == "exec") {
      in_multi_ = false;
      for (const auto& queued : queue_) apply(queued);
      queue_.clear();
    } else if (in_multi_) {
      queue_.push_back(std::move(command));
    } else {
      apply(command);
    }
  }
  int primary_stream_db() const override { return stream_db_; }
  void load_payload(const std::string& path, LoadTerms terms,
                    std::function<void(std::expected<LoadedPayload, LoadError>)> done) override {
    loaded_same_history = terms.same_history;
    MemoryDataSet loaded;
    const auto load = node::load_rdb_file(files_, path, loaded, {});
    ++loads;
    if (!load) {
      boost::asio::post(io_, [done, text = load.error().text] { done(std::unexpected(LoadError{text, false})); });
      return;
    }
    if (terms.only_with_keys && load->keys_loaded == 0) {
      boost::asio::post(io_, [done] { done(std::unexpected(LoadError{.text = "no keys", .refused = true})); });
      return;
    }
    data.databases = std::move(loaded.databases);
    const int db = load->replication ? std::max(0, load->replication->stream_db) : 0;
    boost::asio::post(io_, [done, db] { done(LoadedPayload{db}); });
  }
  bool save_running() const override { return saving_; }
  Result<> save_to_file(const std::string& path, const node::Replication::SavedPosition& position,
                        std::function<void(Result<>)> done) override {
    if (fail_saves) return fail("no memory for a snapshot");
    auto file = files_.open(path, FileSystem::Mode::create);
    if (!file) return std::unexpected(file.error());
    node::FileSink sink(**file);
    const auto saved = node::save_rdb(data, sink, header(position), {});
    finish(saved ? Result<>() : Result<>(std::unexpected(saved.error())), std::move(done));
    return {};
  }
  Result<> save_to_descriptor(int descriptor, const node::Replication::SavedPosition& position,
                              std::function<void(Result<>)> done) override {
    node::StringSink bytes;
    if (auto saved = node::save_rdb(data, bytes, header(position), {}); !saved) return std::unexpected(saved.error());
    saving_ = true;
    ++saves;
    if (writer_.joinable()) writer_.join();
    writer_ = std::thread([this, text = bytes.text(), fd = ::dup(descriptor), done = std::move(done)] {
      node::DescriptorSink sink(fd);
      const auto written = sink.write(text);
      ::close(fd);
      boost::asio::post(io_, [this, done, written] {
        saving_ = false;
        done(written);
      });
    });
    return {};
  }
  void pause_writes(bool on) override { writes_paused = on; }
  void cancel_save() override {}
  void role_changed(bool replica) override { is_replica = replica; }
  void identity_changed(const node::Replication::SavedPosition& position) override { identity = position; }
  std::optional<int64_t> synced_offset() const override { return synced; }
  void sync_log_soon() override { ++syncs_asked; }

  node::ReplicationConfig config;
  MemoryDataSet data;
  std::optional<int64_t> synced;  // what its append-only file has on the disk
  bool is_replica = false;
  bool fail_saves = false;
  bool writes_paused = false;
  int saves = 0, loads = 0;
  int syncs_asked = 0;  // of its append-only file
  bool loaded_same_history = false;
  std::optional<node::Replication::SavedPosition> identity;

 private:
  static node::RdbHeader header(const node::Replication::SavedPosition& position) {
    node::RdbHeader header;
    header.created = from_unix_ms(1'700'000'000'000);
    header.replication = node::ReplicationPosition{position.id, position.offset, position.stream_db};
    return header;
  }
  void finish(Result<> outcome, std::function<void(Result<>)> done) {
    saving_ = true;
    ++saves;
    boost::asio::post(io_, [this, outcome, done = std::move(done)] {
      saving_ = false;
      done(outcome);
    });
  }
  void apply(const std::vector<std::string>& command) {
    if (iequals(command[0], "select")) stream_db_ = static_cast<int>(*parse_int64(command[1]));
    if (iequals(command[0], "set")) data.put(stream_db_, command[1], command[2]);
  }
  static void answer(server::Session& session, const node::ProtocolReply& reply) {
    if (reply.kind == node::ProtocolReply::Kind::status) session.reply().simple(reply.text);
    if (reply.kind == node::ProtocolReply::Kind::error) session.reply().error(reply.text);
  }

  boost::asio::io_context& io_;
  SeededRandom random_;
  PosixFileSystem files_;
  server::Server server_;
  node::NodeReplication replication_;
  const uint16_t port_;
  int stream_db_ = 0;
  bool in_multi_ = false;
  bool saving_ = false;
  std::vector<std::vector<std::string>> queue_;
  std::thread writer_;
};

}  // namespace holdfast::test
