// What replication asks of this node (node/replication/host.h), carried out with the node, the data set and persistence.
//
// Executor thread only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "common/server/session.h"
#include "node/commands/node.h"
#include "node/io/persistence_driver.h"
#include "node/replication/host.h"

namespace holdfast::node {

class ReplicationHostDriver final : public ReplicationHost {
 public:
  explicit ReplicationHostDriver(boost::asio::io_context& io) : io_(io) {}

  void attach(Node& node, PersistenceDriver& persistence);

  void on_role_change(std::function<void(bool replica)> callback) { on_role_change_ = std::move(callback); }

  void begin_primary_stream(int db) override;
  void execute_from_primary(std::span<const std::string_view> argv) override;
  bool stream_paused() const override;
  int primary_stream_db() const override;
  std::optional<int64_t> synced_offset() const override { return persistence_->synced_stream_offset(); }
  void sync_log_soon() override { persistence_->sync_log_soon(); }
  void load_payload(const std::string& path, LoadTerms terms,
                    std::function<void(std::expected<LoadedPayload, LoadError>)> done) override;

  bool save_running() const override;
  Result<> save_to_file(const std::string& path, const Replication::SavedPosition& position,
                        std::function<void(Result<>)> done) override;
  Result<> save_to_descriptor(int descriptor, const Replication::SavedPosition& position,
                              std::function<void(Result<>)> done) override;
  uint64_t snapshot_held_bytes() const override { return persistence_->snapshot_held_bytes(); }
  void cancel_save() override;
  void pause_writes(bool on) override;

  void role_changed(bool replica) override;
  void identity_changed(const Replication::SavedPosition& position) override;

 private:
  std::expected<LoadedPayload, LoadError> load(const std::string& path, bool only_with_keys);
  std::expected<LoadedPayload, LoadError> load_aside(const std::string& path);

  boost::asio::io_context& io_;
  Node* node_ = nullptr;
  PersistenceDriver* persistence_ = nullptr;
  std::function<void(bool)> on_role_change_;
  std::unique_ptr<server::Session> stream_;  // the primary, as the client whose commands its stream holds
};

}  // namespace holdfast::node
