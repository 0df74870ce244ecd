#include "common/process/title.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <vector>

namespace holdfast::process {

namespace {

char* room = nullptr;
size_t room_bytes = 0;
std::string first_argument;

std::string_view variable(std::string_view name, std::string_view title, const TitleFacts& facts,
                          std::string& scratch) {
  if (name == "title") return title;
  if (name == "listen-addr") return facts.listen_address;
  if (name == "server-mode") return facts.mode;
  if (name == "unixsocket") return facts.unix_socket;
  if (name == "config-file") return facts.config_file;
  if (name == "port") return scratch = std::to_string(facts.port);
  if (name == "tls-port") return scratch = std::to_string(facts.tls_port);
  return {};
}

}  // namespace

void keep_arguments(int argc, char** argv) {
  if (argc == 0 || room != nullptr) return;
  first_argument = argv[0];
  // The kernel puts the arguments' bytes and then the environment's one behind the other.
  char* end = argv[0];
  const auto take_in = [&](char* text) {
    if (text == end) end = text + std::strlen(text) + 1;
  };
  for (int i = 0; i < argc; ++i) take_in(argv[i]);
  static std::vector<std::string> moved;  // kept for the life of the process: environ points into it
  size_t count = 0;
  while (environ[count] != nullptr) ++count;
  moved.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    take_in(environ[i]);
    moved.emplace_back(environ[i]);
    environ[i] = moved.back().data();
  }
  room = argv[0];
  room_bytes = static_cast<size_t>(end - room);
}

void set_title(std::string_view title) {
  if (room_bytes == 0) return;
  const size_t size = std::min(title.size(), room_bytes - 1);
  std::memcpy(room, title.data(), size);
  std::memset(room + size, 0, room_bytes - size);
  // The short name as well, which top shows: that of the program.
  const std::string_view word = title.substr(0, title.find(' '));
  ::prctl(PR_SET_NAME, std::string(word.substr(word.rfind('/') + 1)).c_str());
}

const std::string& started_as() { return first_argument; }

std::string title_from(std::string_view format, std::string_view title, const TitleFacts& facts) {
  std::string text;
  while (!format.empty()) {
    const size_t open = format.find('{');
    text += format.substr(0, open);
    if (open == std::string_view::npos) break;
    const size_t close = format.find('}', open);
    if (close == std::string_view::npos) break;
    std::string scratch;
    text += variable(format.substr(open + 1, close - open - 1), title, facts, scratch);
    format.remove_prefix(close + 1);
  }
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

}  // namespace holdfast::process
