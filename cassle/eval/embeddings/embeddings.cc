#include "cassle/eval/embeddings/embeddings.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/stage/stage_manifest.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

constexpr char kTargetPrefix[] = "target.";
// A class number beyond this is a mistake, not a data set.
constexpr int64_t kMaxClasses = 1 << 20;

std::string TensorName(const std::string& target) {
  return target == kLabelTarget ? "labels" : absl::StrCat(kTargetPrefix, target);
}

}  // namespace

absl::StatusOr<Embeddings> Embeddings::Open(const std::string& role, const std::string& folder) {
  const std::string context = absl::StrCat("--", role);
  const absl::Status complete =
      RequireKind(folder, "embeddings.safetensors", "folder of embeddings (of embed)");
  if (!complete.ok()) return Annotate(complete, context);
  absl::StatusOr<SafetensorsFile> file =
      SafetensorsFile::Open(JoinPath(folder, "embeddings.safetensors"));
  if (!file.ok()) return Annotate(file.status(), context);
  Embeddings embeddings(role, folder, *std::move(file));
  const absl::Status checked = embeddings.Check();
  if (!checked.ok()) return Annotate(checked, context);
  return embeddings;
}

absl::Status Embeddings::Check() {
  CASSLE_ASSIGN_OR_RETURN(const TensorView features, file_.Get("features", DType::kF32, 2));
  CASSLE_ASSIGN_OR_RETURN(const TensorView ids, file_.Get("ids", DType::kI64, 1));
  rows_ = features.shape[0];
  columns_ = features.shape[1];
  if (rows_ == 0 || columns_ == 0) {
    return absl::DataLossError(
        absl::StrCat(file_.path(), ": features is [", rows_, ", ", columns_,
                     "]: there is nothing to work on; embed a split that has images"));
  }
  features_ = features.values<float>();
  ids_ = ids.values<int64_t>();
  for (const std::string& name : file_.names()) {
    if (name != "ids" && name != "labels" && !absl::StartsWith(name, kTargetPrefix)) continue;
    CASSLE_ASSIGN_OR_RETURN(const TensorView tensor, file_.Get(name));
    if (tensor.shape.empty() || tensor.shape[0] != rows_) {
      return absl::DataLossError(absl::StrCat(file_.path(), ": ", name, " has ",
                                              tensor.shape.empty() ? 0 : tensor.shape[0],
                                              " rows, features has ", rows_, ": embed again"));
    }
  }
  for (int64_t i = 0; i < rows_ * columns_; ++i) {
    if (!std::isfinite(features_[i])) {
      const int64_t row = i / columns_;
      return absl::DataLossError(absl::StrCat(
          file_.path(), ": features[", row, ", ", i % columns_, "] (image ", ids_[row], ") is ",
          features_[i], ": the encoder has diverged; train it with a smaller learning rate"));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> Embeddings::ClassTargets() const {
  std::vector<std::string> targets;
  if (file_.Has("labels")) targets.push_back(kLabelTarget);
  for (const std::string& name : file_.names()) {
    if (!absl::StartsWith(name, kTargetPrefix)) continue;
    const auto tensor = file_.Get(name);
    if (tensor.ok() && tensor->dtype == DType::kI64 && tensor->shape.size() == 1) {
      targets.push_back(name.substr(sizeof(kTargetPrefix) - 1));
    }
  }
  return targets;
}

absl::StatusOr<ClassTarget> Embeddings::Target(const std::string& name) const {
  const std::string tensor_name = TensorName(name);
  if (!file_.Has(tensor_name)) {
    const std::vector<std::string> there = ClassTargets();
    return absl::FailedPreconditionError(absl::StrCat(
        "--", role_, ": ", file_.path(), " has no target '", name, "'; there ",
        there.size() == 1 ? "is " : "are ", there.empty() ? "none" : absl::StrJoin(there, ", "),
        name == kLabelTarget ? ": embed a labelled split" : ""));
  }
  CASSLE_ASSIGN_OR_RETURN(const TensorView tensor, file_.Get(tensor_name));
  if (tensor.dtype != DType::kI64 || tensor.shape.size() != 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--", role_, ": target '", name, "' of ", file_.path(),
        " is a vector, not a class: choose one of ", absl::StrJoin(ClassTargets(), ", ")));
  }
  ClassTarget target;
  const std::string key = name == kLabelTarget ? "classes" : absl::StrCat("classes.", name);
  const std::string names = file_.Metadata(key);
  if (!names.empty()) {
    const nlohmann::json list = nlohmann::json::parse(names, nullptr, /*allow_exceptions=*/false);
    if (!list.is_array()) {
      return absl::DataLossError(
          absl::StrCat(file_.path(), ": metadata ", key, " is not a JSON list: embed again"));
    }
    for (const nlohmann::json& entry : list) {
      target.class_names.push_back(entry.is_string() ? entry.get<std::string>() : entry.dump());
    }
  }
  const int64_t limit = target.class_names.empty() ? kMaxClasses : target.class_names.size();
  const absl::Span<const int64_t> values = tensor.values<int64_t>();
  target.values.reserve(rows_);
  for (int64_t row = 0; row < rows_; ++row) {
    const int64_t value = values[row];
    if (value < kNoClass || value >= limit) {
      return absl::DataLossError(absl::StrCat("--", role_, ": ", file_.path(), ": ", tensor_name,
                                              "[", row, "] (image ", ids_[row], ") is ", value,
                                              ", outside 0..", limit - 1));
    }
    target.values.push_back(static_cast<int>(value));
  }
  if (std::all_of(values.begin(), values.end(), [](int64_t c) { return c == kNoClass; })) {
    return absl::FailedPreconditionError(
        absl::StrCat("--", role_, ": no image of ", file_.path(), " has a class of target '", name,
                     "': embed a labelled split, or choose another --target"));
  }
  return target;
}

std::vector<std::string> Embeddings::VectorTargets() const {
  std::vector<std::string> targets;
  for (const std::string& name : file_.names()) {
    if (!absl::StartsWith(name, kTargetPrefix)) continue;
    const auto tensor = file_.Get(name);
    if (tensor.ok() && tensor->dtype == DType::kF32 && tensor->shape.size() == 2) {
      targets.push_back(name.substr(sizeof(kTargetPrefix) - 1));
    }
  }
  return targets;
}

absl::StatusOr<VectorTarget> Embeddings::GetVectorTarget(const std::string& name) const {
  const std::vector<std::string> there = VectorTargets();
  if (std::find(there.begin(), there.end(), name) == there.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--", role_, ": ", file_.path(), " has no vector target '", name, "'; there ",
        there.size() == 1 ? "is " : "are ", there.empty() ? "none" : absl::StrJoin(there, ", "),
        "; linear-probe predicts classes"));
  }
  CASSLE_ASSIGN_OR_RETURN(const TensorView tensor, file_.Get(TensorName(name), DType::kF32, 2));
  VectorTarget target;
  target.width = tensor.shape[1];
  target.values = tensor.values<float>();
  if (target.width == 0) {
    return absl::DataLossError(absl::StrCat("--", role_, ": ", file_.path(),
                                            ": vectors of target '", name,
                                            "' have no numbers: encode the data set again"));
  }
  target.has.assign(rows_, true);
  for (size_t i = 0; i < target.values.size(); ++i) {
    if (std::isfinite(target.values[i])) continue;
    const int64_t row = i / target.width;
    if (std::isinf(target.values[i])) {
      return absl::DataLossError(
          absl::StrCat("--", role_, ": ", file_.path(), ": ", TensorName(name), "[", row, ", ",
                       i % target.width, "] (image ", ids_[row], ") is ", target.values[i],
                       ": correct the data set's annotation and encode it again"));
    }
    target.has[row] = false;
  }
  if (std::find(target.has.begin(), target.has.end(), true) == target.has.end()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--", role_, ": no image of ", file_.path(), " has target '", name,
                     "': embed a split that has, or choose another --target"));
  }
  return target;
}

