#include "hello.h"

#include <algorithm>
#include <cstring>

#include "memory.h"

namespace {

constexpr char kMagic[] = "ARROWLAB";
constexpr uint16_t kMajor = 1;
constexpr size_t kNameOffset = 40, kNameBytes = 80;
constexpr uint8_t kErrorFrame = 0x02;

// The names and numbers of src/wire/errors.json that a handshake can meet; the tests of HELLO hold them against it.
struct Numbered {
  uint32_t number;
  const char* name;
};
constexpr Numbered kErrors[] = {{1, "NOT_ARROWLAB"},    {2, "VERSION_UNSUPPORTED"}, {3, "HELLO_TIMEOUT"},   {4, "HELLO_MALFORMED"},
                                {5, "REGION_MISSING"},  {6, "REGION_NOT_MEMFD"},    {7, "REGION_WRITABLE"}, {8, "REGION_UNSEALED"},
                                {9, "REGION_SIZE"},     {10, "PEER_REFUSED"},       {62, "SYSTEM"}};

template <typename T>
void put(uint8_t* at, T value) {
  for (size_t i = 0; i < sizeof(T); i++) at[i] = static_cast<uint8_t>(value >> (8 * i));
}

template <typename T>
T get(const uint8_t* at) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); i++) value = static_cast<T>(value | static_cast<T>(T{at[i]} << (8 * i)));
  return value;
}

/// Whether the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates).
bool is_utf8(const uint8_t* s, size_t n) {
  for (size_t i = 0; i < n;) {
    const uint8_t lead = s[i];
    size_t more = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 : lead >= 0xe0 && lead < 0xf0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : n;
    if (more >= n - i) return false;
    for (size_t k = 1; k <= more; k++)
      if ((s[i + k] & 0xc0) != 0x80) return false;
    if ((lead == 0xe0 && s[i + 1] < 0xa0) || (lead == 0xed && s[i + 1] >= 0xa0) || (lead == 0xf0 && s[i + 1] < 0x90) ||
        (lead == 0xf4 && s[i + 1] >= 0x90))
      return false;
    i += more + 1;
  }
  return true;
}

[[noreturn]] void malformed(const std::string& what) { throw Fault{"HELLO_MALFORMED", what, "", 0}; }

}  // namespace

std::array<uint8_t, kHelloBytes> encode_hello(const Hello& hello) {
  std::array<uint8_t, kHelloBytes> bytes{};
  std::memcpy(bytes.data(), kMagic, 8);
  put<uint16_t>(&bytes[8], hello.major);
  put<uint16_t>(&bytes[10], hello.minor);
  put<uint32_t>(&bytes[12], kHelloBytes);
  put<uint64_t>(&bytes[16], hello.features);
  put<uint64_t>(&bytes[24], hello.region_bytes);
  put<uint32_t>(&bytes[32], hello.pid);
  put<uint32_t>(&bytes[36], static_cast<uint32_t>(hello.name.size()));
  std::memcpy(&bytes[kNameOffset], hello.name.data(), hello.name.size());
  return bytes;
}

bool begins_like_hello(const uint8_t* bytes, size_t count) { return std::memcmp(bytes, kMagic, std::min<size_t>(count, 8)) == 0; }

Hello decode_hello(const uint8_t* bytes) {
  if (!begins_like_hello(bytes, 8)) throw Fault{"NOT_ARROWLAB", "expected a HELLO that begins with ARROWLAB, found another protocol", "", 0};
  Hello hello;
  hello.major = get<uint16_t>(&bytes[8]);
  if (hello.major != kMajor)
    throw Fault{"VERSION_UNSUPPORTED",
                "expected protocol version 1, found version " + std::to_string(hello.major) + ": use the same major version of arrowlab on both sides",
                "", 0};
  hello.minor = get<uint16_t>(&bytes[10]);
  const uint32_t length = get<uint32_t>(&bytes[12]);
  if (length != kHelloBytes) malformed("expected a HELLO of 128 bytes, found one that says " + std::to_string(length));
  hello.features = get<uint64_t>(&bytes[16]);
  hello.region_bytes = get<uint64_t>(&bytes[24]);
  hello.pid = get<uint32_t>(&bytes[32]);
  const uint32_t name_bytes = get<uint32_t>(&bytes[36]);
  if (name_bytes > kNameBytes) malformed("expected a name of at most 80 bytes, found " + std::to_string(name_bytes));
  const uint8_t* name = &bytes[kNameOffset];
  if (!is_utf8(name, name_bytes)) malformed("expected a name in UTF-8, found other bytes");
  if (std::any_of(name + name_bytes, bytes + kHelloBytes, [](uint8_t byte) { return byte != 0; }))
    malformed("expected zeros after the name, found other bytes");
  hello.name.assign(reinterpret_cast<const char*>(name), name_bytes);
  if (hello.region_bytes < kPageBytes || hello.region_bytes > kMaxRegionBytes || hello.region_bytes % kPageBytes != 0)
    throw Fault{"REGION_SIZE", "expected a region of 4,096 to 2^47 bytes, a multiple of 4,096, found " + std::to_string(hello.region_bytes), "", 0};
  return hello;
}

std::vector<uint8_t> encode_error(const Fault& fault) {
  const auto known = std::find_if(std::begin(kErrors), std::end(kErrors), [&](const Numbered& error) { return fault.name == error.name; });
  std::vector<uint8_t> frame(16 + fault.message.size());
  put<uint32_t>(&frame[0], static_cast<uint32_t>(frame.size()));
  frame[4] = kErrorFrame;
  put<uint32_t>(&frame[12], known == std::end(kErrors) ? 62 : known->number);
  std::copy(fault.message.begin(), fault.message.end(), frame.begin() + 16);
  return frame;
}

Fault decode_error(const std::vector<uint8_t>& frame) {
  const uint32_t number = get<uint32_t>(&frame[12]);
  const auto known = std::find_if(std::begin(kErrors), std::end(kErrors), [&](const Numbered& error) { return number == error.number; });
  return {known == std::end(kErrors) ? "SYSTEM" : known->name, std::string(frame.begin() + 16, frame.end()), "", 0};
}
