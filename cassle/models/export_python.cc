#include "cassle/models/export_python.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

std::string ResNetInPython(const v1::BackboneConfig& config) {
  // torchvision's residual networks have no width factor.
  if (config.width_factor() != 0 && config.width_factor() != 1) return "";
  const std::string cifar = config.stem() == v1::CIFAR
                                ? "; model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False); "
                                  "model.maxpool = torch.nn.Identity()"
                                : "";
  return absl::StrCat("model = torchvision.models.", config.architecture(),
                      "(); model.fc = torch.nn.Identity()", cifar);
}

// An argument of a transformer; empty for torchvision's and timm's own.
std::string NormInPython(const v1::BackboneConfig& config) {
  const double eps = config.norm_eps();
  if (eps == 0 || eps == 1e-6) return "";
  return absl::StrCat(", norm_layer=functools.partial(torch.nn.LayerNorm, eps=", eps, ")");
}

std::string ConvNextInPython(const v1::BackboneConfig& config) {
  const ConvNextSize& size = *FindConvNext(config.architecture());
  const double width = config.width_factor() == 0 ? 1 : config.width_factor();
  std::vector<int64_t> widths;
  for (int stage = 0; stage < 4; ++stage) {
    widths.push_back(ConvNextWidth(size, stage, width));
  }
  return absl::StrCat("model = timm.models.convnext.ConvNeXt(depths=(",
                      absl::StrJoin(size.blocks, ", "), "), dims=(", absl::StrJoin(widths, ", "),
                      "), num_classes=0)");
}

std::string TimmInPython(const v1::BackboneConfig& config, const VitSize& size) {
  // timm has no position for the class token beside registers.
  if (config.registers() > 0) return "";
  // It rounds down.
  const double ratio = (2.0 * SwiGluWidth(size.width) + 0.5) / static_cast<double>(size.width);
  return absl::StrCat(
      "model = timm.models.vision_transformer.VisionTransformer(img_size=", config.image_size(),
      ", patch_size=", config.patch_size(), ", embed_dim=", size.width, ", depth=", size.depth,
      ", num_heads=", config.heads(), ", num_classes=0",
      config.layer_scale() == 0 ? "" : absl::StrCat(", init_values=", config.layer_scale()),
      config.feed_forward() == v1::SWIGLU
          ? absl::StrCat(", mlp_ratio=", ratio,
                         ", mlp_layer=timm.layers.SwiGLUPacked, act_layer=torch.nn.SiLU")
          : "",
      NormInPython(config), ")");
}

}  // namespace

bool HasTorchvisionNames(const v1::BackboneConfig& config) {
  return config.registers() == 0 && config.layer_scale() == 0 &&
         config.feed_forward() != v1::SWIGLU && FindConvNext(config.architecture()) == nullptr;
}

std::string PythonOf(const v1::BackboneConfig& config, bool timm) {
  // Conditioning by image channels is ours.
  if (config.extra_channels_size() != 0) return "";
  const VitSize* size = FindVit(config.architecture());
  if (size == nullptr) {
    return FindConvNext(config.architecture()) == nullptr ? ResNetInPython(config)
                                                          : ConvNextInPython(config);
  }
  if (timm) return TimmInPython(config, *size);
  return absl::StrCat("model = torchvision.models.VisionTransformer(image_size=",
                      config.image_size(), ", patch_size=", config.patch_size(),
                      ", num_layers=", size->depth, ", num_heads=", config.heads(),
                      ", hidden_dim=", size->width, ", mlp_dim=", MlpWidth(size->width),
                      NormInPython(config), "); model.heads = torch.nn.Identity()");
}

}  // namespace cassle
