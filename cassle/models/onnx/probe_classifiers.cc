#include "cassle/models/onnx/probe_classifiers.h"

#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kClassifierName[] = "classifier.safetensors";
constexpr char kDetailsName[] = "details.json";
constexpr char kResultName[] = "result.json";

// An object, or an error.
absl::StatusOr<nlohmann::json> ReadObject(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::DataLossError(absl::StrCat(path, " is no JSON object: run linear-probe again"));
  }
  return json;
}

// Empty if there is no such string.
std::string StringOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

// The list of that name; empty if there is none.
nlohmann::json ListOf(const nlohmann::json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_array() ? *found : nlohmann::json::array();
}

// Target -> names of its classes.
std::map<std::string, std::vector<std::string>> ClassesOf(const nlohmann::json& details) {
  std::map<std::string, std::vector<std::string>> classes;
  for (const nlohmann::json& target : ListOf(details, "targets")) {
    if (!target.is_object()) continue;
    std::vector<std::string>& names = classes[StringOf(target, "name")];
    for (const nlohmann::json& entry : ListOf(target, "classes")) {
      names.push_back(entry.is_object() ? StringOf(entry, "name") : "");
    }
  }
  return classes;
}

}  // namespace

absl::StatusOr<ProbeClassifiers> ReadProbeClassifiers(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(RequireKind(folder, kClassifierName, "classifier (of linear-probe)"));
  CASSLE_ASSIGN_OR_RETURN(const nlohmann::json result, ReadObject(JoinPath(folder, kResultName)));
  CASSLE_ASSIGN_OR_RETURN(const nlohmann::json details, ReadObject(JoinPath(folder, kDetailsName)));
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile file,
                          SafetensorsFile::Open(JoinPath(folder, kClassifierName)));
  ProbeClassifiers classifiers;
  classifiers.weights_fingerprint = StringOf(result, "weights_fingerprint");
  classifiers.preprocess_fingerprint = StringOf(result, "preprocess_fingerprint");
  classifiers.readout = file.Metadata("readout");
  std::map<std::string, std::vector<std::string>> classes = ClassesOf(details);
  for (const std::string& name : file.names()) {
    absl::string_view target = name;
    if (!absl::ConsumePrefix(&target, "weight.")) continue;
    ProbeClassifier classifier;
    classifier.target = std::string(target);
    CASSLE_ASSIGN_OR_RETURN(const TensorView weight, file.Get(name, DType::kF32, 2));
    CASSLE_ASSIGN_OR_RETURN(const TensorView bias,
                            file.Get(absl::StrCat("bias.", target), DType::kF32, 1));
    classifier.weight = ToTensor(weight);
    classifier.bias = ToTensor(bias);
    classifier.classes = std::move(classes[classifier.target]);
    const auto rows = static_cast<size_t>(weight.shape[0]);
    if (static_cast<size_t>(bias.shape[0]) != rows || classifier.classes.size() != rows) {
      return absl::DataLossError(
          absl::StrCat(file.path(), ": target ", target, " has ", rows, " rows of weights, ",
                       bias.shape[0], " biases, and in ", kDetailsName, " the names of ",
                       classifier.classes.size(), " classes: run linear-probe again"));
    }
    classifiers.targets.push_back(std::move(classifier));
  }
  if (classifiers.targets.empty()) {
    return absl::DataLossError(
        absl::StrCat(file.path(), " holds no classifier: run linear-probe again"));
  }
  return classifiers;
}

}  // namespace cassle
