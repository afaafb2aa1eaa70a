// What Hugging Face's config.json and preprocessor_config.json say of a network whose weights lie
// beside them (transformers and timm write them), as far as tensors do not tell it.
#ifndef CASSLE_MODELS_EXCHANGE_FOREIGN_CONFIG_H_
#define CASSLE_MODELS_EXCHANGE_FOREIGN_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

struct ForeignConfig {
  // "vit" (transformers), "vit_small_patch16_224" (timm); empty: nothing that is known here.
  std::string model;
  bool transformer = false;
  // 0: not said.
  int heads = 0;
  double norm_eps = 0;
  int image_size = 0;
  // Three values each, or none.
  std::vector<double> mean, std;
};

// The text of a config.json.
// \error DataLoss for a network that computes something else than ours with the same tensors
// (another activation, strides elsewhere), or values of another type.
absl::StatusOr<ForeignConfig> ParseForeignConfig(absl::string_view text);

// Adds the mean, the standard deviation and the image size of a preprocessor_config.json.
// \error DataLoss if they are no numbers.
absl::Status AddPreprocessing(absl::string_view text, ForeignConfig* config);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_FOREIGN_CONFIG_H_
