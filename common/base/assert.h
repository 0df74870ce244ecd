// Programmer errors: checked in every build, also in release.
//
// HOLDFAST_ASSERT(condition) prints the condition with its place to stderr and aborts when it does not hold. It guards
// invariants of our own code only: nothing that arrives from a network or a file may reach one (those are Results).
#pragma once

namespace holdfast {

[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace holdfast

#define HOLDFAST_ASSERT(condition) \
  (static_cast<bool>(condition) ? void(0) : ::holdfast::assertion_failed(#condition, __FILE__, __LINE__))
