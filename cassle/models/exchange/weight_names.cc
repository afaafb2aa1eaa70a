#include "cassle/models/exchange/weight_names.h"

#include <cmath>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

struct Words {
  const char* ours;
  const char* torchvision;
};

// Beginnings of names outside the blocks, and inside them behind the number. The first line that
// fits counts.
constexpr Words kOutside[] = {
    {"cls_token", "class_token"},
    {"pos_embed", "encoder.pos_embedding"},
    {"patch_embed.proj.", "conv_proj."},
    {"norm.", "encoder.ln."},
};
constexpr Words kInside[] = {
    {"norm1.", "ln_1."},
    {"attn.qkv.", "self_attention.in_proj_"},
    {"attn.proj.", "self_attention.out_proj."},
    {"norm2.", "ln_2."},
    {"mlp.fc1.", "mlp.0."},
    {"mlp.fc2.", "mlp.3."},
    // torchvision before 0.14, and its published files.
    {"mlp.fc1.", "mlp.linear_1."},
    {"mlp.fc2.", "mlp.linear_2."},
};
constexpr char kOurBlocks[] = "blocks.";
constexpr char kTorchvisionBlocks[] = "encoder.layers.encoder_layer_";

template <size_t kCount>
std::string Replace(const std::string& name, const Words (&words)[kCount], bool to_torchvision) {
  for (const Words& word : words) {
    const absl::string_view from = to_torchvision ? word.ours : word.torchvision;
    const absl::string_view to = to_torchvision ? word.torchvision : word.ours;
    if (absl::StartsWith(name, from)) return absl::StrCat(to, name.substr(from.size()));
  }
  return name;
}

std::string Translate(const std::string& name, bool to_torchvision) {
  const absl::string_view from = to_torchvision ? kOurBlocks : kTorchvisionBlocks;
  const absl::string_view to = to_torchvision ? kTorchvisionBlocks : kOurBlocks;
  if (!absl::StartsWith(name, from)) return Replace(name, kOutside, to_torchvision);
  const size_t dot = name.find('.', from.size());
  if (dot == std::string::npos) return name;
  return absl::StrCat(to, name.substr(from.size(), dot + 1 - from.size()),
                      Replace(name.substr(dot + 1), kInside, to_torchvision));
}

// A backbone is there when all of these are, behind one prefix.
constexpr const char* kMarks[][2] = {
    {"layer4.0.conv1.weight", "conv1.weight"},
    {"patch_embed.proj.weight", "cls_token"},
    {"conv_proj.weight", "class_token"},
};

// First parts of names.
constexpr const char* kHeads[] = {"fc",        "head",       "heads",     "projection_head",
                                  "projector", "prototypes", "predictor", "last_layer"};

using Shapes = std::map<std::string, std::vector<int64_t>>;

absl::Status Unknown(absl::string_view reason) { return absl::DataLossError(reason); }

absl::StatusOr<std::vector<int64_t>> ShapeOf(const Shapes& shapes, const std::string& name,
                                             size_t rank) {
  const auto found = shapes.find(name);
  if (found == shapes.end()) return Unknown(absl::StrCat("there is no ", name));
  if (found->second.size() != rank) {
    return Unknown(
        absl::StrCat(name, " has ", found->second.size(), " dimensions, expected ", rank));
  }
  return found->second;
}

absl::StatusOr<v1::BackboneConfig> DetectResNet(const Shapes& shapes) {
  v1::BackboneConfig config;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> stem, ShapeOf(shapes, "conv1.weight", 4));
  if (stem[2] != 7 && stem[2] != 3) {
    return Unknown(absl::StrCat("its first convolution is ", stem[2], "x", stem[3],
                                "; known are 7x7 (ImageNet stem) and 3x3 (CIFAR stem)"));
  }
  config.set_stem(stem[2] == 7 ? v1::IMAGENET : v1::CIFAR);
  config.set_width_factor(static_cast<double>(stem[0]) / 64);
  const bool bottleneck = shapes.count("layer1.0.conv3.weight") > 0;
  int blocks = 0;
  while (shapes.count(absl::StrCat("layer3.", blocks, ".conv1.weight")) > 0) ++blocks;
  if (blocks == 2 && !bottleneck) {
    config.set_architecture("resnet18");
  } else if (blocks == 6) {
    config.set_architecture(bottleneck ? "resnet50" : "resnet34");
  } else {
    return Unknown(absl::StrCat("it is a residual network with ", blocks, " ",
                                bottleneck ? "bottleneck" : "basic",
                                " blocks in its third stage; known are ResNet-18, 34 and 50"));
  }
  return config;
}

absl::StatusOr<v1::BackboneConfig> DetectVit(const Shapes& shapes) {
  v1::BackboneConfig config;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> patch,
                          ShapeOf(shapes, "patch_embed.proj.weight", 4));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> table, ShapeOf(shapes, "pos_embed", 3));
  const std::map<int64_t, const char*> architectures = {
      {192, "vit_tiny"}, {384, "vit_small"}, {768, "vit_base"}};
  const auto found = architectures.find(patch[0]);
  if (found == architectures.end()) {
    return Unknown(absl::StrCat("it is a vision transformer of width ", patch[0],
                                "; known are 192 (vit_tiny), 384 (vit_small) and 768 (vit_base)"));
  }
  config.set_architecture(found->second);
  const auto grid = std::llround(std::sqrt(static_cast<double>(table[1] - 1)));
  if (table[2] != patch[0]) {
    return Unknown(
        absl::StrCat("its positions have ", table[2], " values, its patches ", patch[0]));
  }
  if (table[1] < 2 || table[1] > (1 << 24) || grid * grid != table[1] - 1 || patch[2] < 1 ||
      patch[2] > 256) {
    return Unknown(
        absl::StrCat("its ", table[1], " positions are not a square of patches and a class token"));
  }
  config.set_patch_size(static_cast<int32_t>(patch[2]));
  config.set_image_size(static_cast<int32_t>(grid * patch[2]));
  return config;
}

}  // namespace

std::string ToTorchvisionName(const std::string& name) { return Translate(name, true); }

std::string FromTorchvisionName(const std::string& name) { return Translate(name, false); }

bool IsHead(const std::string& name) {
  const absl::string_view part = absl::string_view(name).substr(0, name.find('.'));
  for (const char* head : kHeads) {
    if (part == head) return true;
  }
  return false;
}

std::vector<std::string> FindBackbones(const std::vector<std::string>& names) {
  const std::set<std::string> all(names.begin(), names.end());
  std::set<std::string> prefixes;
  for (const std::string& name : names) {
    for (const auto& mark : kMarks) {
      if (!absl::EndsWith(name, mark[0])) continue;
      const std::string prefix = name.substr(0, name.size() - absl::string_view(mark[0]).size());
      if (!prefix.empty() && prefix.back() != '.') continue;
      if (all.count(prefix + mark[1]) > 0) prefixes.insert(prefix);
    }
  }
  return std::vector<std::string>(prefixes.begin(), prefixes.end());
}

absl::StatusOr<v1::BackboneConfig> DetectBackbone(const std::vector<TensorSignature>& tensors) {
  Shapes shapes;
  for (const TensorSignature& tensor : tensors) shapes[tensor.name] = tensor.shape;
  return shapes.count("conv1.weight") > 0 ? DetectResNet(shapes) : DetectVit(shapes);
}

}  // namespace cassle
