// The way of a connection's output: the gate, the socket, the limits and the buffer's size.
#include <sys/socket.h>

#include <cerrno>

#include "common/log/log.h"
#include "common/net/socket_calls.h"
#include "common/server/connection.h"

namespace holdfast::server {

namespace {

constexpr size_t kLeastOutput = 1024;            // an empty reply buffer shrinks no further while its client is there
constexpr size_t kKeepOutput = 16 * 1024;        // an emptied one that is larger than twice this shrinks to it at once
constexpr size_t kSourceBurst = 256 * 1024;      // from an output source in one go, then others get their turn
constexpr Nanos kIdleOutput = Seconds(10);       // a reply buffer unused for so long is given back

// What std::string allocates for this capacity is one byte more, for its terminator.
std::string buffer_of(size_t bytes) {
  std::string buffer;
  buffer.reserve(bytes - 1);
  return buffer;
}

}  // namespace

void Connection::keep_message(size_t begin) {
  if (in_request_ && reply_mode != ReplyMode::on) kept_messages_.append(output_, begin);
}

void Connection::pass_gate() {
  if (server_.gate_.holding()) {
    uint64_t offset = server_.gate_.take_dependence();
    if (messages_unmarked_) offset = server_.gate_.produced();
    if (output_.size() > checkpoint_ && offset > server_.gate_.released()) hold_output(offset);
  }
  messages_unmarked_ = false;
  checkpoint_ = output_.size();
}

// What is behind a mark waits for it, whatever it depends on itself.
void Connection::hold_output(uint64_t offset) {
  if (marks_ == nullptr) marks_ = std::make_unique<std::deque<Mark>>();
  if (marks_->empty() || marks_->back().offset < offset) marks_->push_back({checkpoint_, offset});
  if (!at_gate_) {
    at_gate_ = true;
    server_.gated_.push_back(this);
  }
}

size_t Connection::sendable_end() {
  if (output_.size() > checkpoint_) pass_gate();
  if (marks_ == nullptr) return output_.size();
  while (!marks_->empty() && marks_->front().offset <= server_.gate_.released()) marks_->pop_front();
  return marks_->empty() ? output_.size() : marks_->front().begin;
}

void Connection::output_ready() {
  if (closed_) return;
  // Inside the client's own request the end of it looks after the output. Else this may be the middle of another one
  // whose effects are not yet logged: what they are is known before anything is sent.
  messages_unmarked_ |= !in_request_;
  check_output_limit();
  server_.schedule_flush(*this);
}

void Connection::flush() {
  if (closed_ || stream_.waits_writable() || (closing && !close_when_sent_)) return;
  output_peak_ = std::max(output_peak_, output_.size());
  const size_t end = sendable_end();
  if (!send_buffer(end)) return;
  if (sent_ == output_.size()) {
    drop_sent_output();
    if (source_ != nullptr && !close_when_sent_ && !send_source()) return;
    if (close_when_sent_) return close_now();
  } else {
    check_output_limit();
  }
}

void Connection::drop_sent_output() {
  sent_ = checkpoint_ = 0;
  over_soft_limit_ = false;
  if (output_.capacity() >= 2 * kKeepOutput) {
    output_ = buffer_of(kKeepOutput);
  } else if (output_.capacity() + 1 < kLeastOutput && !output_.empty()) {
    output_ = buffer_of(kLeastOutput);
  } else {
    output_.clear();
  }
}

// On an I/O thread: sends what the socket takes and leaves what comes of it to the executor, whose flush() meets it again.
void Connection::send_in_thread(size_t end) {
  while (sent_ < end) {
    const ssize_t sent = net::send_bytes(stream_.fd(), output_.data() + sent_, end - sent_);
    if (sent < 0) return;
    sent_ += static_cast<size_t>(sent);
    ++thread_sends_;
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
  const ssize_t sent = net::send_bytes(stream_.fd(), bytes.data(), bytes.size());
  if (sent >= 0) {
    count = static_cast<size_t>(sent);
    server_.stats.output_bytes += count;
    ++server_.stats.writes;
    return true;
  }
  if (errno == EAGAIN || errno == EWOULDBLOCK) {
    wait_writable();
  } else {
    close_now();
  }
  return false;
}

void Connection::wait_writable() {
  // A half-sent large buffer gives back what is sent, so that a slow reader does not keep it all.
  if (sent_ > output_.size() / 2 && sent_ > kKeepOutput) {
    output_.erase(0, sent_);
    if (marks_ != nullptr) {
      for (Mark& mark : *marks_) mark.begin -= std::min(mark.begin, sent_);
    }
    checkpoint_ -= std::min(checkpoint_, sent_);
    sent_ = 0;
  }
  stream_.wait_writable();
}

void Connection::writable() {
  if (closed_) return;
  server_.refresh_now();
  last_interaction = server_.now();
  flush();
  server_.count_memory(*this);
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

// The reply buffer follows the most it had to hold since the last look: it is halved when half would have done.
void Connection::tend_output(Nanos idle) {
  const ReplyBufferSettings& settings = server_.settings.reply_buffer;
  if (output_.empty() && settings.resizing) {
    const size_t size = output_.capacity() + 1;
    if (idle > kIdleOutput && size > 16) {
      std::string().swap(output_);
    } else if (size > kLeastOutput && output_peak_ < size / 2) {
      output_ = buffer_of(std::max(kLeastOutput, size / 2));
    }
  }
  if (output_.capacity() < output_capacity_) ++server_.stats.reply_buffer_shrinks;
  if (output_.capacity() > output_capacity_) ++server_.stats.reply_buffer_expands;
  output_capacity_ = output_.capacity();
  if (settings.peak_reset.count() >= 0 && server_.now() - output_peak_reset_ >= settings.peak_reset) {
    output_peak_ = output_.size();
    output_peak_reset_ = server_.now();
  }
}

}  // namespace holdfast::server
