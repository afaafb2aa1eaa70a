// What Hugging Face's config.json and preprocessor_config.json say of a network whose weights lie
// beside them (transformers and timm write them), as far as tensors do not tell it, and what of it
// tensors must agree with.
#ifndef CASSLE_MODELS_EXCHANGE_CONFIGS_FOREIGN_CONFIG_H_
#define CASSLE_MODELS_EXCHANGE_CONFIGS_FOREIGN_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// A number, and what says it: "by num_attention_heads in config.json". 0: nothing does.
template <class T>
struct Said {
  T value = 0;
  std::string by;
};

enum class NetworkKind { kResNet, kTransformer, kConvNext };

// Of one of our architectures (backbone_sizes.h).
NetworkKind KindOf(absl::string_view architecture);

struct ForeignNormalization {
  // Of (pixel / 255 - mean) / std: three values each, or none.
  std::vector<double> mean, std;
  // The file.
  std::string by;
  // Why they cannot be used; empty: they can.
  std::string problem;
};

struct ForeignConfig {
  // "vit" (transformers), "vit_small_patch16_224" (timm); empty: nothing that is known here.
  std::string model;
  // A name that is not known; empty: known, or none is there.
  std::string unknown;
  NetworkKind kind = NetworkKind::kResNet;
  // Ours, that a name of timm or the depths of a residual network mean.
  std::string architecture;
  // What tensors do not tell.
  Said<int> heads;
  Said<double> norm_eps;
  int image_size = 0;
  // What says the stride of a residual network's first convolution (module_settings.h); or empty.
  std::string stem_by;
  ForeignNormalization normalization;
  // What they do, for CheckFits: channels of the first layer, blocks, side of a patch.
  Said<int> width, depth, patch_size;
};

// The text of a config.json.
// \error DataLoss for a network that computes something else than ours with the same tensors
// (another activation, strides elsewhere), for arguments of timm's (model_args) that are not known,
// and values of another type.
absl::StatusOr<ForeignConfig> ParseForeignConfig(absl::string_view text);

// Adds the mean, the standard deviation and the image size of a preprocessor_config.json.
// \error DataLoss if they are no numbers.
absl::Status AddPreprocessing(absl::string_view text, ForeignConfig* config);

// That a known network is the one of the tensors: `detected` as detect_backbone.h has it, `width`
// the channels of its first layer.
// \error DataLoss naming the field and both values.
absl::Status CheckFits(const ForeignConfig& config, const v1::BackboneConfig& detected,
                       int64_t width);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_CONFIGS_FOREIGN_CONFIG_H_
