// One accepted client: its socket, input buffer and sends. Made and destroyed by Server; executor thread only.
//
// Input: one buffer, parsed in place; it grows only with bytes that arrived and is given back when the client is idle. A
// pipeline is parsed ahead, so that the handler can prefetch what its requests will touch. Output: one buffer with the
// offset already sent, and marks that say which part waits at the reply gate for which offset.
// With I/O threads (io_threads.h) read_in_thread and send_in_thread run on one of them while the executor waits.
// Closing happens at the turn's end (Server::end_turn), never inside of a call.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <span>

#include "common/net/stream.h"
#include "common/resp/request_parser.h"
#include "common/server/server.h"
#include "common/server/session.h"

namespace holdfast::server {

class Connection final : public Session, private net::StreamEvents {
 public:
  Connection(Server& server, int fd, bool unix_socket, uint64_t id);

  void start();  // begins to read

  void output_ready() override;
  void close_after_reply() override;
  void close_now() override;
  void resume() override;
  void set_output_source(OutputSource* source) override;
  void keep_message(size_t begin) override;

  std::string remote_address() const override { return remote_; }
  std::string local_address() const override { return local_; }
  int file_descriptor() const override { return stream_.fd(); }
  bool from_loopback() const override { return loopback_; }
  bool from_unix_socket() const override { return unix_; }
  size_t input_bytes() const override { return end_ - begin_ - parser_.parsed_ahead(); }
  size_t input_free_bytes() const override { return capacity_ - input_bytes(); }
  size_t object_bytes() const override { return sizeof(Connection); }
  size_t output_bytes() const override { return output_.size() - sent_; }
  size_t reply_buffer_bytes() const override { return output_.capacity() + 1; }
  size_t reply_buffer_peak() const override { return output_peak_; }

  bool waits_at_gate() const { return marks_ != nullptr && !marks_->empty(); }

 private:
  friend class Server;

  // What a receive found.
  enum class Received : uint8_t { drained, more, nothing, ended };

  void readable() override;
  void writable() override;
  void read();
  void read_in_thread();
  void finish_read();
  Received receive(size_t& bytes);
  void count_input(size_t bytes);
  void end_of_input();
  bool read_far_enough() const;
  void make_room();
  void go_on_reading(Received received);
  // A request parsed ahead: its arguments among the parser's, and the end of its bytes in the input.
  struct Parsed {
    size_t first, count, end;
  };
  struct Batch {
    size_t count = 0;
    bool malformed = false;  // what follows is no request
  };
  static constexpr size_t kBatch = RequestHandler::kMostExpected;  // requests of a pipeline parsed ahead
  void process_input();
  bool execute_batch();
  Batch parse_batch(std::span<Parsed> parsed);
  bool execute_parsed(std::span<const Parsed> parsed);
  void refuse_input();
  // `number` in the batch that was expected; kAlone: in none. False: to be handed over again later.
  static constexpr size_t kAlone = SIZE_MAX;
  bool handle_request(std::span<const std::string_view> args, size_t number);
  void apply_reply_mode(ReplyMode before, size_t output_before);
  void pass_gate();               // marks what was appended since the last checkpoint, if the gate holds it
  void hold_output(uint64_t offset);
  void finish_batch();
  void flush();
  void send_in_thread(size_t end);
  bool send_buffer(size_t end);   // false: stop (socket full or broken)
  bool send_source();
  bool send_bytes(std::string_view bytes, size_t& count);
  size_t sendable_end();
  void wait_writable();
  void drop_sent_output();
  void check_output_limit();
  void confirm_open();            // has the stream ended without an event?
  void tend();                    // once a second: limits, memory of an idle client
  void tend_output(Nanos idle);
  void finish_close();            // turn's end: leaves the server
  void free_buffers(bool input_too);  // ahead of that; the input only when none of it is being executed

  Server& server_;
  net::Stream stream_;
  const bool unix_;
  bool loopback_;
  std::string remote_, local_;

  std::unique_ptr<char[]> input_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
  size_t input_peak_ = 0;  // most bytes waiting since tend() looked last
  resp::RequestParser parser_;

  // What an I/O thread has read and parsed, until the executor goes on with it.
  struct ReadAhead {
    Received received = Received::nothing;
    size_t bytes = 0;
    Batch batch;
    std::array<Parsed, kBatch> parsed;
  };
  std::unique_ptr<ReadAhead> ahead_;
  unsigned thread_sends_ = 0;  // calls made by an I/O thread, to be counted

  std::string kept_messages_;  // of the request in hand, whose reply is to be dropped
  size_t sent_ = 0;            // of output_
  size_t output_peak_ = 0;  // most bytes waiting since it was reset
  size_t output_capacity_ = 0;  // of output_ when tend() looked last
  Instant output_peak_reset_{};
  struct Mark {
    size_t begin;     // output_ from here on ...
    uint64_t offset;  // ... waits for this offset of the gate
  };
  std::unique_ptr<std::deque<Mark>> marks_;  // ascending in both; made when the gate first holds
  size_t checkpoint_ = 0;                    // output_ up to here has been looked at for the gate
  bool messages_unmarked_ = false;           // what follows holds messages of other clients' requests
  OutputSource* source_ = nullptr;
  Instant soft_limit_since_{};
  bool over_soft_limit_ = false;

  bool in_request_ = false, event_missed_ = false;
  bool read_scheduled_ = false, flush_scheduled_ = false, close_scheduled_ = false, resume_scheduled_ = false;
  bool close_when_sent_ = false, closed_ = false;
  bool at_gate_ = false;      // listed in Server::gated_
  bool unconfirmed_ = false;  // listed in Server::unconfirmed_
};

}  // namespace holdfast::server
