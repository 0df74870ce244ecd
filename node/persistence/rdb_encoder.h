// The primitives of the RDB format in the writing direction: bytes, lengths, strings, running checksum.
//
// Buffers, and latches the first error of the sink: the put functions do nothing after it, so callers check status()
// once per entry. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "node/persistence/byte_stream.h"
#include "node/persistence/rdb_output.h"
#include "node/persistence/short_lzf.h"

namespace holdfast::node {

class RdbEncoder final : public RdbOutput {
 public:
  struct Options {
    bool compression = true;  // rdbcompression: LZF for strings that gain by it
    bool checksum = true;     // rdbchecksum: else the footer is zero
    bool short_lzf = true;    // short strings by ShortLzf; else by liblzf, to the same bytes as Redis's
  };

  RdbEncoder(ByteSink& sink, Options options);

  void put_bytes(std::string_view bytes) override;
  void put_string(std::string_view text) override;
  // The checksum of all that was put so far, as the footer; then hands everything to the sink.
  void put_checksum();

  Result<> flush();
  const Result<>& status() const { return status_; }
  uint64_t bytes_put() const { return flushed_ + buffer_.size(); }

 private:
  bool worth_compressing(size_t bytes);
  bool put_lzf(std::string_view text);
  std::string_view compress(std::string_view text);
  void hand_over(std::string_view bytes);

  ByteSink& sink_;
  const Options options_;
  std::string buffer_;
  ShortLzf short_lzf_;
  std::string compressed_;  // scratch of LZF for long strings; only grows
  unsigned vain_ = 0;       // short strings in a row that LZF could not make shorter
  uint64_t flushed_ = 0;
  uint64_t crc_ = 0;
  Result<> status_;
};

}  // namespace holdfast::node
