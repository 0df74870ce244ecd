#include "common/net/resp_link.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>

#include "common/base/text.h"
#include "common/net/socket_calls.h"
#include "common/resp/writer.h"

namespace holdfast::net {

namespace {

constexpr size_t kReadBuffer = 16 * 1024;
constexpr size_t kKeepOutput = 1024;
constexpr int kReadsInTurn = 16;  // then the others get their turn

// What is received is parsed at once, so one buffer serves all links of a thread.
thread_local std::array<char, kReadBuffer> received;

Error to_error(const boost::system::error_code& code, std::string_view what) {
  return {fmt::format("{}: {}", what, code.message()),
          code.category() == boost::system::system_category() ? code.value() : 0};
}

}  // namespace

std::shared_ptr<RespLink> RespLink::open(boost::asio::io_context& io, Options options, Handler& handler) {
  std::shared_ptr<RespLink> link(new RespLink(io, std::move(options), handler));
  link->start();
  return link;
}

RespLink::RespLink(boost::asio::io_context& io, Options options, Handler& handler)
    : io_(io),
      options_(std::move(options)),
      handler_(&handler),
      socket_(io.get_executor()),
      resolver_(io.get_executor()),
      timer_(io.get_executor()),
      parser_(options_.limits) {}

RespLink::~RespLink() = default;

void RespLink::start() {
  if (options_.connect_timeout.count() > 0) {
    timer_.expires_after(options_.connect_timeout);
    timer_.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (!error && self->state_ == State::connecting) self->die({"Connection timed out", ETIMEDOUT});
    });
  }
  boost::system::error_code error;
  const auto numeric = boost::asio::ip::make_address(options_.address.host, error);
  if (!error) {
    candidates_ = {Tcp::endpoint(numeric, options_.address.port)};
    try_next();
  } else if (options_.resolve) {
    resolve();
  } else {
    fail_later({fmt::format("'{}' is not an address", options_.address.host), 0});
  }
}

void RespLink::resolve() {
  resolver_.async_resolve(
      options_.address.host, std::to_string(options_.address.port), boost::asio::ip::resolver_base::numeric_service,
      [self = shared_from_this()](boost::system::error_code error, const Tcp::resolver::results_type& results) {
        if (self->state_ == State::dead) return;
        if (error) return self->die(to_error(error, "Failed to resolve hostname"));
        for (const auto& result : results) self->candidates_.push_back(result.endpoint());
        std::reverse(self->candidates_.begin(), self->candidates_.end());
        self->try_next();
      });
}

// Connects to the next address of the name. Failures that are known at once reach the handler in a later turn.
void RespLink::try_next() {
  while (!candidates_.empty()) {
    const Tcp::endpoint endpoint = candidates_.back();
    candidates_.pop_back();
    if (auto opened = open_socket(endpoint); !opened) {
      last_error_ = opened.error();
      continue;
    }
    socket_.async_connect(endpoint, [self = shared_from_this()](boost::system::error_code error) {
      if (self->state_ == State::dead) return;
      if (!error) return self->connected();
      self->last_error_ = to_error(error, "connect");
      self->try_next();
    });
    return;
  }
  fail_later(last_error_.text.empty() ? Error{"no address to connect to", 0} : last_error_);
}

Result<> RespLink::open_socket(const Tcp::endpoint& endpoint) {
  boost::system::error_code error;
  socket_.close(error);
  socket_.open(boost::asio::generic::stream_protocol(endpoint.protocol()), error);
  if (error) return std::unexpected(to_error(error, "socket"));
  socket_.native_non_blocking(true, error);
  set_no_delay(socket_.native_handle(), true);
  set_keepalive(socket_.native_handle(), options_.keepalive_seconds);
  if (options_.source_address.empty()) return {};
  const auto source = boost::asio::ip::make_address(options_.source_address, error);
  if (!error) socket_.bind(Tcp::endpoint(source, 0), error);
  if (error) return std::unexpected(to_error(error, "bind"));
  return {};
}

void RespLink::connected() {
  const int fd = socket_.native_handle();
  const std::string local = local_name(fd);
  // On loopback a connect to a port where nobody listens may meet itself: TCP's simultaneous open.
  if (local == peer_name(fd)) {
    last_error_ = {"connect: Connection refused", ECONNREFUSED};
    return try_next();
  }
  timer_.cancel();
  boost::system::error_code error;
  StreamEvents& events = *this;
  stream_ = std::make_unique<Stream>(io_, socket_.release(error), events);
  if (stream_->fd() < 0) return fail_later({"connect: no room to watch the socket", ENOSPC});
  state_ = State::up;
  stream_->start();
  flush();
  if (handler_ == nullptr || state_ == State::dead) return;
  std::string host = local.substr(0, local.rfind(':'));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  handler_->on_link_up(*this, host);
}

