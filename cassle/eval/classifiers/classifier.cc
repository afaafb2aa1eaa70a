#include "cassle/eval/classifiers/classifier.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/classifiers/classifier_file.h"
#include "cassle/eval/classifiers/neighbor_classifier.h"
#include "cassle/probes/thin_products.h"
#include "cassle/stage/stage_manifest.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

constexpr char kClassesPrefix[] = "classes.";

class LinearClassifier : public Classifier {
 public:
  // weights [C, d + 1], the last column the bias.
  LinearClassifier(std::string target, std::vector<std::string> class_names,
                   PaddedMatrix<double> weights)
      : Classifier(std::move(target), std::move(class_names)), weights_(std::move(weights)) {}

  absl::StatusOr<std::vector<double>> Probabilities(absl::Span<const float> features) override {
    const int64_t d = weights_.columns() - 1, classes = weights_.rows();
    const int64_t rows = static_cast<int64_t>(features.size()) / d;
    PaddedMatrix<float> x(rows, d + 1);
    for (int64_t i = 0; i < rows; ++i) {
      std::copy_n(features.data() + i * d, d, x.row(i));
      x(i, d) = 1;
    }
    std::vector<double> logits(rows * classes);
    MultiplyTransposed(x.data(), x.stride(), rows, weights_.data(), weights_.stride(), classes,
                       x.stride(), logits.data(), classes);
    SoftmaxRows(classes, &logits);
    return logits;
  }

 private:
  const PaddedMatrix<double> weights_;
};

absl::Status Damaged(const SafetensorsFile& file, const std::string& what) {
  return absl::DataLossError(
      absl::StrCat(file.path(), ": ", what, ": make the folder again with --force"));
}

// Class names by target.
absl::StatusOr<std::map<std::string, std::vector<std::string>>> ReadTargets(
    const SafetensorsFile& file) {
  std::map<std::string, std::vector<std::string>> targets;
  for (const auto& [key, text] : file.metadata()) {
    if (!absl::StartsWith(key, kClassesPrefix)) continue;
    const nlohmann::json list = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    std::vector<std::string>& names = targets[key.substr(sizeof(kClassesPrefix) - 1)];
    if (!list.is_array() || list.empty()) return Damaged(file, absl::StrCat(key, " is no list"));
    for (const nlohmann::json& name : list) {
      if (!name.is_string()) return Damaged(file, absl::StrCat(key, " is no list of names"));
      names.push_back(name.get<std::string>());
    }
  }
  return targets;
}

absl::StatusOr<std::string> ChooseTarget(
    const SafetensorsFile& file, const std::map<std::string, std::vector<std::string>>& targets,
    const std::string& asked) {
  std::vector<std::string> names;
  for (const auto& [name, classes] : targets) names.push_back(name);
  const std::string wanted = !asked.empty() ? asked : names.size() == 1 ? names[0] : "label";
  if (targets.count(wanted) > 0) return wanted;
  return absl::FailedPreconditionError(
      absl::StrCat(asked.empty() ? "--target: " : absl::StrCat("--target=", asked, ": "),
                   file.path(), " knows ", absl::StrJoin(names, ", "), ": choose one"));
}

absl::StatusOr<std::unique_ptr<Classifier>> MakeLinear(const SafetensorsFile& file,
                                                       const std::string& target,
                                                       std::vector<std::string> class_names) {
  const std::string name = absl::StrCat("weight.", target);
  CASSLE_ASSIGN_OR_RETURN(const TensorView weight, file.Get(name, DType::kF32, 2));
  CASSLE_ASSIGN_OR_RETURN(const TensorView bias,
                          file.Get(absl::StrCat("bias.", target), DType::kF32, 1));
  const int64_t classes = static_cast<int64_t>(class_names.size());
  const int64_t d = weight.shape[1];
  if (weight.shape[0] != classes || bias.shape[0] != classes || d < 1) {
    return Damaged(file, absl::StrCat(name, " does not fit its ", classes, " classes"));
  }
  PaddedMatrix<double> weights(classes, d + 1);
  for (int64_t c = 0; c < classes; ++c) {
    std::copy_n(weight.values<float>().data() + c * d, d, weights.row(c));
    weights(c, d) = bias.values<float>()[c];
    if (std::all_of(weights.row(c), weights.row(c) + d + 1,
                    [](double value) { return std::isfinite(value); })) {
      continue;
    }
    return Damaged(
        file, absl::StrCat(name, ": the weights of class ", class_names[c], " are not finite"));
  }
  return std::unique_ptr<Classifier>(
      new LinearClassifier(target, std::move(class_names), std::move(weights)));
}

absl::StatusOr<SafetensorsFile> OpenFile(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  const std::string path = JoinPath(folder, kClassifierName);
  if (!FileExists(path)) {
    CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest manifest, ReadManifest(folder));
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " (of ", manifest.stage(),
        ") holds no classifier: name a folder that linear-probe, sgd-probe or knn wrote"));
  }
  return SafetensorsFile::Open(path);
}

absl::StatusOr<FeatureOrigin> OriginOf(const SafetensorsFile& file) {
  return FeatureOriginOf(file.path(), [&](const std::string& key) { return file.Metadata(key); });
}

}  // namespace

void SoftmaxRows(int64_t classes, std::vector<double>* logits) {
  for (size_t begin = 0; begin < logits->size(); begin += classes) {
    double* z = logits->data() + begin;
    const double top = *std::max_element(z, z + classes);
    double sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += z[c] = std::exp(z[c] - top);
    for (int64_t c = 0; c < classes; ++c) z[c] /= sum;
  }
}

absl::StatusOr<FeatureOrigin> ReadFeatureOrigin(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile file, OpenFile(folder));
  return OriginOf(file);
}

absl::StatusOr<OpenedClassifier> OpenClassifier(const std::string& folder,
                                                const ClassifierOptions& options) {
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile file, OpenFile(folder));
  OpenedClassifier opened;
  CASSLE_ASSIGN_OR_RETURN(opened.origin, OriginOf(file));
  CASSLE_ASSIGN_OR_RETURN(auto targets, ReadTargets(file));
  if (targets.empty()) return Damaged(file, "it names no classes");
  CASSLE_ASSIGN_OR_RETURN(const std::string target, ChooseTarget(file, targets, options.target));
  std::vector<std::string>& class_names = targets[target];
  if (file.Has("k")) {
    CASSLE_RETURN_IF_ERROR(
        OpenNeighborClassifier(file, target, std::move(class_names), options, &opened));
    return opened;
  }
  for (const auto& [given, flag] :
       {std::pair(!options.train.empty(), "train"), std::pair(options.neighbors > 0, "k"),
        std::pair(options.temperature >= 0, "temperature")}) {
    if (!given) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag, " is for a --classifier of knn; ", folder, " is a linear one"));
  }
  CASSLE_ASSIGN_OR_RETURN(opened.classifier, MakeLinear(file, target, std::move(class_names)));
  CASSLE_ASSIGN_OR_RETURN(const TensorView weight, file.Get(absl::StrCat("weight.", target)));
  opened.columns = weight.shape[1];
  return opened;
}

}  // namespace cassle
