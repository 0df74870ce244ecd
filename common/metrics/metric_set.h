// A page of metrics in Prometheus's text format: families are added one sample at a time and rendered at once.
//
// This is the only place that knows prometheus-cpp. Counters live as plain integers where they are counted and are turned
// into samples here when somebody asks. Not thread-safe: build one, render it, drop it. Samples of one family may be added
// at any time; they come out together, families in the order of their first sample. Label values may hold any bytes
// (what is not UTF-8 is replaced, since one bad byte would fail the whole scrape).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/metrics/latency_histogram.h"

namespace holdfast::metrics {

inline constexpr std::string_view kContentType = "text/plain; version=0.0.4; charset=utf-8";

using Labels = std::vector<std::pair<std::string, std::string>>;

struct Quantile {
  double quantile = 0;
  double value = 0;
};

class MetricSet {
 public:
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
  void histogram(std::string_view name, std::string_view help, const LatencyHistogram& value, Labels labels = {});
  void summary(std::string_view name, std::string_view help, std::vector<Quantile> quantiles, uint64_t count, double sum,
               Labels labels = {});

  bool empty() const { return families_.empty(); }
  std::string text() const;

 private:
  enum class Type : uint8_t { counter, gauge, histogram, summary };
  struct Sample {
    Labels labels;
    double value = 0;
    LatencyHistogram histogram;
    std::vector<Quantile> quantiles;
    uint64_t count = 0;
  };
  struct Family {
    std::string name;
    std::string help;
    Type type;
    std::vector<Sample> samples;
  };

  Sample& add(std::string_view name, std::string_view help, Type type, Labels labels);

  std::vector<Family> families_;
  std::map<std::string, size_t, std::less<>> index_;
};

}  // namespace holdfast::metrics
