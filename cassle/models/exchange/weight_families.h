// How other programs name the tensors of our backbones: the one table of name maps. A family is an
// entry of it; nothing else has to know.
//
// Ours are torchvision's names of residual networks and timm's of vision transformers and ConvNeXt.
#ifndef CASSLE_MODELS_EXCHANGE_WEIGHT_FAMILIES_H_
#define CASSLE_MODELS_EXCHANGE_WEIGHT_FAMILIES_H_

#include <string>
#include <vector>

#include "absl/types/span.h"

namespace cassle {

struct WeightFamily {
  // Completes "ResNet-18 in ...": "torchvision's names".
  const char* name;
  // A backbone of this family is there when all these names are, behind one prefix; the rarest
  // first. Of no two families may all be there at once.
  const char* marks;
  // Theirs to ours (name_rules.h). Behind "qkv[0].", "qkv[1]." and "qkv[2]." stand query, key and
  // value, which are one tensor here; behind "fc1[0]." and "fc1[1]." gates and values of SwiGLU.
  const char* rules;
  // Of residual networks that are an nn.Sequential, whose forward() adds nothing to its modules:
  // what their numbers leave a place for between the first norm and the first blocks.
  bool numbered = false;
  bool has_relu = true;
  bool has_max_pool = true;
};

absl::Span<const WeightFamily> WeightFamilies();

// Without what torch.compile, FSDP and activation checkpointing put into names: "_orig_mod.".
std::string WithoutWrappers(const std::string& name);

struct FoundBackbone {
  // "" or "backbone." or "state_dict.module.base_encoder."
  std::string prefix;
  const WeightFamily* family;
};

// Sorted by prefix.
std::vector<FoundBackbone> FindBackbones(const std::vector<std::string>& names);

// `name` (behind the prefix) in our words; it stays where no rule fits.
std::string ToOurName(const WeightFamily& family, const std::string& name);

// Our name in torchvision's words; a residual network's stays.
std::string ToTorchvisionName(const std::string& name);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_WEIGHT_FAMILIES_H_
