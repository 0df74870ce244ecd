// A piece of work that stops at its own places and goes on later: a coroutine. Frees what it holds when it is destroyed.
#pragma once

#include <coroutine>
#include <exception>
#include <utility>

namespace holdfast::node {

class SlicedWrite {
 public:
  struct promise_type {
    SlicedWrite get_return_object() { return SlicedWrite(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }  // out of memory, as everywhere
  };

  SlicedWrite(SlicedWrite&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  SlicedWrite& operator=(SlicedWrite&&) = delete;
  ~SlicedWrite() {
    if (handle_) handle_.destroy();
  }
  // Goes on to the next stop; false: it is done.
  bool resume() {
    if (!handle_.done()) handle_.resume();
    return !handle_.done();
  }
  void run() {
    while (resume()) {
    }
  }

 private:
  explicit SlicedWrite(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  std::coroutine_handle<promise_type> handle_;
};

}  // namespace holdfast::node
