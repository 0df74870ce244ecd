#include "common/access/password.h"

#include <openssl/evp.h>

#include <algorithm>

#include "common/base/assert.h"

namespace holdfast::access {

std::string hash_of(std::string_view password) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  HOLDFAST_ASSERT(EVP_Digest(password.data(), password.size(), digest, &size, EVP_sha256(), nullptr) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

bool is_hash(std::string_view text) {
  return text.size() == kHashSize && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool same_in_constant_time(std::string_view secret, std::string_view given) {
  size_t difference = secret.size() ^ given.size();
  for (size_t i = 0; i < secret.size(); ++i) {
    const char other = given.empty() ? '\0' : given[i % given.size()];
    difference |= static_cast<unsigned char>(secret[i] ^ other);
  }
  return difference == 0;
}

}  // namespace holdfast::access
