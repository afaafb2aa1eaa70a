#include "cassle/models/onnx/probe_classifiers.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/weights/head.pb.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kClassifierName[] = "classifier.safetensors";
constexpr char kMakeAgain[] = ": make the folder again with --force";

// The names of a target's classes; empty if the file does not say them.
std::vector<std::string> ClassesOf(const SafetensorsFile& file, absl::string_view target) {
  std::vector<std::string> classes;
  const nlohmann::json list = nlohmann::json::parse(file.Metadata(absl::StrCat("classes.", target)),
                                                    nullptr, /*allow_exceptions=*/false);
  for (const nlohmann::json& name : list) {
    if (name.is_string()) classes.push_back(name.get<std::string>());
  }
  return classes;
}

// `weight` and `bias` are names of tensors.
absl::StatusOr<ProbeClassifier> Read(const SafetensorsFile& file, const std::string& weight,
                                     const std::string& bias, absl::string_view target,
                                     std::vector<std::string> classes) {
  CASSLE_ASSIGN_OR_RETURN(const TensorView rows, file.Get(weight, DType::kF32, 2));
  CASSLE_ASSIGN_OR_RETURN(const TensorView biases, file.Get(bias, DType::kF32, 1));
  if (biases.shape[0] != rows.shape[0] || static_cast<int64_t>(classes.size()) != rows.shape[0]) {
    return absl::DataLossError(absl::StrCat(
        file.path(), ": target ", target, " has ", rows.shape[0], " rows of weights, ",
        biases.shape[0], " biases and names of ", classes.size(), " classes", kMakeAgain));
  }
  return ProbeClassifier{std::string(target), ToTensor(rows), ToTensor(biases), std::move(classes)};
}

}  // namespace

absl::StatusOr<ProbeClassifiers> ReadProbeClassifiers(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(
      RequireKind(folder, kClassifierName, "classifier (of linear-probe, sgd-probe)"));
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile file,
                          SafetensorsFile::Open(JoinPath(folder, kClassifierName)));
  if (file.Has("k")) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder,
        " holds votes of neighbours, which are no layer of a network: name a folder of "
        "linear-probe or sgd-probe"));
  }
  ProbeClassifiers classifiers;
  classifiers.weights_fingerprint = file.Metadata("weights_fingerprint");
  classifiers.preprocess_fingerprint = file.Metadata("preprocess_fingerprint");
  classifiers.readout = file.Metadata("readout");
  for (const std::string& name : file.names()) {
    absl::string_view target = name;
    if (!absl::ConsumePrefix(&target, "weight.")) continue;
    CASSLE_ASSIGN_OR_RETURN(
        ProbeClassifier classifier,
        Read(file, name, absl::StrCat("bias.", target), target, ClassesOf(file, target)));
    classifiers.targets.push_back(std::move(classifier));
  }
  if (classifiers.targets.empty()) {
    return absl::DataLossError(absl::StrCat(file.path(), " holds no classifier", kMakeAgain));
  }
  return classifiers;
}

absl::StatusOr<std::vector<ProbeClassifier>> ReadHead(const std::string& folder) {
  const std::string path = JoinPath(folder, kHeadSpecName);
  if (!FileExists(path)) return std::vector<ProbeClassifier>();
  v1::HeadSpec spec;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &spec));
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile file,
                          SafetensorsFile::Open(JoinPath(folder, kModelWeightsName)));
  CASSLE_ASSIGN_OR_RETURN(ProbeClassifier head,
                          Read(file, "projector.mlp.0.weight", "projector.mlp.0.bias",
                               spec.target(), {spec.classes().begin(), spec.classes().end()}));
  return std::vector<ProbeClassifier>{std::move(head)};
}

}  // namespace cassle
