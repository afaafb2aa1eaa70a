// Makes embeddings folders for tests, complete with stage.textproto.
#ifndef CASSLE_EVAL_EMBEDDINGS_EMBEDDINGS_TESTUTIL_H_
#define CASSLE_EVAL_EMBEDDINGS_EMBEDDINGS_TESTUTIL_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cassle {

// What goes into one folder; change what a test is about.
struct EmbeddingsFixture {
  // Three well-separated classes in `columns` dimensions: row i has label i % 3, and class target
  // "parity" i % 2, which the features do not show. ids are first_id + i.
  static EmbeddingsFixture Clusters(int64_t rows, int64_t columns, int64_t first_id, uint64_t seed);

  int64_t columns = 0;
  std::vector<float> features;
  std::vector<int64_t> ids;
  // Tensors of class numbers by name, "labels", "target.parity", ...
  std::map<std::string, std::vector<int64_t>> classes;
  // [n, k] tensors by name, of any k.
  std::map<std::string, std::vector<float>> vectors;
  std::map<std::string, std::string> metadata;
  // Of each row its image's name and pixels, as one number; none: an embedding without them.
  std::vector<std::string> keys;
  std::vector<uint8_t> pixels;

  // The rows that are not among these.
  EmbeddingsFixture Without(const std::set<int64_t>& rows) const;

  absl::Status Write(const std::string& folder) const;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_EMBEDDINGS_TESTUTIL_H_