absl::Status CheckComparable(const std::string& role_a, const Embeddings& a,
                             const std::string& role_b, const Embeddings& b) {
  const std::pair<const char*, const char*> keys[] = {
      {"weights_fingerprint", "another encoder"},
      {"preprocess_fingerprint", "another preprocessing of the images"}};
  for (const auto& [key, meaning] : keys) {
    const std::string of_a = a.Metadata(key), of_b = b.Metadata(key);
    if (of_a.empty() || of_b.empty()) {
      return absl::FailedPreconditionError(absl::StrCat("--", of_a.empty() ? role_a : role_b,
                                                        " does not say its ", key,
                                                        ": make the embeddings with embed"));
    }
    if (of_a != of_b) {
      return absl::FailedPreconditionError(
          absl::StrCat("--", role_a, " and --", role_b, " come from ", meaning, ": ", key, " ",
                       of_a, " and ", of_b, "; embed both with the same model and options"));
    }
  }
  if (a.columns() != b.columns()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--", role_a, " has ", a.columns(), " features per image, --", role_b, " ",
                     b.columns(), ": embed both with the same model"));
  }
  return absl::OkStatus();
}

std::string CollapsedSentence(const Embeddings& embeddings) {
  const absl::Span<const float> features = embeddings.features();
  // Every row equals the one before.
  const bool alike = embeddings.rows() > 1 && std::equal(features.begin() + embeddings.columns(),
                                                         features.end(), features.begin());
  if (!alike) return "";
  return absl::StrCat("all images of --", embeddings.role(),
                      " have the same features: the encoder has collapsed");
}

absl::Status RequireOneRowPerImage(const std::string& role, const Embeddings& embeddings) {
  const std::string rows = embeddings.Metadata("rows_per_image");
  if (!rows.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--", role, " has ", rows,
                     " rows per image (embed --tokens=patches), which only spectrum and project "
                     "read: embed all sets with --tokens=mean or class"));
  }
  if (embeddings.Metadata("crops") != "ten") return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--", role,
                   " has ten rows per image (embed --crops=ten), and one is needed: embed it with "
                   "--crops=center or ten_mean"));
}

}  // namespace cassle
