#include "tests/support/promtool.h"

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "common/base/assert.h"
#include "common/base/text.h"

namespace holdfast::tests {

std::optional<std::string> promtool_complaints(std::string_view text, std::string_view prefix) {
  if (::access("/usr/bin/promtool", X_OK) != 0) return std::nullopt;
  std::string chosen;
  for (std::string_view line : split(text, '\n')) {
    std::string_view name = line;
    if (name.starts_with("# HELP ") || name.starts_with("# TYPE ")) name.remove_prefix(7);
    if (name.starts_with(prefix)) chosen.append(line).append("\n");
  }
  HOLDFAST_ASSERT(!chosen.empty());
  char path[] = "/tmp/holdfast-promtool-XXXXXX";
  const int fd = ::mkstemp(path);
  HOLDFAST_ASSERT(fd >= 0);
  HOLDFAST_ASSERT(::write(fd, chosen.data(), chosen.size()) == static_cast<ssize_t>(chosen.size()));
  ::close(fd);
  FILE* pipe = ::popen(("/usr/bin/promtool check metrics < " + std::string(path) + " 2>&1").c_str(), "r");
  HOLDFAST_ASSERT(pipe != nullptr);
  std::string output;
  std::array<char, 4096> chunk;
  while (size_t got = ::fread(chunk.data(), 1, chunk.size(), pipe)) output.append(chunk.data(), got);
  const int status = ::pclose(pipe);
  ::unlink(path);
  if (status != 0 && output.empty()) output = "promtool failed without a word";
  return output;
}

}  // namespace holdfast::tests
