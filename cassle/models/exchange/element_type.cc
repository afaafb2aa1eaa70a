#include "cassle/models/exchange/element_type.h"

#include <cstring>

namespace cassle {
namespace {

struct Entry {
  ElementType type;
  const char* name;
  int64_t size;
  bool floating;
};
// In the order of the enum.
constexpr Entry kTypes[] = {
    {ElementType::kF16, "float16", 2, true},  {ElementType::kBF16, "bfloat16", 2, true},
    {ElementType::kF32, "float32", 4, true},  {ElementType::kF64, "float64", 8, true},
    {ElementType::kI64, "int64", 8, false},   {ElementType::kI32, "int32", 4, false},
    {ElementType::kI16, "int16", 2, false},   {ElementType::kI8, "int8", 1, false},
    {ElementType::kU8, "uint8", 1, false},    {ElementType::kBool, "bool", 1, false},
    {ElementType::kOther, "other", 0, false},
};

const Entry& Of(ElementType type) { return kTypes[static_cast<int>(type)]; }

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

float FloatOfBits(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t mantissa = half & 0x3ff;
  if (exponent == 0x1f) return FloatOfBits(sign | 0x7f800000 | mantissa << 13);
  if (exponent != 0) return FloatOfBits(sign | (exponent + 112) << 23 | mantissa << 13);
  if (mantissa == 0) return FloatOfBits(sign);
  uint32_t shift = 0;
  while ((mantissa & 0x400) == 0) {
    mantissa <<= 1;
    ++shift;
  }
  return FloatOfBits(sign | (113 - shift) << 23 | (mantissa & 0x3ff) << 13);
}

float LoadFloat(ElementType type, const char* at) {
  switch (type) {
    case ElementType::kF16:
      return HalfToFloat(Load<uint16_t>(at));
    case ElementType::kBF16:
      return FloatOfBits(static_cast<uint32_t>(Load<uint16_t>(at)) << 16);
    case ElementType::kF64:
      return static_cast<float>(Load<double>(at));
    default:
      return Load<float>(at);
  }
}

int64_t LoadInteger(ElementType type, const char* at) {
  switch (type) {
    case ElementType::kI32:
      return Load<int32_t>(at);
    case ElementType::kI16:
      return Load<int16_t>(at);
    case ElementType::kI8:
      return Load<int8_t>(at);
    case ElementType::kU8:
      return Load<uint8_t>(at);
    case ElementType::kBool:
      return Load<uint8_t>(at) != 0;
    default:
      return Load<int64_t>(at);
  }
}

bool IsRowMajor(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  int64_t stride = 1;
  for (size_t d = shape.size(); d > 0; --d) {
    if (shape[d - 1] != 1 && strides[d - 1] != stride) return false;
    stride *= shape[d - 1];
  }
  return true;
}

template <typename T>
void Store(T value, char* at) {
  std::memcpy(at, &value, sizeof(value));
}

}  // namespace

int64_t ElementSize(ElementType type) { return Of(type).size; }
absl::string_view ElementName(ElementType type) { return Of(type).name; }
DType ConvertedType(ElementType type) { return Of(type).floating ? DType::kF32 : DType::kI64; }

std::string RowMajor(ElementType type, const char* base, const std::vector<int64_t>& shape,
                     const std::vector<int64_t>& strides) {
  int64_t elements = 1;
  for (int64_t extent : shape) elements *= extent;
  // Strides of nothing may be anything.
  if (elements == 0) return "";
  const bool floating = Of(type).floating;
  const int64_t size = ElementSize(type), out_size = DTypeSize(ConvertedType(type));
  if ((type == ElementType::kF32 || type == ElementType::kI64) && IsRowMajor(shape, strides)) {
    return std::string(base, static_cast<size_t>(elements * size));
  }
  std::string bytes(static_cast<size_t>(elements * out_size), '\0');
  std::vector<int64_t> index(shape.size(), 0);
  int64_t at = 0;
  for (int64_t i = 0; i < elements; ++i) {
    char* out = &bytes[i * out_size];
    if (floating) {
      Store(LoadFloat(type, base + at * size), out);
    } else {
      Store(LoadInteger(type, base + at * size), out);
    }
    for (size_t d = index.size(); d > 0; --d) {
      at += strides[d - 1];
      if (++index[d - 1] < shape[d - 1]) break;
      at -= strides[d - 1] * shape[d - 1];
      index[d - 1] = 0;
    }
  }
  return bytes;
}

}  // namespace cassle
