#include "common/metrics/metric_set.h"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <set>
#include <sstream>

#include "common/base/assert.h"

namespace holdfast::metrics {
namespace {

// Length of the UTF-8 sequence that starts at text[at], or 0 if there is none (overlong forms and surrogates included).
size_t utf8_length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const auto follows = [&](size_t n) {
    if (at + n >= text.size()) return false;
    for (size_t i = 1; i <= n; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return false;
    }
    return true;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
  if ((lead & 0xF0) == 0xE0 && follows(2)) {
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;
    if (lead == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && follows(3)) {
    if (lead == 0xF0 && byte(1) < 0x90) return 0;
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

std::string as_utf8(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    if (length == 0) {
      result += "\xEF\xBF\xBD";
      ++at;
    } else {
      result += text.substr(at, length);
      at += length;
    }
  }
  return result;
}

prometheus::ClientMetric::Histogram convert(const LatencyHistogram& from) {
  prometheus::ClientMetric::Histogram to;
  to.sample_count = from.count();
  to.sample_sum = from.sum_seconds();
  uint64_t cumulative = 0;
  for (size_t i = 0; i < LatencyHistogram::kBoundsMicros.size(); ++i) {
    cumulative += from.bucket(i);
    to.bucket.push_back({cumulative, static_cast<double>(LatencyHistogram::kBoundsMicros[i]) / 1e6});
  }
  return to;
}

// The serializer writes 16 digits, which makes quantile="99.90000000000001" of 99.9; others write the shortest form, and
// labels must match exactly.
void shorten_quantile(std::string& text, double quantile) {
  const std::string shortest = fmt::format("quantile=\"{}\"", quantile);
  const std::string written = fmt::format("quantile=\"{:.16g}\"", quantile);
  if (shortest == written) return;
  for (size_t at = text.find(written); at != std::string::npos; at = text.find(written, at + shortest.size())) {
    text.replace(at, written.size(), shortest);
  }
}

}  // namespace

MetricSet::Sample& MetricSet::add(std::string_view name, std::string_view help, Type type, Labels labels) {
  auto found = index_.find(name);
  if (found == index_.end()) {
    found = index_.emplace(std::string(name), families_.size()).first;
    families_.push_back({std::string(name), std::string(help), type, {}});
  }
  Family& family = families_[found->second];
  HOLDFAST_ASSERT(family.type == type);
  family.samples.push_back({});
  family.samples.back().labels = std::move(labels);
  return family.samples.back();
}

void MetricSet::counter(std::string_view name, std::string_view help, double value, Labels labels) {
  add(name, help, Type::counter, std::move(labels)).value = value;
}

void MetricSet::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  add(name, help, Type::gauge, std::move(labels)).value = value;
}

void MetricSet::histogram(std::string_view name, std::string_view help, const LatencyHistogram& value, Labels labels) {
  add(name, help, Type::histogram, std::move(labels)).histogram = value;
}

void MetricSet::summary(std::string_view name, std::string_view help, std::vector<Quantile> quantiles, uint64_t count,
                        double sum, Labels labels) {
  Sample& sample = add(name, help, Type::summary, std::move(labels));
  sample.quantiles = std::move(quantiles);
  sample.count = count;
  sample.value = sum;
}

std::string MetricSet::text() const {
  std::vector<prometheus::MetricFamily> converted;
  std::set<double> quantiles;
  converted.reserve(families_.size());
  for (const Family& family : families_) {
    prometheus::MetricFamily& to = converted.emplace_back();
    to.name = family.name;
    to.help = family.help;
    for (const Sample& sample : family.samples) {
      prometheus::ClientMetric& metric = to.metric.emplace_back();
      for (const auto& [name, value] : sample.labels) metric.label.push_back({name, as_utf8(value)});
      switch (family.type) {
        case Type::counter:
          to.type = prometheus::MetricType::Counter;
          metric.counter.value = sample.value;
          break;
        case Type::gauge:
          to.type = prometheus::MetricType::Gauge;
          metric.gauge.value = sample.value;
          break;
        case Type::histogram:
          to.type = prometheus::MetricType::Histogram;
          metric.histogram = convert(sample.histogram);
          break;
        case Type::summary:
          to.type = prometheus::MetricType::Summary;
          metric.summary.sample_count = sample.count;
          metric.summary.sample_sum = sample.value;
          for (const Quantile& q : sample.quantiles) {
            metric.summary.quantile.push_back({q.quantile, q.value});
            quantiles.insert(q.quantile);
          }
          break;
      }
    }
  }
  std::ostringstream out;
  prometheus::TextSerializer().Serialize(out, converted);
  std::string text = out.str();
  for (double quantile : quantiles) shorten_quantile(text, quantile);
  return text;
}

}  // namespace holdfast::metrics
