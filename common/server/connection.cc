#include "common/server/connection.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/log/log.h"
#include "common/net/socket.h"
#include "common/net/socket_calls.h"

namespace holdfast::server {

namespace {

constexpr size_t kInputBuffer = 16 * 1024;
constexpr size_t kSuspendedInput = 1024 * 1024;  // a suspended client is read no further than this
constexpr size_t kUncheckedOutput = 16 * 1024;   // of a pipeline: beyond this the limits are looked at for each request
constexpr int kReadsInTurn = 16;                 // then the others get their turn
constexpr Nanos kIdleInput = Seconds(2);         // an empty input buffer is given back after so long (as Redis)

}  // namespace

Connection::Connection(Server& server, int fd, bool unix_socket, uint64_t id)
    : Session(id), server_(server), stream_(server.io(), fd, *this), unix_(unix_socket) {
  loopback_ = net::peer_is_loopback(fd);
  remote_ = net::peer_name(fd);
  local_ = net::local_name(fd);
  created = last_interaction = output_peak_reset_ = server.now();
}

void Connection::start() {
  if (stream_.fd() < 0) return close_now();
  stream_.start();
}

void Connection::readable() {
  if (closing) return;
  if (in_request_) {  // a command of this very client lets the loop go on (loading): read when it is done
    event_missed_ = true;
    return;
  }
  if (server_.reads_in_threads()) return server_.schedule_read(*this);
  read();
}

void Connection::read() {
  server_.refresh_now();
  Received received = Received::more;
  // Where there is something to answer, that comes first: the rest is read in the next turn.
  for (int i = 0; i < kReadsInTurn && received == Received::more && !closing && (i == 0 || output_bytes() == 0); ++i) {
    if (read_far_enough()) return;
    size_t bytes = 0;
    received = receive(bytes);
    count_input(bytes);
    if (received == Received::ended) return end_of_input();
    if (bytes > 0 && !closing) process_input();
  }
  go_on_reading(received);
}

// Replies that wait at the gate are still for a client that has only closed its own direction.
void Connection::end_of_input() {
  if (at_gate_ && output_bytes() > 0) {
    close_after_reply();
  } else {
    close_now();
  }
}

// A suspended client's input is not executed: resume() goes on.
bool Connection::read_far_enough() const { return suspended && end_ - begin_ >= kSuspendedInput; }

void Connection::go_on_reading(Received received) {
  if (closing) return;
  if (received == Received::more || std::exchange(event_missed_, false)) return stream_.read_again();
  if (received == Received::drained && !unconfirmed_) server_.confirm_later(*this);
}

void Connection::count_input(size_t bytes) {
  if (bytes == 0) return;
  last_interaction = server_.now();
  server_.stats.input_bytes += bytes;
  ++server_.stats.reads;
  server_.count_memory(*this);  // a client that is evicted for this input does not execute it
}

// On an I/O thread: nothing but this connection's input and parser is touched.
void Connection::read_in_thread() {
  if (ahead_ == nullptr) ahead_ = std::make_unique<ReadAhead>();
  ahead_->bytes = 0;
  ahead_->batch = {};
  if (read_far_enough()) return;
  ahead_->received = receive(ahead_->bytes);
  if (ahead_->bytes > 0 && !suspended) ahead_->batch = parse_batch(ahead_->parsed);
}

void Connection::finish_read() {
  if (closing || (ahead_->bytes == 0 && read_far_enough())) return;
  count_input(ahead_->bytes);
  if (ahead_->received == Received::ended) return end_of_input();
  if (ahead_->bytes > 0 && !closing) {
    ++server_.stats.threaded_reads;
    if (ahead_->batch.count > 0) {
      if (suspended) {
        parser_.rewind();
      } else {
        execute_parsed({ahead_->parsed.data(), ahead_->batch.count});
      }
    }
    process_input();
  }
  go_on_reading(ahead_->received);
}

Connection::Received Connection::receive(size_t& bytes) {
  make_room();
  const size_t room = capacity_ - end_;
  const ssize_t count = net::receive_bytes(stream_.fd(), input_.get() + end_, room);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received::nothing;
  if (count <= 0) return Received::ended;
  bytes = static_cast<size_t>(count);
  end_ += bytes;
  input_peak_ = std::max(input_peak_, end_ - begin_);
  return bytes < room ? Received::drained : Received::more;
}

// Room for at least one read: first by moving the rest to the front, then by doubling, or, in the last step, by what a long
// argument still needs.
void Connection::make_room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ == 0) {
      input_ = std::make_unique_for_overwrite<char[]>(kInputBuffer);
      capacity_ = kInputBuffer;
    }
    return;
  }
  if (end_ < capacity_ && capacity_ - end_ >= kInputBuffer / 4) return;
  const size_t pending = end_ - begin_;
  if (begin_ >= capacity_ / 2) {
    std::memmove(input_.get(), input_.get() + begin_, pending);
  } else {
    const size_t needed = std::max(parser_.announced(), capacity_) + kInputBuffer;
    const size_t larger = parser_.announced() > 0 && needed < capacity_ * 5 / 2 ? needed : capacity_ * 2;
    auto grown = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(grown.get(), input_.get() + begin_, pending);
    input_ = std::move(grown);
    capacity_ = larger;
  }
  begin_ = 0;
  end_ = pending;
}

