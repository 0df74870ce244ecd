// One client connection of the HTTP endpoint: read a request, answer it, read the next.
//
// Lives on the HTTP thread only and keeps itself alive while an operation is pending. Internal to common/http.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <memory>
#include <optional>

#include "common/http/server.h"

namespace holdfast::http {

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  struct Host {
    ServerOptions options;
    std::function<Response(Request)> answer;
    std::function<void(Connection*)> closed;
  };

  Connection(boost::asio::ip::tcp::socket socket, std::shared_ptr<const Host> host);
  ~Connection();

  void start();
  void close();
  // True while no request is being answered: such a connection may be closed to make room.
  bool waiting() const { return waiting_; }

 private:
  void read(std::chrono::milliseconds timeout);
  void on_first_byte();
  void on_request(boost::beast::error_code error);
  void respond(Response response, bool head, bool no_body, bool keep_alive, bool allow);

  boost::beast::tcp_stream stream_;
  std::shared_ptr<const Host> host_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::empty_body>> parser_;
  unsigned version_ = 11;
  bool waiting_ = true;
};

}  // namespace holdfast::http
