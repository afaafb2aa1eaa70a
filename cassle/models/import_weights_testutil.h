// Weights of small networks as other programs have them, written and imported.
#ifndef CASSLE_MODELS_IMPORT_WEIGHTS_TESTUTIL_H_
#define CASSLE_MODELS_IMPORT_WEIGHTS_TESTUTIL_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/exchange/torch_file_writer.h"
#include "cassle/models/import_weights_stage.h"
#include "cassle/models/networks/backbone.h"

namespace cassle {

inline std::string Fresh(const std::string& name) {
  const std::string path = JoinPath(testing::TempDir(), name);
  EXPECT_OK(RemoveAll(path));
  EXPECT_OK(RemoveAll(path + ".partial"));
  return path;
}

inline absl::StatusOr<StageOutcome> Import(const v1::ImportWeightsOptions& options) {
  return RunStage(ImportWeightsInfo(), options, {}, RunImportWeights);
}

inline absl::StatusOr<StageOutcome> ImportFile(const std::string& file, const std::string& output) {
  v1::ImportWeightsOptions options;
  options.set_input(file);
  options.set_output(output);
  return Import(options);
}

inline std::shared_ptr<Backbone> Make(const std::string& architecture, int image_size,
                                      double width_factor = 0, uint64_t seed = 3) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_width_factor(width_factor);
  return MakeBackbone(ResolveBackbone(config, image_size).value(), seed).value();
}

using NameMap = std::string (*)(const std::string&);
inline std::string Same(const std::string& name) { return name; }

inline std::vector<WeightArray> ArraysOf(const Module& module, const std::string& prefix,
                                         NameMap rename = Same) {
  std::vector<WeightArray> arrays;
  for (const NamedTensor& entry : module.state()) {
    const at::Tensor plain = entry.tensor.detach().contiguous();
    arrays.push_back({prefix + rename(entry.name),
                      plain.scalar_type() == at::kLong ? DType::kI64 : DType::kF32,
                      plain.sizes().vec(),
                      std::string(static_cast<const char*>(plain.data_ptr()), plain.nbytes())});
  }
  return arrays;
}

inline WeightArray Zeros(const std::string& name, std::vector<int64_t> shape) {
  size_t bytes = 4;
  for (int64_t extent : shape) bytes *= extent;
  return {name, DType::kF32, std::move(shape), std::string(bytes, '\0')};
}

inline std::string Written(const std::string& name, const std::vector<WeightArray>& arrays) {
  const std::string path = JoinPath(testing::TempDir(), name);
  EXPECT_OK(WriteTorchFile(path, arrays));
  return path;
}

}  // namespace cassle

#endif  // CASSLE_MODELS_IMPORT_WEIGHTS_TESTUTIL_H_
