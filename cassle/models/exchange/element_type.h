// The types of numbers in other programs' weight files, and their conversion to the two that
// weights have here: float32 and int64.
#ifndef CASSLE_MODELS_EXCHANGE_ELEMENT_TYPE_H_
#define CASSLE_MODELS_EXCHANGE_ELEMENT_TYPE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cassle/base/safetensors.h"

namespace cassle {

// kOther: complex, quantized, untyped; never converted.
enum class ElementType { kF16, kBF16, kF32, kF64, kI64, kI32, kI16, kI8, kU8, kBool, kOther };

// Bytes of one element; of kOther 0.
int64_t ElementSize(ElementType type);
// As PyTorch says it: "float16".
absl::string_view ElementName(ElementType type);
// kF32 for floating point, kI64 for integers and booleans.
DType ConvertedType(ElementType type);

// The elements at `base` of a tensor of this shape and these strides (in elements) in row-major
// order, as ConvertedType(type): float16 and bfloat16 exactly, float64 rounded. `base` holds every
// element that shape and strides reach; type is not kOther.
std::string RowMajor(ElementType type, const char* base, const std::vector<int64_t>& shape,
                     const std::vector<int64_t>& strides);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_ELEMENT_TYPE_H_
