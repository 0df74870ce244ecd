// What the fuzzers do with one input: for libFuzzer's entry points and for the replay in the normal builds.
// A finding that no sanitizer and no assertion makes is thrown. Not thread-safe.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::fuzz {

class Finding final : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The commands of two clients, and a replica and a log that follow them (command_fuzz.cc).
void fuzz_commands(std::string_view input);
// The body of a RESTORE payload (restore_fuzz.cc).
void fuzz_restore(std::string_view input);

// The names of all commands, for the mutator.
std::span<const std::string_view> command_names();

}  // namespace holdfast::fuzz
