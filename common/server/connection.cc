#include "common/server/connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "common/log/log.h"

namespace holdfast::server {

namespace {

constexpr size_t kInputBuffer = 16 * 1024;
constexpr size_t kKeepOutput = 64 * 1024;        // an emptied output buffer larger than this is given back
constexpr size_t kSuspendedInput = 1024 * 1024;  // a suspended client is read no further than this
constexpr size_t kSourceBurst = 1024 * 1024;     // from an output source in one go, then others get their turn

}  // namespace

Connection::Connection(Server& server, int fd, bool unix_socket, uint64_t id)
    : Session(id), server_(server), socket_(server.io().get_executor()), unix_(unix_socket),
      input_(std::make_unique_for_overwrite<char[]>(kInputBuffer)), capacity_(kInputBuffer) {
  const int family = unix_socket ? AF_UNIX : AF_INET;
  boost::system::error_code ignored;
  socket_.assign(boost::asio::generic::stream_protocol(family, 0), fd, ignored);
  socket_.native_non_blocking(true, ignored);
  loopback_ = net::peer_is_loopback(fd);
  remote_ = net::peer_name(fd);
  local_ = net::local_name(fd);
  created = last_interaction = server.now();
}

int Connection::file_descriptor() const { return const_cast<net::Socket&>(socket_).native_handle(); }

void Connection::start() { read(); }

void Connection::read() {
  if (reading_ || closed_ || closing) return;
  if (suspended && end_ - begin_ >= kSuspendedInput) return;
  make_room();
  reading_ = true;
  ++operations_;
  socket_.async_read_some(boost::asio::buffer(input_.get() + end_, capacity_ - end_),
                          [this](boost::system::error_code error, size_t count) { read_done(error, count); });
}

// Room for at least one read: first by moving the rest to the front, then by doubling.
void Connection::make_room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (capacity_ > 4 * kInputBuffer) {
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
    const size_t larger = capacity_ * 2;
    auto grown = std::make_unique_for_overwrite<char[]>(larger);
    std::memcpy(grown.get(), input_.get() + begin_, pending);
    input_ = std::move(grown);
    capacity_ = larger;
  }
  begin_ = 0;
  end_ = pending;
}

void Connection::read_done(boost::system::error_code error, size_t count) {
  --operations_;
  reading_ = false;
  if (closed_) {
    server_.schedule_close(*this);
    return;
  }
  server_.refresh_now();
  if (error) {
    close_now();
    return;
  }
  end_ += count;
  last_interaction = server_.now();
  server_.stats.input_bytes += count;
  ++server_.stats.reads;
  process_input();
  read();
}

void Connection::process_input() {
  resp::RequestLimits limits;
  limits.max_bulk = server_.settings.max_bulk_bytes;
  while (begin_ < end_ && !closing && !suspended) {
    limits.authenticated = authenticated;
    const auto status = parser_.parse({input_.get() + begin_, end_ - begin_}, limits);
    if (status == resp::RequestParser::Status::need_more) break;
    if (status == resp::RequestParser::Status::error) {
      ++server_.stats.protocol_errors;
      log::verbose("Protocol error ({}) from client: id={} addr={}", parser_.error(), id, remote_);
      reply().error("ERR " + parser_.error());
      close_after_reply();
      break;
    }
    if (!parser_.args().empty()) {
      handle_request(parser_.args());
      if (suspended && parser_.consumed() == 0) break;  // to be handed over again
    }
    begin_ += parser_.consumed();
  }
  if (end_ - begin_ > server_.settings.max_query_bytes) {
    ++server_.stats.query_limit_disconnections;
    log::warning("Closing client that reached max query buffer length: id={} addr={} qbuf={}", id, remote_, end_ - begin_);
    close_now();
    return;
  }
  if (server_.deferred_ || server_.gate_.holding()) {
    server_.schedule_flush(*this);
  } else {
    flush();
  }
}

void Connection::handle_request(std::span<const std::string_view> args) {
  const size_t output_before = output_.size();
  const ReplyMode mode_before = reply_mode;
  in_request_ = true;
  const Outcome outcome = server_.handler_.handle(*this, args);
  in_request_ = false;
  if (outcome == Outcome::retry_later) {
    parser_.rewind();
    suspended = true;
    return;
  }
  apply_reply_mode(mode_before, output_before);
  pass_gate();
}

// CLIENT REPLY: OFF drops every reply, SKIP that of the next command.
void Connection::apply_reply_mode(ReplyMode before, size_t output_before) {
  if (reply_mode == ReplyMode::on) return;
  const bool drop = reply_mode == before;
  if (drop) output_.resize(std::min(output_before, output_.size()));
  if (reply_mode == ReplyMode::skip_next) {
    reply_mode = ReplyMode::skipping;
  } else if (reply_mode == ReplyMode::skipping) {
    reply_mode = ReplyMode::on;
  }
}