void RespLink::readable() {
  if (state_ != State::up || dying_) return;
  const auto self = shared_from_this();
  reading_ = true;
  bool more = true;
  for (int i = 0; i < kReadsInTurn && more; ++i) more = receive();
  reading_ = false;
  if (more) stream_->read_again();
}

// Also once more after all has been taken: an end that came with the last bytes raises no event of its own.
bool RespLink::receive() {
  const ssize_t count = receive_bytes(stream_->fd(), received.data(), received.size());
  if (count > 0) {
    take_input({received.data(), static_cast<size_t>(count)});
    return state_ == State::up && !dying_;
  }
  if (count == 0) {
    fail_later({"Server closed the connection", 0});
  } else if (errno != EAGAIN && errno != EWOULDBLOCK) {
    fail_later({fmt::format("read: {}", std::strerror(errno)), errno});
  }
  return false;
}

void RespLink::writable() {
  if (state_ == State::up) flush();
}

void RespLink::take_input(std::string_view bytes) {
  std::string_view rest = bytes;
  if (!input_.empty()) {
    input_.append(bytes);
    rest = input_;
  }
  while (!rest.empty() && state_ != State::dead) {
    auto parsed = parser_.parse(rest);
    if (!parsed) return die({fmt::format("Protocol error: {}", parsed.error().text), 0});
    if (!*parsed) break;
    if (is_push(**parsed)) {
      handler_->on_link_push(*this, **parsed);
    } else if (!answer(std::move(**parsed))) {
      return die({"Protocol error: a reply that answers no command", 0});
    }
  }
  if (state_ == State::dead) return;
  input_ = std::string(rest);
}

bool RespLink::is_push(const resp::Reply& reply) const {
  const bool marked = reply.type == resp::Reply::Type::push;
  if (!marked && (!options_.pushes || reply.type != resp::Reply::Type::array)) return false;
  if (reply.items.empty() || !reply.items[0].is_text()) return marked;
  const std::string& word = reply.items[0].text;
  if (word == "message" || word == "pmessage" || word == "smessage") return true;
  return marked && !word.ends_with("subscribe");  // confirmations answer SUBSCRIBE and its relatives
}

bool RespLink::answer(resp::Reply reply) {
  if (pending_.empty()) return false;
  Pending& first = pending_.front();
  if (first.expected > 1) {
    first.replies.push_back(std::move(reply));
    if (first.replies.size() < first.expected) return true;
  }
  const Pending complete = std::move(first);
  pending_.erase(pending_.begin());
  if (!complete.done) return true;
  if (complete.expected > 1) {
    complete.done(complete.replies);
  } else {
    complete.done({&reply, 1});
  }
  return true;
}

void RespLink::send(std::span<const Command> commands, OnReplies done) {
  if (commands.empty()) return;
  std::string encoded;
  resp::Writer writer(encoded);
  std::vector<std::string_view> words;
  for (const Command& command : commands) {
    words.assign(command.begin(), command.end());
    writer.command(words);
  }
  send_encoded(encoded, commands.size(), std::move(done));
}

void RespLink::send_encoded(std::string_view commands, size_t count, OnReplies done) {
  if (state_ == State::dead) return;
  output_ += commands;
  pending_.push_back({count, {}, std::move(done)});
  if (state_ == State::up) flush();
}

void RespLink::flush() {
  while (sent_ < output_.size() && !stream_->waits_writable() && !dying_) {
    const ssize_t count = send_bytes(stream_->fd(), output_.data() + sent_, output_.size() - sent_);
    if (count >= 0) {
      sent_ += static_cast<size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return stream_->wait_writable();
    } else {
      return fail_later({fmt::format("write: {}", std::strerror(errno)), errno});
    }
  }
  if (sent_ < output_.size()) return;
  sent_ = 0;
  output_.clear();
  if (output_.capacity() > kKeepOutput) output_.shrink_to_fit();
}

void RespLink::fail_later(Error error) {
  if (dying_) return;
  dying_ = true;
  boost::asio::post(io_.get_executor(), [self = shared_from_this(), error = std::move(error)] { self->die(error); });
}

void RespLink::die(Error error) {
  if (state_ == State::dead) return;
  Handler* handler = handler_;
  close();
  if (handler != nullptr) handler->on_link_down(*this, error);
}

void RespLink::close() {
  state_ = State::dead;
  handler_ = nullptr;
  // The callbacks of what is pending may hold what the owner is about to destroy; a running one is not among them.
  pending_.clear();
  timer_.cancel();
  resolver_.cancel();
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (stream_ == nullptr) return;
  if (reading_) {  // not from within: it is this object's turn on the reactor
    boost::asio::post(io_.get_executor(), [self = shared_from_this()] { self->stream_.reset(); });
  } else {
    stream_.reset();
  }
}

}  // namespace holdfast::net
