// How other libraries name the tensors of our backbones, and which backbone a set of names and
// shapes is.
//
//   residual networks     torchvision's names are ours
//   vision transformers   timm's (and MoCo-v3's) are ours: blocks.0.attn.qkv.weight;
//                         torchvision's:
//                         encoder.layers.encoder_layer_0.self_attention.in_proj_weight
#ifndef CASSLE_MODELS_EXCHANGE_WEIGHT_NAMES_H_
#define CASSLE_MODELS_EXCHANGE_WEIGHT_NAMES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/models/weights/state_difference.h"

namespace cassle {

// Our name in torchvision's words; a residual network's stays.
std::string ToTorchvisionName(const std::string& name);
// The reverse; older torchvision's names of the MLP too. Other names stay.
std::string FromTorchvisionName(const std::string& name);

// Whether a name (without prefix) belongs to what follows the features: a classifier (fc, head,
// heads) or what a self-supervised method adds (projection_head, prototypes, ...).
bool IsHead(const std::string& name);

// The prefixes under which `names` hold a backbone: "" or "backbone." or
// "state_dict.module.base_encoder.", sorted.
std::vector<std::string> FindBackbones(const std::vector<std::string>& names);

// What `tensors`, in our names, are: architecture, stem and width factor, or patch size and image
// size.
// \error DataLoss saying what is not known.
absl::StatusOr<v1::BackboneConfig> DetectBackbone(const std::vector<TensorSignature>& tensors);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_WEIGHT_NAMES_H_
