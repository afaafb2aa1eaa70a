// Embeddings folders of made features, for tools/bench_eval.sh.
//   make_features FIRST_ROW ROWS COLUMNS CLASSES FOLDER
#include <cstdio>
#include <cstdlib>
#include <string>

#include "cassle/eval/embeddings/embeddings_testutil.h"
#include "cassle/probes/feature_model.h"

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: make_features FIRST_ROW ROWS COLUMNS CLASSES FOLDER\n");
    return 64;
  }
  const int64_t first = std::atoll(argv[1]), rows = std::atoll(argv[2]);
  cassle::FeatureModel model;
  model.columns = std::atoi(argv[3]);
  model.classes = std::atoi(argv[4]);
  if (rows < 1 || model.columns < 1 || model.classes < 2) {
    std::fprintf(stderr, "make_features: a number is out of range\n");
    return 64;
  }
  cassle::EmbeddingsFixture folder;
  folder.columns = model.columns;
  folder.features = cassle::MakeFeatures(model, first, rows);
  for (int64_t i = 0; i < rows; ++i) {
    folder.ids.push_back(first + i);
    folder.classes["labels"].push_back((first + i) % model.classes);
  }
  folder.metadata = {{"weights_fingerprint", "made"},
                     {"preprocess_fingerprint", "made"},
                     {"dataset_fingerprint", "made"},
                     {"split", "rows_" + std::to_string(first)},
                     {"provenance", "made features"}};
  const absl::Status written = folder.Write(argv[5]);
  if (!written.ok()) std::fprintf(stderr, "make_features: %s\n", written.ToString().c_str());
  return written.ok() ? 0 : 73;
}
