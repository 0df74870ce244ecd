// A client's end of a RESP connection: resolves, connects, sends commands, hands their replies back in order.
//
// Executor thread only; nothing blocks (names are resolved by Asio's resolver, numeric addresses at once). Callbacks
// never run inside open(), send() or close(); after close() none runs at all. A link is used once: after on_link_down
// it is dead and a new one is opened in its place. Commands may be sent before the connection stands; they leave when
// it does.
//
// Errors (all final, one on_link_down each): the name does not resolve, the connection is refused or takes longer than
// connect_timeout, the peer closes, does not speak RESP, or sends a reply that nobody asked for.
//
// Made for thousands of links that are mostly silent: one recv for what has arrived, into a buffer that all share. Needs an
// io_context as Stream does.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/net/socket.h"
#include "common/net/stream.h"
#include "common/resp/reply.h"
#include "common/time/clock.h"

namespace holdfast::net {

class RespLink final : public std::enable_shared_from_this<RespLink>, private StreamEvents {
 public:
  class Handler {
   public:
    virtual ~Handler() = default;
    // Connected; `local_address` is the numeric address of this end.
    virtual void on_link_up(RespLink& link, const std::string& local_address) = 0;
    virtual void on_link_down(RespLink& link, const Error& error) = 0;
    // What the peer sends by itself: pub/sub messages (of links with `pushes`) and RESP3 pushes.
    virtual void on_link_push(RespLink& link, const resp::Reply& message) = 0;
  };

  struct Options {
    Endpoint address;
    uint64_t tag = 0;            // the owner's name for the link
    std::string source_address;  // numeric, of this end; "" = the system's choice
    bool resolve = true;         // false: numeric addresses only, a name is an error
    bool pushes = false;         // subscribes: arrays that are pub/sub messages answer no command
    Millis connect_timeout{0};   // from open(), with the resolving; 0 = the system's
    int keepalive_seconds = 0;   // 0 = off
    resp::ReplyLimits limits;
  };

  // One reply for each command sent together, in order.
  using OnReplies = std::function<void(std::span<const resp::Reply> replies)>;
  using Command = std::vector<std::string>;

  static std::shared_ptr<RespLink> open(boost::asio::io_context& io, Options options, Handler& handler);
  ~RespLink();
  RespLink(const RespLink&) = delete;
  RespLink& operator=(const RespLink&) = delete;

  // Written together, without waiting. `done` runs when all the replies are there (never, if the link dies first); a
  // null one drops them. On a dead link this does nothing.
  void send(std::span<const Command> commands, OnReplies done);
  // The same with `count` commands that are encoded already.
  void send_encoded(std::string_view commands, size_t count, OnReplies done);
  void close();

  uint64_t tag() const { return options_.tag; }
  const Endpoint& address() const { return options_.address; }
  bool up() const { return state_ == State::up; }

 private:
  struct Pending {
    size_t expected;
    std::vector<resp::Reply> replies;
    OnReplies done;
  };
  enum class State : uint8_t { connecting, up, dead };
  using Tcp = boost::asio::ip::tcp;
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

  RespLink(boost::asio::io_context& io, Options options, Handler& handler);
  void start();
  void resolve();
  void try_next();
  Result<> open_socket(const Tcp::endpoint& endpoint);
  void connected();
  void readable() override;
  void writable() override;
  bool receive();  // true: there may be more
  void take_input(std::string_view bytes);
  bool is_push(const resp::Reply& reply) const;
  bool answer(resp::Reply reply);  // false: nobody asked
  void flush();
  void die(Error error);
  void fail_later(Error error);

  boost::asio::io_context& io_;
  const Options options_;
  Handler* handler_;  // null after close
  State state_ = State::connecting;
  bool dying_ = false;    // a failure is on its way to the handler
  bool reading_ = false;  // within readable()
  Socket socket_;         // until it is connected; then
  std::unique_ptr<Stream> stream_;
  boost::asio::ip::basic_resolver<Tcp, Executor> resolver_;
  Timer timer_;
  std::vector<Tcp::endpoint> candidates_;  // still to be tried, the next one last
  Error last_error_;

  std::string output_;
  size_t sent_ = 0;  // of output_
  std::vector<Pending> pending_;  // the oldest first; few
  std::string input_;             // an incomplete reply
  resp::ReplyParser parser_;
};

}  // namespace holdfast::net
