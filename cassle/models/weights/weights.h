// Weights on disk: safetensors with PyTorch's names, readable from Python without us.
#ifndef CASSLE_MODELS_WEIGHTS_WEIGHTS_H_
#define CASSLE_MODELS_WEIGHTS_WEIGHTS_H_

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/safetensors.h"
#include "cassle/models/networks/module.h"
#include "cassle/models/weights/state_difference.h"

namespace cassle {

// Adds one tensor (float32, float64, bfloat16, int64 or uint8; any strides), stored row-major.
// \error InvalidArgument for another type.
absl::Status AddTensor(const std::string& name, const at::Tensor& tensor,
                       SafetensorsWriter* writer);

// A copy of a stored tensor.
at::Tensor ToTensor(const TensorView& view);

// What a file of these tensors would hold, named prefix + name.
// \error InvalidArgument for a type that AddTensor does not take.
absl::StatusOr<std::vector<TensorSignature>> Signatures(const std::vector<NamedTensor>& tensors,
                                                        absl::string_view prefix);

// Adds every parameter and buffer of `module` as prefix + name ("backbone." + "conv1.weight").
absl::Status SaveModule(const Module& module, absl::string_view prefix, SafetensorsWriter* writer);

// Overwrites every parameter and buffer of `module` with the tensors of `file` named prefix + name;
// tensors with another prefix are not looked at. On error nothing is overwritten.
// \error DataLoss, listing what is missing, unexpected, or has another shape or type, if the two do
// not match exactly (state_difference.h); or naming the tensor, if it holds a value that is not
// finite.
absl::Status LoadModule(const SafetensorsFile& file, absl::string_view prefix, Module* module);

// Identity of a network's state: 32 hexadecimal digits over names, shapes and values of the whole
// state in order, as float32. Memory format and device do not matter.
std::string WeightsFingerprint(const Module& module);

}  // namespace cassle

#endif  // CASSLE_MODELS_WEIGHTS_WEIGHTS_H_
