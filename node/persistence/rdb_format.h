// Constants of the RDB file format; docs/formats/rdb.md is the page to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace holdfast::node::rdb {

// The file starts with the magic and four decimal digits of the version.
inline constexpr std::string_view kMagic = "REDIS";
inline constexpr size_t kHeaderBytes = 9;
inline constexpr int kWriteVersion = 10;             // which Redis 7.0 loads
inline constexpr int kFieldExpiryVersion = 12;       // where a hash field has an expiry
inline constexpr int kMinVersion = 1;
inline constexpr int kMaxVersion = 12;
inline constexpr int kFirstVersionWithChecksum = 5;

// One byte opens every record: an opcode, or the type of a key's value.
inline constexpr uint8_t kSlotInfo = 244;       // slot, keys, expires: three lengths (hints)
inline constexpr uint8_t kFunction2 = 245;      // one string: a function library's source
inline constexpr uint8_t kFunctionPreGa = 246;  // release candidates of 7.0 only
inline constexpr uint8_t kModuleAux = 247;
inline constexpr uint8_t kIdle = 248;          // a length: seconds since the key's last use
inline constexpr uint8_t kFreq = 249;          // one byte: LFU counter
inline constexpr uint8_t kAux = 250;           // two strings
inline constexpr uint8_t kResizeDb = 251;      // two lengths: keys, keys with expiry
inline constexpr uint8_t kExpireTimeMs = 252;  // 8 bytes, little-endian, ms since 1970
inline constexpr uint8_t kExpireTime = 253;    // 4 bytes, little-endian, seconds since 1970
inline constexpr uint8_t kSelectDb = 254;      // a length
inline constexpr uint8_t kEof = 255;           // then, from version 5, the 8-byte checksum

// Types of values. Version 10 writes kTypeSet, kTypeHash, kTypeZset2 and those with listpacks and intsets.
inline constexpr uint8_t kTypeString = 0;
inline constexpr uint8_t kTypeList = 1;
inline constexpr uint8_t kTypeSet = 2;
inline constexpr uint8_t kTypeZset = 3;   // scores as text
inline constexpr uint8_t kTypeHash = 4;
inline constexpr uint8_t kTypeZset2 = 5;  // scores as 8 bytes
inline constexpr uint8_t kTypeModule = 6;
inline constexpr uint8_t kTypeModule2 = 7;
inline constexpr uint8_t kTypeHashZipmap = 9;
inline constexpr uint8_t kTypeListZiplist = 10;
inline constexpr uint8_t kTypeSetIntset = 11;
inline constexpr uint8_t kTypeZsetZiplist = 12;
inline constexpr uint8_t kTypeHashZiplist = 13;
inline constexpr uint8_t kTypeQuicklist = 14;
inline constexpr uint8_t kTypeStream = 15;
inline constexpr uint8_t kTypeHashListpack = 16;
inline constexpr uint8_t kTypeZsetListpack = 17;
inline constexpr uint8_t kTypeQuicklist2 = 18;
inline constexpr uint8_t kTypeStream2 = 19;
inline constexpr uint8_t kTypeSetListpack = 20;
inline constexpr uint8_t kTypeStream3 = 21;
inline constexpr uint8_t kTypeHashMetadataPreGa = 22;  // release candidates of 7.4, as the next
inline constexpr uint8_t kTypeHashListpackExPreGa = 23;
inline constexpr uint8_t kTypeHashMetadata = 24;  // fields with expiry
inline constexpr uint8_t kTypeHashListpackEx = 25;

// Lengths. The top two bits of the first byte choose the form.
inline constexpr uint8_t kLength6Bit = 0;     // 00xxxxxx
inline constexpr uint8_t kLength14Bit = 1;    // 01xxxxxx + 1 byte, big-endian
inline constexpr uint8_t kLengthLong = 2;     // 10000000 + 4 bytes or 10000001 + 8 bytes, big-endian
inline constexpr uint8_t kLengthEncoded = 3;  // 11xxxxxx: a string in the encoding xxxxxx
inline constexpr uint8_t kLength32Bit = 0x80;
inline constexpr uint8_t kLength64Bit = 0x81;

// Encodings of strings.
inline constexpr uint8_t kEncodingInt8 = 0;
inline constexpr uint8_t kEncodingInt16 = 1;  // little-endian, as the next
inline constexpr uint8_t kEncodingInt32 = 2;
inline constexpr uint8_t kEncodingLzf = 3;  // compressed length, full length, compressed bytes

// Texts of up to this many characters are tried as integers; longer ones than kMinLzfBytes are tried with LZF, which
// must save more than kLzfGain bytes.
inline constexpr size_t kMaxIntegerText = 11;
inline constexpr size_t kMinLzfBytes = 20;
inline constexpr size_t kLzfGain = 4;
// LZF's best: 3 bytes stand for 264.
inline constexpr uint64_t kMaxLzfRatio = 88;

// Aux fields.
inline constexpr std::string_view kAuxRedisVersion = "redis-ver";
inline constexpr std::string_view kAuxRedisBits = "redis-bits";
inline constexpr std::string_view kAuxCreationTime = "ctime";
inline constexpr std::string_view kAuxUsedMemory = "used-mem";
inline constexpr std::string_view kAuxAofBase = "aof-base";
inline constexpr std::string_view kAuxAofPreamble = "aof-preamble";  // the same, before 7.0
inline constexpr std::string_view kAuxReplStreamDb = "repl-stream-db";
inline constexpr std::string_view kAuxReplId = "repl-id";
inline constexpr std::string_view kAuxReplOffset = "repl-offset";

}  // namespace holdfast::node::rdb
