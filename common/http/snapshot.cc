#include "common/http/snapshot.h"

#include <nlohmann/json.hpp>

#include "common/base/assert.h"

namespace holdfast::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string result;
  result.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      result += ' ';
    } else if (text[i] != '%') {
      result += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = hex_digit(text[i + 1]), low = hex_digit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      result += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return result;
}

}  // namespace

std::optional<std::string_view> Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

std::optional<Request> parse_target(std::string_view target) {
  if (target.empty() || target.front() != '/') return std::nullopt;
  target = target.substr(0, target.find('#'));
  const size_t question = target.find('?');
  auto path = percent_decode(target.substr(0, question), false);
  if (!path) return std::nullopt;
  Request request;
  request.path = std::move(*path);
  if (question == std::string_view::npos) return request;
  std::string_view query = target.substr(question + 1);
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view item = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    auto key = percent_decode(item.substr(0, equals), true);
    auto value = percent_decode(equals == std::string_view::npos ? std::string_view() : item.substr(equals + 1), true);
    if (!key || !value) return std::nullopt;
    request.query.emplace_back(std::move(*key), std::move(*value));
  }
  return request;
}

Response error_response(unsigned status, std::string_view text) {
  const nlohmann::json body = {{"error", text}};
  return {status, std::string(kJson), body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
}

void Snapshot::add(std::string path, Response response) {
  add(std::move(path), [response = std::move(response)](const Request&) { return response; });
}

void Snapshot::add(std::string path, Handler handler) { paths_.insert_or_assign(std::move(path), std::move(handler)); }

void Snapshot::add_prefix(std::string prefix, Handler handler) {
  HOLDFAST_ASSERT(prefix.ends_with('/'));
  prefixes_.insert_or_assign(std::move(prefix), std::move(handler));
}

Response Snapshot::answer(Request request) const {
  if (const auto exact = paths_.find(request.path); exact != paths_.end()) return exact->second(request);
  for (const auto& [prefix, handler] : prefixes_) {
    if (!request.path.starts_with(prefix) || request.path.size() == prefix.size()) continue;
    request.rest = request.path.substr(prefix.size());
    return handler(request);
  }
  return error_response(404, "no such path: " + request.path);
}

}  // namespace holdfast::http
