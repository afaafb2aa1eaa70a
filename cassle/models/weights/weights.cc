#include "cassle/models/weights/weights.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>

#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

std::optional<DType> StoredType(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return DType::kF32;
    case at::kDouble:
      return DType::kF64;
    case at::kLong:
      return DType::kI64;
    case at::kByte:
      return DType::kU8;
    case at::kBFloat16:
      return DType::kBF16;
    default:
      return std::nullopt;
  }
}

at::ScalarType TensorType(DType type) {
  switch (type) {
    case DType::kF32:
      return at::kFloat;
    case DType::kF64:
      return at::kDouble;
    case DType::kI64:
      return at::kLong;
    case DType::kU8:
      return at::kByte;
    case DType::kBF16:
      return at::kBFloat16;
    case DType::kF16:
      return at::kHalf;
    case DType::kI32:
      return at::kInt;
    case DType::kI16:
      return at::kShort;
    case DType::kI8:
      return at::kChar;
    case DType::kBool:
      return at::kBool;
  }
  return at::kFloat;
}

std::string ShapeString(at::IntArrayRef sizes) {
  return absl::StrCat("[", absl::StrJoin(sizes, ", "), "]");
}

std::string RowMajorBytes(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().contiguous().cpu();
  return std::string(static_cast<const char*>(plain.data_ptr()), plain.nbytes());
}

}  // namespace

absl::Status AddTensor(const std::string& name, const at::Tensor& tensor,
                       SafetensorsWriter* writer) {
  const std::optional<DType> type = StoredType(tensor.scalar_type());
  if (!type) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": safetensors files here hold no ",
                                                   c10::toString(tensor.scalar_type())));
  }
  writer->Add(name, *type, tensor.sizes().vec(), RowMajorBytes(tensor));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<TensorSignature>> Signatures(const std::vector<NamedTensor>& tensors,
                                                        absl::string_view prefix) {
  std::vector<TensorSignature> signatures;
  for (const NamedTensor& entry : tensors) {
    const std::optional<DType> type = StoredType(entry.tensor.scalar_type());
    if (!type) {
      return absl::InvalidArgumentError(absl::StrCat(entry.name,
                                                     ": safetensors files here hold no ",
                                                     c10::toString(entry.tensor.scalar_type())));
    }
    signatures.push_back({absl::StrCat(prefix, entry.name), *type, entry.tensor.sizes().vec()});
  }
  return signatures;
}

at::Tensor ToTensor(const TensorView& view) {
  at::Tensor tensor = at::empty(view.shape, TensorType(view.dtype));
  if (!view.bytes.empty()) {
    std::memcpy(tensor.data_ptr(), view.bytes.data(), view.bytes.size());
  }
  return tensor;
}

absl::Status SaveModule(const Module& module, absl::string_view prefix, SafetensorsWriter* writer) {
  for (const NamedTensor& entry : module.state()) {
    CASSLE_RETURN_IF_ERROR(AddTensor(absl::StrCat(prefix, entry.name), entry.tensor, writer));
  }
  return absl::OkStatus();
}

absl::Status LoadModule(const SafetensorsFile& file, absl::string_view prefix, Module* module) {
  c10::NoGradGuard no_grad;
  const std::vector<NamedTensor> state = module->state();
  std::vector<TensorSignature> found;
  for (const std::string& name : file.names()) {
    if (!absl::StartsWith(name, prefix)) continue;
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
    found.push_back({name, view.dtype, view.shape});
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<TensorSignature> expected, Signatures(state, prefix));
  const std::string difference = DescribeDifference(expected, found);
  if (!difference.empty()) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": the weights do not fit the network: ", difference));
  }

  std::vector<at::Tensor> values;
  for (const NamedTensor& entry : state) {
    const std::string name = absl::StrCat(prefix, entry.name);
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
    values.push_back(ToTensor(view));
    if (!at::isfinite(values.back()).all().item<bool>()) {
      return absl::DataLossError(
          absl::StrCat(file.path(), ": tensor ", name,
                       " holds values that are not finite; was the training stable?"));
    }
  }
  for (size_t i = 0; i < state.size(); ++i) state[i].tensor.copy_(values[i]);
  return absl::OkStatus();
}

std::string WeightsFingerprint(const Module& module) {
  Fingerprinter fingerprinter;
  for (const NamedTensor& entry : module.state()) {
    fingerprinter.UpdateField(entry.name);
    fingerprinter.UpdateField(ShapeString(entry.tensor.sizes()));
    fingerprinter.UpdateField(RowMajorBytes(
        entry.tensor.is_floating_point() ? entry.tensor.to(at::kFloat) : entry.tensor));
  }
  return fingerprinter.Hex();
}

}  // namespace cassle