void Connection::process_input() {
  while (begin_ < end_ && !closing && !suspended && execute_batch()) {
  }
  finish_batch();
}

// Parses the next requests and executes them. False: nothing more can be done with what is in the buffer.
bool Connection::execute_batch() {
  std::array<Parsed, kBatch> parsed;
  const Batch batch = parse_batch(parsed);
  if (batch.count == 0) {
    if (batch.malformed) refuse_input();
    return false;
  }
  return execute_parsed({parsed.data(), batch.count});
}

// Touches nothing but the input and the parser.
Connection::Batch Connection::parse_batch(std::span<Parsed> parsed) {
  resp::RequestLimits limits;
  limits.max_bulk = server_.settings.max_bulk_bytes;
  limits.authenticated = server_.admits(*this);
  const size_t most = authenticated ? parsed.size() : 1;  // AUTH changes the limits of what follows
  Batch batch;
  size_t at = begin_;
  parser_.begin_batch();
  while (batch.count < most && at < end_) {
    const auto status = parser_.parse_next({input_.get() + at, end_ - at}, limits);
    if (status != resp::RequestParser::Status::request) {
      batch.malformed = status == resp::RequestParser::Status::error;
      break;
    }
    at += parser_.consumed();
    parsed[batch.count++] = {parser_.first_argument(), parser_.args().size(), at};
    if (parser_.was_inline()) break;
  }
  return batch;
}

bool Connection::execute_parsed(std::span<const Parsed> parsed) {
  const std::string_view* const arguments = parser_.batch_args();
  if (parsed.size() > 1) {
    std::array<std::span<const std::string_view>, kBatch> requests;
    for (size_t i = 0; i < parsed.size(); ++i) requests[i] = {arguments + parsed[i].first, parsed[i].count};
    server_.handler_.expect(*this, {requests.data(), parsed.size()});
  }
  const bool expected = parsed.size() > 1;
  const bool was_authenticated = authenticated;
  for (size_t i = 0; i < parsed.size(); ++i) {
    const std::span<const std::string_view> args{arguments + parsed[i].first, parsed[i].count};
    if (!args.empty() && !handle_request(args, expected ? i : kAlone)) return false;
    begin_ = parsed[i].end;
    if (i + 1 < parsed.size() && (closing || suspended || authenticated != was_authenticated)) {
      parser_.rewind();  // what was parsed ahead is parsed again when its time comes
      break;
    }
  }
  return true;
}

