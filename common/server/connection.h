// One accepted client: its socket, input buffer and sends. Made and destroyed by Server; executor thread only.
//
// Input: one buffer, parsed in place; it grows only with bytes that arrived. Output: one buffer with the offset already
// sent, and marks that say which part waits at the reply gate for which offset.
// Lifetime: `operations_` counts asynchronous operations in flight; a closed connection is destroyed when it is zero.
#pragma once

#include <deque>
#include <memory>
#include <span>

#include "common/net/socket.h"
#include "common/resp/request_parser.h"
#include "common/server/server.h"
#include "common/server/session.h"

namespace holdfast::server {

class Connection final : public Session {
 public:
  Connection(Server& server, int fd, bool unix_socket, uint64_t id);

  void start();  // begins to read

  void output_ready() override;
  void close_after_reply() override;
  void close_now() override;
  void resume() override;
  void set_output_source(OutputSource* source) override;
  void hold_output() override;

  std::string remote_address() const override { return remote_; }
  std::string local_address() const override { return local_; }
  int file_descriptor() const override;
  bool from_loopback() const override { return loopback_; }
  bool from_unix_socket() const override { return unix_; }
  size_t input_bytes() const override { return end_ - begin_; }
  size_t input_free_bytes() const override { return capacity_ - end_; }
  size_t output_bytes() const override { return output_.size() - sent_; }

  bool waits_at_gate() const { return !marks_.empty(); }

 private:
  friend class Server;

  void read();
  void read_done(boost::system::error_code error, size_t count);
  void make_room();
  void process_input();
  void handle_request(std::span<const std::string_view> args);
  void apply_reply_mode(ReplyMode before, size_t output_before);
  void pass_gate();               // marks what was appended since the last checkpoint, if the gate holds
  void flush();
  bool send_buffer(size_t end);   // false: stop (socket full or broken)
  bool send_source();
  bool send_bytes(std::string_view bytes, size_t& count);
  size_t sendable_end();
  void wait_writable();
  void drop_sent_output();
  void check_output_limit();
  void finish_close();            // turn's end: leaves the server
  bool gone() const { return closed_ && operations_ == 0; }

  Server& server_;
  net::Socket socket_;
  const bool unix_;
  bool loopback_;
  std::string remote_, local_;

  std::unique_ptr<char[]> input_;
  size_t capacity_, begin_ = 0, end_ = 0;
  resp::RequestParser parser_;

  size_t sent_ = 0;  // of output_
  struct Mark {
    size_t begin;     // output_ from here on ...
    uint64_t offset;  // ... waits for this offset of the gate
  };
  std::deque<Mark> marks_;   // ascending in both
  size_t checkpoint_ = 0;    // output_ up to here has been looked at for the gate
  OutputSource* source_ = nullptr;
  Instant soft_limit_since_{};
  bool over_soft_limit_ = false;

  int operations_ = 0;
  bool reading_ = false, waiting_writable_ = false;
  bool in_request_ = false;
  bool flush_scheduled_ = false, close_scheduled_ = false, close_when_sent_ = false, closed_ = false;
  bool at_gate_ = false;  // listed in Server::gated_
};

}  // namespace holdfast::server
