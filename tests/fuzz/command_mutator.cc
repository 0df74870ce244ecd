#include "tests/fuzz/command_mutator.h"

#include <algorithm>

#include "common/resp/request_parser.h"
#include "tests/fuzz/command_examples.h"
#include "tests/fuzz/fuzz_targets.h"

namespace holdfast::fuzz {
namespace {

// clang-format off
constexpr std::string_view kOptions[] = {
    "NX", "XX", "GT", "LT", "CH", "INCR", "GET", "EX", "PX", "EXAT", "PXAT", "KEEPTTL", "PERSIST", "WITHSCORES",
    "LIMIT", "REV", "BYSCORE", "BYLEX", "WEIGHTS", "AGGREGATE", "SUM", "MIN", "MAX", "COUNT", "MATCH", "TYPE",
    "BEFORE", "AFTER", "LEFT", "RIGHT", "RANK", "MAXLEN", "MINID", "=", "~", "NOMKSTREAM", "STREAMS", "BLOCK",
    "GROUP", "NOACK", "CREATE", "DESTROY", "SETID", "CREATECONSUMER", "DELCONSUMER", "MKSTREAM", "ENTRIESREAD",
    "ENTRIESADDED", "MAXDELETEDID", "JUSTID", "FORCE", "IDLE", "TIME", "RETRYCOUNT", "LASTID", "FULL", "STREAM",
    "GROUPS", "CONSUMERS", "FIELDS", "FNX", "FXX", "WITHVALUES", "WITHCOORD", "WITHDIST", "WITHHASH", "FROMMEMBER",
    "FROMLONLAT", "BYRADIUS", "BYBOX", "ASC", "DESC", "ANY", "STORE", "STOREDIST", "BY", "ALPHA", "#", "nosort",
    "h*->f1", "k*", "km", "m", "ft", "mi", "REPLACE", "ABSTTL", "IDLETIME", "FREQ", "DB", "OVERFLOW", "WRAP", "SAT",
    "FAIL", "SET", "INCRBY", "u8", "i64", "u63", "i5", "#1", "BIT", "BYTE", "AND", "OR", "XOR", "NOT", "LEN", "IDX",
    "MINMATCHLEN", "WITHMATCHLEN", "ENCODING", "ASYNC", "SYNC", "GETREG", "DECODE", "TODENSE", "ON", "OFF", "HELP",
    "LADDR", "NORMAL",
};
constexpr std::string_view kValues[] = {
    "-",   "+",   "$",   ">", "*", "(1",        "[a",        "(b",      "inf", "-inf", "nan", "0-0", "1-1",
    "5-*", "5-3", "1-0", "",  " ", "1.5",       "1e308",     "0.1",     "-0",  "g1",   "g2",  "c1",  "c2",
    "f1",  "f2",  "a",   "b", "c", "13.361389", "38.115556", "Palermo", "*1*", "[^a]", "\\",
};
constexpr int64_t kNumbers[] = {
    0, 1, -1, 2, 3, 5, 7, 10, 63, 64, 65, -2, 99, 100, 127, 128, -129, 4096, 32768, 65536, 2147483647,
    -2147483648LL, 2147483648LL, 4294967296LL, INT64_MAX, INT64_MIN, INT64_MAX / 1000, 1600000000, 1700000000000,
};
// clang-format on

template <class Range>
const auto& pick(const Range& range, RandomSource& random) {
  return range[random.below(std::size(range))];
}

std::string random_key(RandomSource& random) {
  static constexpr std::string_view kKinds = "klhszxpg";
  return std::string(1, kKinds[random.below(kKinds.size())]) + static_cast<char>('0' + random.below(3));
}

// The words that mean something to some command, and any bytes.
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

// "HPEXPIRE h? # FIELDS 1 f1" as a request of its own.
Request from_example(std::string_view line, RandomSource& random) {
  Request request;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    std::string word(line.substr(0, end));
    if (word == "#")
      word = std::to_string(random.below(3) == 0 ? pick(kNumbers, random) : static_cast<int64_t>(random.below(2000)));
    if (const size_t at = word.find('?'); at != std::string::npos) word[at] = static_cast<char>('0' + random.below(3));
    if (!word.empty()) request.push_back(std::move(word));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  return request;
}

Request fresh_request(RandomSource& random) {
  if (random.below(4) != 0) return from_example(pick(command_examples(), random), random);
  Request request{std::string(pick(command_names(), random)), random_key(random)};
  for (uint64_t more = random.below(5); more > 0; --more) request.push_back(random_word(random));
  return request;
}

// "FIELDS 2 f1 f2", which no single word makes.
void add_fields(Request& request, RandomSource& random) {
  const uint64_t count = 1 + random.below(4);
  request.insert(request.end(), {"FIELDS", std::to_string(count)});
  for (uint64_t i = 0; i < count; ++i) request.push_back("f" + std::to_string(1 + random.below(9)));
}

void mutate_once(std::vector<Request>& requests, RandomSource& random) {
  if (requests.empty()) return requests.push_back(fresh_request(random));
  const size_t at = random.below(requests.size());
  const auto place = requests.begin() + static_cast<ptrdiff_t>(at);
  Request& request = requests[at];
  switch (random.below(12)) {
    case 0:
    case 1:
      requests.insert(place, fresh_request(random));
      break;
    case 2:
      requests.push_back(fresh_request(random));
      break;
    case 3:
      requests.push_back(Request(request));
      break;
    case 4:
      requests.erase(place);
      break;
    case 5:
      std::swap(request, requests[random.below(requests.size())]);
      break;
    case 6:
      request[0] = pick(command_names(), random);
      break;
    case 7:
      request.insert(request.begin() + static_cast<ptrdiff_t>(1 + random.below(request.size())), random_word(random));
      break;
    case 8:
      if (request.size() > 1)
        request.erase(request.begin() + static_cast<ptrdiff_t>(1 + random.below(request.size() - 1)));
      break;
    case 9:
      if (random.below(2) == 0) {
        add_fields(request, random);
      } else {
        requests.insert(place, Request{"+", std::to_string(random.below(1500))});
      }
      break;
    default:
      if (request.size() > 1) request[1 + random.below(request.size() - 1)] = random_word(random);
      break;
  }
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

std::string mutate(std::string_view bytes, RandomSource& random, size_t most) {
  auto requests = parse_requests(bytes);
  for (uint64_t times = 1 + random.below(4); times > 0; --times) mutate_once(requests, random);
  std::string out = to_resp(requests);
  while (out.size() > most && !requests.empty()) {
    requests.pop_back();
    out = to_resp(requests);
  }
  return out;
}

}  // namespace holdfast::fuzz
