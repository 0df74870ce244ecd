#include "tests/fuzz/command_mutator.h"

#include <algorithm>

#include "common/resp/request_parser.h"

namespace holdfast::fuzz {
namespace {

constexpr std::string_view kOptions[] = {
    "NX", "XX", "GT", "LT", "CH", "INCR", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "WITHSCORES", "LIMIT", "REV",
    "BYSCORE", "BYLEX", "WEIGHTS", "AGGREGATE", "SUM", "MIN", "MAX", "COUNT", "MATCH", "TYPE", "BEFORE", "AFTER", "LEFT", "RIGHT",
    "RANK", "MAXLEN", "MINID", "=", "~", "NOMKSTREAM", "STREAMS", "BLOCK", "GROUP", "NOACK", "CREATE", "DESTROY", "SETID",
    "CREATECONSUMER", "DELCONSUMER", "MKSTREAM", "ENTRIESREAD", "ENTRIESADDED", "MAXDELETEDID", "JUSTID", "FORCE", "IDLE", "TIME",
    "RETRYCOUNT", "LASTID", "FULL", "STREAM", "GROUPS", "CONSUMERS", "FIELDS", "FNX", "FXX", "WITHVALUES", "WITHCOORD", "WITHDIST",
    "WITHHASH", "FROMMEMBER", "FROMLONLAT", "BYRADIUS", "BYBOX", "ASC", "DESC", "ANY", "STORE", "STOREDIST", "BY", "ALPHA", "#",
    "nosort", "h*->f1", "k*", "km", "m", "ft", "mi", "REPLACE", "ABSTTL", "IDLETIME", "FREQ", "DB", "OVERFLOW", "WRAP", "SAT", "FAIL",
    "SET", "INCRBY", "u8", "i64", "u63", "i5", "#1", "BIT", "BYTE", "AND", "OR", "XOR", "NOT", "LEN", "IDX", "MINMATCHLEN",
    "WITHMATCHLEN", "ENCODING", "ASYNC", "SYNC", "GETREG", "DECODE", "TODENSE", "ON", "OFF", "HELP", "LADDR", "NORMAL",
};
constexpr std::string_view kValues[] = {
    "-", "+", "$", ">", "*", "(1", "[a", "(b", "inf", "-inf", "nan", "0-0", "1-1", "5-*", "5-3", "1-0", "", " ", "1.5", "1e308", "0.1", "-0", "g1",
    "g2", "c1", "c2", "f1", "f2", "a", "b", "c", "13.361389", "38.115556", "Palermo", "*1*", "[^a]", "\\",
};
constexpr int64_t kNumbers[] = {0,  1,  -1,  2,   3,   5,     7,       10,         63,         64,         65,
                                -2, 99, 100, 127, 128, -129,  4096,    32768,      65536,      2147483647, -2147483648LL,
                                2147483648LL, 4294967296LL, INT64_MAX, INT64_MIN, INT64_MAX / 1000, 1600000000, 1700000000000};

template <class Range>
const auto& pick(const Range& range, RandomSource& random) {
  return range[random.below(std::size(range))];
}

std::string random_key(RandomSource& random) {
  static constexpr std::string_view kKinds = "klhszxpg";
  return std::string(1, kKinds[random.below(kKinds.size())]) + static_cast<char>('0' + random.below(3));
}

}  // namespace

std::vector<Request> parse_requests(std::string_view bytes) {
  std::vector<Request> requests;
  resp::RequestParser parser;
  resp::RequestLimits limits;
  limits.max_bulk = 1 << 20;
  while (!bytes.empty() && parser.parse(bytes, limits) == resp::RequestParser::Status::request) {
    if (!parser.args().empty()) requests.emplace_back(parser.args().begin(), parser.args().end());
    bytes.remove_prefix(parser.consumed());
  }
  return requests;
}

std::string to_resp(std::span<const Request> requests) {
  std::string out;
  for (const Request& request : requests) {
    out += "*" + std::to_string(request.size()) + "\r\n";
    for (const std::string& word : request) out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

std::string random_word(RandomSource& random) {
  switch (random.below(8)) {
    case 0:
    case 1:
      return random_key(random);
    case 2:
    case 3:
      return std::string(pick(kOptions, random));
    case 4:
      return std::string(pick(kValues, random));
    case 5:
      return std::to_string(pick(kNumbers, random));
    case 6:
      return std::to_string(random.below(20));
    default: {
      std::string bytes(random.below(10) == 0 ? 60 + random.below(200) : random.below(12), 'x');
      for (char& byte : bytes) byte = static_cast<char>(random.below(256));
      return bytes;
    }
  }
}

void mutate(std::vector<Request>& requests, RandomSource& random, std::span<const std::string_view> commands) {
  const auto fresh = [&] {
    Request request{std::string(pick(commands, random)), random_key(random)};
    for (uint64_t more = random.below(5); more > 0; --more) request.push_back(random_word(random));
    return request;
  };
  if (requests.empty()) return requests.push_back(fresh());
  const size_t at = random.below(requests.size());
  Request& request = requests[at];
  switch (random.below(9)) {
    case 0:
      requests.insert(requests.begin() + static_cast<ptrdiff_t>(at), fresh());
      break;
    case 1:
      requests.push_back(Request(request));
      break;
    case 2:
      requests.erase(requests.begin() + static_cast<ptrdiff_t>(at));
      break;
    case 3:
      std::swap(request, requests[random.below(requests.size())]);
      break;
    case 4:
      request[0] = pick(commands, random);
      break;
    case 5:
      request.insert(request.begin() + static_cast<ptrdiff_t>(1 + random.below(request.size())), random_word(random));
      break;
    case 6:
      if (request.size() > 1) request.erase(request.begin() + static_cast<ptrdiff_t>(1 + random.below(request.size() - 1)));
      break;
    default:
      if (request.size() > 1) request[1 + random.below(request.size() - 1)] = random_word(random);
      break;
  }
}

}  // namespace holdfast::fuzz
