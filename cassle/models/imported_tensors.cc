#include "cassle/models/imported_tensors.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

constexpr char kBatchCounter[] = "num_batches_tracked";

TensorView ViewOf(const WeightArray& array) { return {array.dtype, array.shape, array.bytes}; }

// Files from before PyTorch 0.4.1 have no counters of batches, and averages of networks have them
// as fractions; nothing here depends on them.
bool IsUnusedCounter(const std::string& name, const WeightArray* array) {
  return absl::EndsWith(name, kBatchCounter) && (array == nullptr || array->dtype != DType::kI64);
}

// Likely reasons that are better said by name than by what is missing.
absl::Status CheckKinds(const BackboneTensors& tensors,
                        const std::vector<TensorSignature>& expected) {
  const bool statistics =
      std::any_of(tensors.arrays.begin(), tensors.arrays.end(),
                  [](const auto& entry) { return absl::StrContains(entry.first, ".running_"); });
  for (const TensorSignature& tensor : expected) {
    const auto array = tensors.arrays.find(tensor.name);
    if (array != tensors.arrays.end()) {
      if (tensor.dtype == DType::kF32 && array->second->dtype != DType::kF32) {
        return absl::DataLossError(absl::StrCat(
            "tensor ", array->second->name, " is ", ElementName(array->second->stored),
            ", and weights are floating-point numbers: save the network before it is quantized"));
      }
      continue;
    }
    constexpr absl::string_view kMean = "running_mean";
    if (statistics || !absl::EndsWith(tensor.name, kMean)) continue;
    const std::string weight =
        absl::StrCat(tensor.name.substr(0, tensor.name.size() - kMean.size()), "weight");
    if (tensors.arrays.count(weight) == 0) continue;
    return absl::DataLossError(absl::StrCat(
        "its norms have no ", tensor.name,
        " and no other running statistics, without which there are no features: of group norms "
        "the networks here have none; of batch norms with track_running_stats=True save "
        "model.state_dict(), not only model.parameters()"));
  }
  return absl::OkStatus();
}

absl::Status CheckFit(const BackboneTensors& tensors, const std::vector<NamedTensor>& state) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<TensorSignature> expected, Signatures(state, ""));
  CASSLE_RETURN_IF_ERROR(CheckKinds(tensors, expected));
  std::vector<TensorSignature> found;
  for (const auto& [name, array] : tensors.arrays) {
    if (!IsUnusedCounter(name, array)) found.push_back({name, array->dtype, array->shape});
  }
  for (const TensorSignature& tensor : expected) {
    const auto array = tensors.arrays.find(tensor.name);
    if (IsUnusedCounter(tensor.name, array == tensors.arrays.end() ? nullptr : array->second)) {
      found.push_back(tensor);
    }
  }
  const std::string difference = DescribeDifference(expected, found);
  if (difference.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the weights do not fit: ", difference));
}

}  // namespace

absl::Status CheckValues(const WeightArray& array, const std::string& our_name) {
  const at::Tensor values = ToTensor(ViewOf(array));
  if (!at::isfinite(values).all().item<bool>()) {
    return absl::DataLossError(
        absl::StrCat("tensor ", array.name, " holds values that are not finite"));
  }
  if (absl::EndsWith(our_name, "running_var") && (values < 0).any().item<bool>()) {
    return absl::DataLossError(
        absl::StrCat("tensor ", array.name, " holds variances below 0: the file is damaged"));
  }
  return absl::OkStatus();
}

absl::Status LoadImported(const BackboneTensors& tensors, Backbone* backbone) {
  const c10::NoGradGuard no_grad;
  const std::vector<NamedTensor> state = backbone->state();
  CASSLE_RETURN_IF_ERROR(CheckFit(tensors, state));
  for (const NamedTensor& entry : state) {
    const auto array = tensors.arrays.find(entry.name);
    if (array == tensors.arrays.end() || IsUnusedCounter(entry.name, array->second)) {
      entry.tensor.zero_();
      continue;
    }
    CASSLE_RETURN_IF_ERROR(CheckValues(*array->second, entry.name));
    entry.tensor.copy_(ToTensor(ViewOf(*array->second)));
  }
  return absl::OkStatus();
}

}  // namespace cassle