void Connection::pass_gate() {
  if (server_.gate_.holding() && output_.size() > checkpoint_) hold_output();
  checkpoint_ = output_.size();
}

void Connection::hold_output() {
  const uint64_t offset = server_.gate_.produced();
  if (marks_.empty() || marks_.back().offset < offset) marks_.push_back({checkpoint_, offset});
  checkpoint_ = output_.size();
  if (!at_gate_) {
    at_gate_ = true;
    server_.gated_.push_back(this);
  }
}

size_t Connection::sendable_end() {
  while (!marks_.empty() && marks_.front().offset <= server_.gate_.released()) marks_.pop_front();
  return marks_.empty() ? output_.size() : marks_.front().begin;
}

void Connection::output_ready() {
  if (closed_) return;
  // Inside the client's own request the end of it looks after the output.
  if (!in_request_) pass_gate();
  check_output_limit();
  server_.schedule_flush(*this);
}

void Connection::flush() {
  if (closed_ || waiting_writable_) return;
  const size_t end = sendable_end();
  if (!send_buffer(end)) return;
  if (sent_ == output_.size()) {
    drop_sent_output();
    if (source_ != nullptr && !close_when_sent_ && !send_source()) return;
    if (close_when_sent_) return close_now();
  }
  check_output_limit();
}

void Connection::drop_sent_output() {
  sent_ = checkpoint_ = 0;
  if (output_.capacity() > kKeepOutput) {
    std::string().swap(output_);
  } else {
    output_.clear();
  }
}

bool Connection::send_buffer(size_t end) {
  while (sent_ < end) {
    size_t count = 0;
    if (!send_bytes({output_.data() + sent_, end - sent_}, count)) return false;
    sent_ += count;
  }
  return true;
}

bool Connection::send_source() {
  size_t burst = 0;
  while (burst < kSourceBurst) {
    const std::string_view bytes = source_->next();
    if (bytes.empty() || source_ == nullptr) return true;
    size_t count = 0;
    if (!send_bytes(bytes, count)) return false;
    source_->consumed(count);
    if (source_ == nullptr) return true;
    burst += count;
  }
  server_.schedule_flush(*this);
  return true;
}

// One send; false when the socket is full (a wait is set up) or broken (the connection closes).
bool Connection::send_bytes(std::string_view bytes, size_t& count) {
  while (true) {
    const ssize_t sent = ::send(socket_.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      count = static_cast<size_t>(sent);
      server_.stats.output_bytes += count;
      ++server_.stats.writes;
      return true;
    }
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) {
      wait_writable();
    } else {
      close_now();
    }
    return false;
  }
}

void Connection::wait_writable() {
  if (waiting_writable_) return;
  // A half-sent large buffer gives back what is sent, so that a slow reader does not keep it all.
  if (sent_ > output_.size() / 2 && sent_ > kKeepOutput) {
    output_.erase(0, sent_);
    for (Mark& mark : marks_) mark.begin -= std::min(mark.begin, sent_);
    checkpoint_ -= std::min(checkpoint_, sent_);
    sent_ = 0;
  }
  waiting_writable_ = true;
  ++operations_;
  socket_.async_wait(net::Socket::wait_write, [this](boost::system::error_code error) {
    --operations_;
    waiting_writable_ = false;
    if (closed_) {
      server_.schedule_close(*this);
      return;
    }
    server_.refresh_now();
    if (error) return close_now();
    last_interaction = server_.now();
    flush();
  });
}

void Connection::check_output_limit() {
  if (closing) return;
  const OutputLimit& limit = server_.output_limit(type);
  const size_t pending = output_bytes();
  bool over = limit.hard_bytes > 0 && pending >= limit.hard_bytes;
  if (limit.soft_bytes > 0 && pending >= limit.soft_bytes) {
    if (!over_soft_limit_) {
      over_soft_limit_ = true;
      soft_limit_since_ = server_.now();
    }
    over |= server_.now() - soft_limit_since_ > limit.soft_period;
  } else {
    over_soft_limit_ = false;
  }
  if (!over) return;
  ++server_.stats.output_limit_disconnections;
  log::warning("Client id={} addr={} name={} omem={} scheduled to be closed ASAP for overcoming of output buffer limits.",
               id, remote_, name, pending);
  close_now();
}

void Connection::set_output_source(OutputSource* source) {
  source_ = source;
  if (source != nullptr) server_.schedule_flush(*this);
}

void Connection::resume() {
  if (!suspended) return;
  suspended = false;
  if (closed_ || closing || in_request_) return;
  process_input();
  read();
}

void Connection::close_after_reply() {
  closing = true;
  close_when_sent_ = true;
  server_.schedule_flush(*this);
}

void Connection::close_now() {
  closing = true;
  close_when_sent_ = false;
  server_.schedule_close(*this);
}

void Connection::finish_close() {
  if (closed_) return;
  closed_ = true;
  source_ = nullptr;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

}  // namespace holdfast::server
