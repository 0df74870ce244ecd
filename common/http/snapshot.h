// What the HTTP endpoint serves: an immutable table of paths that the main loop builds and publishes.
//
// A path has a fixed response, or a handler that computes one from the request and from facts it captured by value (or by
// shared_ptr to const). Handlers run on the HTTP thread, so they must be pure: nothing of the main loop may be touched.
// Build a Snapshot on one thread, publish it as shared_ptr<const Snapshot>, and change it no more.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::http {

inline constexpr std::string_view kJson = "application/json";

struct Response {
  unsigned status = 200;
  std::string content_type{kJson};
  std::string body;
};

struct Request {
  std::string path;                                         // percent-decoded, without the query
  std::vector<std::pair<std::string, std::string>> query;   // decoded, in order
  std::string last_event_id;                                // the header of clients of server-sent events that come back
  std::string rest;                                         // what followed the prefix, for add_prefix
  std::chrono::milliseconds snapshot_age{0};                // since publish: how long the main loop has been silent

  // The first value of a query parameter.
  std::optional<std::string_view> parameter(std::string_view name) const;
};

// Splits a request target ("/replica?lag=10mb") and decodes it; nothing for what is not an absolute path or is malformed.
std::optional<Request> parse_target(std::string_view target);

// {"error": "..."} with the text escaped.
Response error_response(unsigned status, std::string_view text);

class Snapshot {
 public:
  using Handler = std::function<Response(const Request&)>;

  void add(std::string path, Response response);
  void add(std::string path, Handler handler);
  // Everything below prefix ("/quorum/"), which ends with a slash; the handler finds the remainder in Request::rest.
  // An empty remainder is not found.
  void add_prefix(std::string prefix, Handler handler);

  // Unknown paths are 404.
  Response answer(Request request) const;

 private:
  std::map<std::string, Handler, std::less<>> paths_;
  std::map<std::string, Handler, std::less<>> prefixes_;
};

}  // namespace holdfast::http
