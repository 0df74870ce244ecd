#include "node/io/replication_host.h"

#include <boost/asio/post.hpp>

#include "common/base/random.h"
#include "common/log/log.h"

namespace holdfast::node {

namespace {

// The primary as a client: MONITOR shows where its commands come from.
class PrimarySession final : public server::Session {
 public:
  PrimarySession(uint64_t id, const Endpoint& primary) : Session(id), address_(fmt::format("{}:{}", primary.host, primary.port)) {
    type = server::ClientType::primary;
  }
  std::string remote_address() const override { return address_; }
  bool from_loopback() const override { return false; }

 private:
  const std::string address_;
};

ReplicationPosition position_of(const Replication::SavedPosition& saved) {
  return {saved.id, saved.offset, saved.stream_db};
}

}  // namespace

void ReplicationHostDriver::attach(Node& node, PersistenceDriver& persistence) {
  node_ = &node;
  persistence_ = &persistence;
}

void ReplicationHostDriver::begin_primary_stream(int db) {
  if (stream_) node_->closed(*stream_);
  stream_ = std::make_unique<PrimarySession>(node_->server().next_client_id(), node_->replication().primary());
  stream_->db = db < 0 ? 0 : db;
}

void ReplicationHostDriver::execute_from_primary(std::span<const std::string_view> argv) {
  if (!stream_) begin_primary_stream(0);
  node_->execute_from_primary(*stream_, argv);
}

bool ReplicationHostDriver::stream_paused() const { return node_->server().paused() != server::Server::Pause::none; }

int ReplicationHostDriver::primary_stream_db() const { return stream_ ? stream_->db : 0; }

void ReplicationHostDriver::load_payload(const std::string& path, LoadTerms terms,
                                         std::function<void(std::expected<LoadedPayload, LoadError>)> done) {
  // From the event loop itself: the load serves it in between, which must not happen inside of another handler's work.
  const bool aside = terms.same_history && node_->config().load_aside;
  boost::asio::post(io_.get_executor(), [this, path, aside, only_with_keys = terms.only_with_keys, done = std::move(done)] {
    done(aside ? load_aside(path) : load(path, only_with_keys));
  });
}

std::expected<ReplicationHost::LoadedPayload, ReplicationHost::LoadError> ReplicationHostDriver::load(
    const std::string& path, bool only_with_keys) {
  uint64_t keys = 0;
  for (int db = 0; db < node_->keys().database_count(); ++db) keys += node_->keys().key_count(db);
  if (keys > 0) {  // where there is nothing to lose, the load itself is the check
    const auto sound = persistence_->check_dump(path);
    if (!sound) return std::unexpected(LoadError{sound.error().text, false});
    if (sound->keys_loaded == 0) {
      if (only_with_keys) {
        return std::unexpected(LoadError{.text = fmt::format("The primary came back without any keys: the {} keys of this "
                                                             "replica are kept (replica-guard-empty-primary)",
                                                             keys),
                                         .refused = true});
      }
      log::warning("The primary has no keys: the {} keys of this replica go.", keys);
    }
  }
  persistence_->suspend_log();  // its content is about to be replaced: it comes back with a base of the new data
  const auto how = node_->config().lazyfree_replica_flush ? Keyspace::Free::lazily : Keyspace::Free::now;
  node_->keys().flush(-1, how);
  const auto loaded = persistence_->load_dump(path, PersistenceDriver::Expired::keep);
  if (!loaded) {
    node_->keys().flush(-1, how);
    persistence_->resume_log();
    return std::unexpected(LoadError{loaded.error().text, true});
  }
  node_->keys().set_dirty(0);
  persistence_->resume_log();
  return LoadedPayload{loaded->replication ? std::max(0, loaded->replication->stream_db) : 0};
}

// repl-diskless-load swapdb. The file needs no check of its own: what is wrong with it leaves the old data set in place.
std::expected<ReplicationHost::LoadedPayload, ReplicationHost::LoadError> ReplicationHostDriver::load_aside(
    const std::string& path) {
  SeededRandom random(system_random());
  Keyspace aside(node_->keys().database_count(), random);
  const auto loaded = persistence_->load_dump_aside(path, aside);
  if (!loaded) {
    aside.set_reclaimer(node_->keys().reclaimer());
    aside.flush(-1, Keyspace::Free::lazily);
    return std::unexpected(LoadError{loaded.error().text, false});
  }
  log::notice("MASTER <-> REPLICA sync: Swapping active DB with loaded DB");
  persistence_->suspend_log();
  node_->keys().flush(-1, Keyspace::Free::lazily);  // in any case: this is for those who want nobody to wait
  node_->keys().exchange(aside);
  node_->keys().set_dirty(0);
  persistence_->resume_log();
  return LoadedPayload{loaded->replication ? std::max(0, loaded->replication->stream_db) : 0};
}

bool ReplicationHostDriver::save_running() const { return persistence_->snapshot_running(); }

Result<> ReplicationHostDriver::save_to_file(const std::string& path, const Replication::SavedPosition& position,
                                             std::function<void(Result<>)> done) {
  return persistence_->snapshot_for_replicas(path, -1, position_of(position), std::move(done));
}

Result<> ReplicationHostDriver::save_to_descriptor(int descriptor, const Replication::SavedPosition& position,
                                                   std::function<void(Result<>)> done) {
  return persistence_->snapshot_for_replicas("", descriptor, position_of(position), std::move(done));
}

void ReplicationHostDriver::cancel_save() { persistence_->cancel_snapshot_for_replicas(); }

void ReplicationHostDriver::pause_writes(bool on) {
  using server::Server;
  if (on) {
    node_->server().pause(Server::Pause::writes, Instant::max(), Server::PausePurpose::failover);
  } else {
    node_->server().unpause(Server::PausePurpose::failover);
  }
}

void ReplicationHostDriver::role_changed(bool replica) {
  log::set_role(replica ? 'S' : 'M');
  if (on_role_change_) on_role_change_(replica);
}

void ReplicationHostDriver::identity_changed(const Replication::SavedPosition& position) {
  persistence_->note_identity(position_of(position));
}

}  // namespace holdfast::node
