// One client as commands see it: identity, protocol, subscriptions and the output buffer. No socket in here, so that
// commands run the same for a connection, for the replication link, for a log replay and in unit tests.
//
// Executor thread only. A session lives until its Server drops it (after on_close); a plain Session (not a Connection)
// is owned by whoever made it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>

#include "common/access/user.h"
#include "common/resp/writer.h"
#include "common/time/clock.h"

namespace holdfast::server {

// What a binary keeps for each client beside this (transaction, replica state ...).
class SessionData {
 public:
  virtual ~SessionData() = default;
  virtual size_t queued_bytes() const { return 0; }  // of that: commands queued in MULTI
  virtual size_t memory_bytes() const { return 0; }  // all of it
};

// Bytes that a connection pulls and sends when its own output buffer is empty: the replication stream, a file.
class OutputSource {
 public:
  virtual ~OutputSource() = default;
  // What can be sent now; empty: nothing for the moment (call Session::output_ready() when there is). Valid until the
  // next call of either function.
  virtual std::string_view next() = 0;
  virtual void consumed(size_t count) = 0;
};

// A client's place in ClientMemory; only that changes it.
struct CountedMemory {
  size_t bytes = 0;
  int size_class = -1;  // none: not counted, or not to be evicted
  size_t place = 0;
};

enum class ClientType : uint8_t { normal, replica, pubsub, primary };

enum class ReplyMode : uint8_t { on, off, skip_next, skipping };

class Session {
 public:
  explicit Session(uint64_t id) : id(id), reply_(output_) {}
  virtual ~Session() = default;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Appends to the output buffer, in the protocol the client chose.
  resp::Writer& reply() { return reply_; }
  int protocol() const { return reply_.protocol(); }
  void set_protocol(int protocol) { reply_.set_protocol(protocol); }

  // Output was appended from outside of this client's own request (pub/sub, MONITOR, an unblocked command): send it.
  virtual void output_ready() {}
  // Sends what is in the output buffer, then closes.
  virtual void close_after_reply() { closing = true; }
  // Closes soon without sending more; safe to call anywhere, the session stays valid until the end of the turn.
  virtual void close_now() { closing = leaving = true; }
  // No further request of this client is taken up until resume(). (Blocking commands, CLIENT PAUSE.)
  virtual void suspend() { suspended = true; }
  virtual void resume() { suspended = false; }
  // Serves the client from `source` once its own output is sent; null ends that. The source outlives the session or is
  // taken away first.
  virtual void set_output_source(OutputSource* source) { (void)source; }
  // What was appended from `begin` on is a message, no reply: CLIENT REPLY OFF and SKIP leave it.
  virtual void keep_message(size_t begin) { (void)begin; }

  virtual std::string remote_address() const { return "?:0"; }
  virtual std::string local_address() const { return "?:0"; }
  virtual int file_descriptor() const { return -1; }
  virtual bool from_loopback() const { return true; }
  virtual bool from_unix_socket() const { return false; }
  virtual size_t input_bytes() const { return 0; }
  virtual size_t input_free_bytes() const { return 0; }
  virtual size_t output_bytes() const { return output_.size(); }
  virtual size_t reply_buffer_bytes() const { return output_.capacity(); }  // allocated
  virtual size_t reply_buffer_peak() const { return output_.size(); }       // most bytes waiting of late
  virtual size_t object_bytes() const { return sizeof(Session); }  // without its buffers
  // All memory that this client takes: itself, buffers, subscriptions, what the binary keeps for it.
  size_t memory_bytes() const;

  bool subscribed() const { return !channels.empty() || !patterns.empty() || !shard_channels.empty(); }

  const uint64_t id;
  std::string name;
  std::shared_ptr<const access::User> user;  // whose permissions hold; null (no client of a server): may do anything
  std::string_view user_name() const { return user == nullptr ? std::string_view("default") : user->name(); }
  std::string_view last_command;  // full name of the last command's row ("client|list"); empty before the first
  int db = 0;
  ClientType type = ClientType::normal;
  ReplyMode reply_mode = ReplyMode::on;
  bool authenticated = true;
  bool closing = false;
  bool leaving = false;  // closing without another word: gone, as far as others can see
  bool suspended = false;
  bool monitor = false;
  bool no_evict = false;
  bool no_touch = false;  // its commands leave no trace of use in the keys (CLIENT NO-TOUCH)
  bool blocked = false;  // in a blocking command (CLIENT LIST's flag b)
  Instant created;
  Instant last_interaction;
  std::unordered_set<std::string> channels, patterns, shard_channels;
  size_t subscription_bytes = 0;  // memory of these
  CountedMemory counted_memory;
  std::unique_ptr<SessionData> data;

 protected:
  std::string output_;

 private:
  resp::Writer reply_;
};

}  // namespace holdfast::server
