#include "common/process/patient_thread.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <system_error>
#include <utility>

#include "common/process/helper_thread.h"

namespace holdfast::process {

Result<> PatientThread::start(const char* name, std::function<void()> body) {
  name_ = name;
  try {
    thread_ = std::thread([this, body = std::move(body)] {
      name_thread(name_);
      body();
    });
  } catch (const std::system_error& error) {
    return fail_errno(error.code().value(), "Can't start a thread");
  }
  return {};
}

void PatientThread::join() {
  if (thread_.joinable()) thread_.join();
}

void PatientThread::work(const std::function<void()>& part) {
  clock_.store(thread_cpu_clock(), std::memory_order_relaxed);
  const Nanos before = thread_cpu_time();
  earlier_ns_.fetch_sub(before.count(), std::memory_order_relaxed);
  working_.store(::gettid(), std::memory_order_release);
  part();
  working_.store(0, std::memory_order_release);
  earlier_ns_.fetch_add(thread_cpu_time().count(), std::memory_order_relaxed);
}

void PatientThread::patiently(const std::function<void()>& part) {
  try {
    std::thread([this, &part] {
      name_thread(name_);
      const sched_param none{};
      (void)::sched_setscheduler(0, SCHED_IDLE, &none);
      work(part);
    }).join();
  } catch (const std::system_error&) {  // no thread is to be had: then not patiently
    hurry();
  }
  while (leaving_.exchange(false, std::memory_order_relaxed)) work(part);
}

Nanos PatientThread::cpu_time() {
  Nanos time{earlier_ns_.load(std::memory_order_relaxed)};
  if (working_.load(std::memory_order_acquire) != 0) time += thread_cpu_time_of(clock_.load(std::memory_order_relaxed));
  return told_ = std::max(told_, time);
}

// proc(5): "pid (name) state ...". The name is ours, without parentheses.
bool PatientThread::runnable() const {
  const int thread = working_.load(std::memory_order_acquire);
  if (thread == 0) return false;
  std::ifstream file("/proc/self/task/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  return text.find(") R ") != std::string::npos;
}

}  // namespace holdfast::process
