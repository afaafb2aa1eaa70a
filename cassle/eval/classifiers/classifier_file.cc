#include "cassle/eval/classifiers/classifier_file.h"

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/probes/accuracy.h"
#include "nlohmann/json.hpp"

namespace cassle {

ClassifierWriter::ClassifierWriter(const Embeddings& learnt_from) {
  for (const char* key :
       {"weights_fingerprint", "preprocess_fingerprint", "resize_px", "precision", "provenance"}) {
    writer_.SetMetadata(key, learnt_from.Metadata(key));
  }
  const std::string readout = learnt_from.Metadata("readout");
  if (!readout.empty()) writer_.SetMetadata("readout", readout);
}

void ClassifierWriter::SetClasses(const std::string& target,
                                  const std::vector<std::string>& class_names) {
  writer_.SetMetadata(
      absl::StrCat("classes.", target),
      nlohmann::json(class_names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

void ClassifierWriter::AddLinear(const std::string& target,
                                 const std::vector<std::string>& class_names,
                                 const PaddedMatrix<double>& classifier,
                                 const std::vector<int>& test_predictions,
                                 const std::vector<int>& test_labels) {
  const int64_t classes = classifier.rows(), d = classifier.columns() - 1;
  std::vector<float> weight, bias;
  for (int64_t c = 0; c < classes; ++c) {
    const double* row = classifier.row(c);
    weight.insert(weight.end(), row, row + d);
    bias.push_back(static_cast<float>(row[d]));
  }
  const std::vector<int64_t> predictions(test_predictions.begin(), test_predictions.end());
  writer_.Add<float>(absl::StrCat("weight.", target), DType::kF32, {classes, d}, weight);
  writer_.Add<float>(absl::StrCat("bias.", target), DType::kF32, {classes}, bias);
  writer_.Add<int64_t>(absl::StrCat("prediction.", target), DType::kI64,
                       {static_cast<int64_t>(predictions.size())}, predictions);
  writer_.Add<int64_t>(absl::StrCat("confusion.", target), DType::kI64, {classes, classes},
                       ConfusionMatrix(test_predictions, test_labels, static_cast<int>(classes)));
  SetClasses(target, class_names);
}

void ClassifierWriter::SetVotes(const std::vector<int64_t>& neighbors,
                                const std::vector<double>& temperatures, const std::string& metric,
                                const std::string& train_fingerprint) {
  neighbors_ = static_cast<int64_t>(neighbors.size());
  temperatures_ = static_cast<int64_t>(temperatures.size());
  writer_.Add<int64_t>("k", DType::kI64, {neighbors_}, neighbors);
  writer_.Add<double>("temperature", DType::kF64, {temperatures_}, temperatures);
  writer_.SetMetadata("metric", metric);
  writer_.SetMetadata("train_fingerprint", train_fingerprint);
}

void ClassifierWriter::AddVotes(const std::string& target,
                                const std::vector<std::string>& class_names,
                                const std::vector<double>& accuracies) {
  writer_.Add<double>(absl::StrCat("accuracy.", target), DType::kF64, {neighbors_, temperatures_},
                      accuracies);
  SetClasses(target, class_names);
}

absl::Status ClassifierWriter::Write(const std::string& folder) const {
  if (folder.empty()) return absl::OkStatus();
  return writer_.Write(JoinPath(folder, kClassifierName));
}

}  // namespace cassle
