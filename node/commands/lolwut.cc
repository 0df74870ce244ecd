// LOLWUT: a picture made by chance, and the version.
#include <algorithm>

#include "node/commands/arguments.h"
#include "node/commands/handlers.h"
#include "node/commands/node.h"

namespace holdfast::node::handlers {
namespace {

constexpr int64_t kWidest = 200;
constexpr int64_t kTallest = 60;

// A labyrinth of slanting walls: one stroke, leaning left or right, for each place.
std::string labyrinth(RandomSource& random, int64_t width, int64_t height) {
  std::string picture;
  for (int64_t row = 0; row < height; ++row) {
    for (int64_t column = 0; column < width; ++column) picture += random.next() % 2 == 0 ? "\u2571" : "\u2572";
    picture += '\n';
  }
  return picture;
}

}  // namespace

// LOLWUT [VERSION <version>] [<width> [<height>]]
void lolwut(Call& call) {
  size_t next = 1;
  if (call.argc() >= 3 && iequals(call.args[1], "VERSION")) {
    if (!read_integer(call, call.args[2])) return;
    next = 3;
  }
  const auto size = [&](int64_t usual, int64_t most) {
    const auto given = next < call.argc() ? parse_int64(call.args[next++]) : std::nullopt;
    return std::clamp<int64_t>(given.value_or(usual), 1, most);
  };
  const int64_t width = size(66, kWidest);
  const int64_t height = size(8, kTallest);
  call.reply.verbatim(labyrinth(call.node.random(), width, height) +
                      "\nA way through is not promised. Redis ver. 7.0.15\n");
}

}  // namespace holdfast::node::handlers
