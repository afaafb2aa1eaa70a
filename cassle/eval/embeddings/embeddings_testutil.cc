#include "cassle/eval/embeddings/embeddings_testutil.h"

#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/pictures.h"
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
                      {"resize_px", "16"},
                      {"precision", "float32"},
                      {"dataset_fingerprint", "dddd"},
                      {"split", "train"},
                      {"provenance", "random"},
                      {"classes", "[\"a\",\"b\",\"c\"]"},
                      {"classes.parity", "[\"even\",\"odd\"]"}};
  return fixture;
}

EmbeddingsFixture EmbeddingsFixture::Without(const std::set<int64_t>& rows) const {
  EmbeddingsFixture kept;
  kept.columns = columns;
  kept.metadata = metadata;
  for (int64_t row = 0; row < static_cast<int64_t>(ids.size()); ++row) {
    if (rows.count(row) > 0) continue;
    kept.ids.push_back(ids[row]);
    kept.features.insert(kept.features.end(), features.begin() + row * columns,
                         features.begin() + (row + 1) * columns);
    for (const auto& [name, values] : classes) kept.classes[name].push_back(values[row]);
    for (const auto& [name, values] : vectors) {
      const int64_t width = values.size() / ids.size();
      for (int64_t i = 0; i < width; ++i) kept.vectors[name].push_back(values[width * row + i]);
    }
  }
  return kept;
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
    const int64_t width = rows == 0 ? 2 : static_cast<int64_t>(values.size()) / rows;
    writer.Add<float>(name, DType::kF32, {rows, width}, values);
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
             [&](const google::protobuf::Message&, StageContext& context) -> absl::Status {
               std::vector<PixelHash> hashes;
               for (const uint8_t number : pixels) hashes.push_back({number});
               if (!keys.empty()) {
                 CASSLE_RETURN_IF_ERROR(WritePictures(ids, hashes, keys, context.output_dir()));
               }
               return writer.Write(JoinPath(context.output_dir(), "embeddings.safetensors"));
             })
      .status();
}

}  // namespace cassle
