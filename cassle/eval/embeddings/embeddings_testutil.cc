#include "cassle/eval/embeddings/embeddings_testutil.h"

#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/safetensors.h"
#include "cassle/eval/on_embeddings/linear_probe_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

EmbeddingsFixture EmbeddingsFixture::Clusters(int64_t rows, int64_t columns, int64_t first_id,
                                              uint64_t seed) {
  EmbeddingsFixture fixture;
  fixture.columns = columns;
  Philox random(StreamKey{seed, RandomDomain::kTest});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      fixture.features.push_back((j % 3 == i % 3 ? 2.0f : 0.0f) + random.NextGaussian());
    }
    fixture.ids.push_back(first_id + i);
    fixture.classes["labels"].push_back(i % 3);
    fixture.classes["target.parity"].push_back(i % 2);
  }
  fixture.metadata = {{"weights_fingerprint", "wwww"},
                      {"preprocess_fingerprint", "pppp"},
                      {"dataset_fingerprint", "dddd"},
                      {"split", "train"},
                      {"provenance", "random"},
                      {"classes", "[\"a\",\"b\",\"c\"]"},
                      {"classes.parity", "[\"even\",\"odd\"]"}};
  return fixture;
}

absl::Status EmbeddingsFixture::Write(const std::string& folder) const {
  SafetensorsWriter writer;
  const int64_t rows = ids.size();
  writer.Add<float>("features", DType::kF32, {rows, columns}, features);
  writer.Add<int64_t>("ids", DType::kI64, {rows}, ids);
  for (const auto& [name, values] : classes) {
    writer.Add<int64_t>(name, DType::kI64, {static_cast<int64_t>(values.size())}, values);
  }
  for (const auto& [name, values] : vectors) {
    writer.Add<float>(name, DType::kF32, {rows, 2}, values);
  }
  for (const auto& [key, value] : metadata) writer.SetMetadata(key, value);
  // Any message with an `output` serves as the options of the stage that makes the folder.
  v1::LinearProbeOptions options;
  options.set_output(folder);
  StageSettings settings;
  settings.force = true;
  settings.omit_costs = true;
  return RunStageWork(
             {"embed", 1, ""}, options, settings,
             [&](const google::protobuf::Message&, StageContext& context) {
               return writer.Write(JoinPath(context.output_dir(), "embeddings.safetensors"));
             })
      .status();
}

}  // namespace cassle