void Connection::refuse_input() {
  ++server_.stats.protocol_errors;
  log::verbose("Protocol error ({}) from client: id={} addr={}", parser_.error(), id, remote_);
  reply().error("ERR " + parser_.error());
  close_after_reply();
}

bool Connection::handle_request(std::span<const std::string_view> args, size_t number) {
  const size_t output_before = output_.size();
  const ReplyMode mode_before = reply_mode;
  in_request_ = true;
  const Outcome outcome = number == kAlone ? server_.handler_.handle(*this, args)
                                           : server_.handler_.handle_expected(*this, args, number);
  in_request_ = false;
  if (close_scheduled_) server_.request_turn_end();  // one that came meanwhile could not do it
  if (outcome == Outcome::retry_later) {
    parser_.rewind();
    suspended = true;
    return false;
  }
  if (reply_mode != ReplyMode::on) apply_reply_mode(mode_before, output_before);
  pass_gate();
  if (output_bytes() > kUncheckedOutput) {
    check_output_limit();
    server_.count_memory(*this);
  }
  return true;
}

// CLIENT REPLY: OFF drops every reply, SKIP that of the next command.
void Connection::apply_reply_mode(ReplyMode before, size_t output_before) {
  const bool drop = reply_mode == before;
  if (drop) {
    output_.resize(std::min(output_before, output_.size()));
    output_ += kept_messages_;
  }
  kept_messages_.clear();
  if (reply_mode == ReplyMode::skip_next) {
    reply_mode = ReplyMode::skipping;
  } else if (reply_mode == ReplyMode::skipping) {
    reply_mode = ReplyMode::on;
  }
}

void Connection::finish_batch() {
  if (end_ - begin_ > server_.settings.max_query_bytes) {
    ++server_.stats.query_limit_disconnections;
    log::warning("Closing client that reached max query buffer length: id={} addr={} qbuf={}", id, remote_, end_ - begin_);
    return close_now();
  }
  if (output_bytes() > 0 || source_ != nullptr || close_when_sent_) {
    server_.schedule_flush(*this);
  } else {
    server_.count_memory(*this);
  }
}

void Connection::resume() {
  if (!suspended) return;
  suspended = false;
  server_.schedule_resume(*this);
}

void Connection::close_after_reply() {
  closing = true;
  close_when_sent_ = true;
  server_.schedule_flush(*this);
}

void Connection::close_now() {
  closing = leaving = true;
  server_.client_memory_.forget(*this);
  close_when_sent_ = false;
  server_.schedule_close(*this);
}

void Connection::free_buffers(bool input_too) {
  std::string().swap(output_);
  sent_ = checkpoint_ = 0;
  if (marks_ != nullptr) marks_->clear();
  if (!input_too) return;
  input_.reset();
  capacity_ = begin_ = end_ = 0;
  parser_ = {};
}

void Connection::finish_close() {
  closed_ = true;
  source_ = nullptr;
  stream_.close();
}

// An end of the stream that came together with the last bytes raised no event of its own.
void Connection::confirm_open() {
  char byte;
  if (!closing && ::recv(stream_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) end_of_input();
}

void Connection::tend() {
  check_output_limit();
  const Nanos idle = server_.now() - last_interaction;
  if (begin_ == end_ && capacity_ > 0) {
    if (idle > kIdleInput) {
      input_.reset();
      capacity_ = begin_ = end_ = 0;
      parser_.release_memory();
    } else if (capacity_ > 2 * kInputBuffer && input_peak_ < capacity_ / 2) {
      capacity_ = std::max(kInputBuffer, input_peak_);
      input_ = std::make_unique_for_overwrite<char[]>(capacity_);
      begin_ = end_ = 0;
      parser_.release_memory();
    }
  }
  input_peak_ = end_ - begin_;
  tend_output(idle);
}

}  // namespace holdfast::server
