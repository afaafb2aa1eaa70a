#include "cassle/models/untold_by_shapes.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

constexpr double kUsualEps = 1e-6;
constexpr double kHuggingFaceEps = 1e-12;
// What transformers takes where config.json has none.
constexpr int kHuggingFaceHeads = 12;

// "norm_eps 1e-06 (why)".
template <class T>
std::string Sentence(absl::string_view what, T value, absl::string_view reason) {
  return absl::StrCat(what, " ", value, " (", reason, ")");
}

// By an option, although something beside the file may say another.
template <class T>
std::string ByOption(absl::string_view option, T value, const Said<T>& said) {
  return said.value == 0 || said.value == value
             ? absl::StrCat("by ", option)
             : absl::StrCat("by ", option, ", although ", said.by, " says ", said.value);
}

// Other widths have the heads of the table wherever they were published. Of 384, networks with
// learned positions (timm, DeiT, DINO, DINOv2, Hugging Face) have 6 and MoCo-v3's, with fixed ones,
// 12; others with fixed ones have either.
absl::StatusOr<std::string> AssumeHeads(const ForeignConfig& foreign, const FoundBackbone& found,
                                        v1::BackboneConfig* config) {
  const std::string& name = config->architecture();
  auto heads = static_cast<int>(FindVit(name)->heads);
  std::string reason = "as every published network of this width has";
  if (name == "vit_small" && config->positions() == v1::LEARNED) {
    heads = 6;
    reason = "as timm's, DeiT's and DINO's networks of this width with learned positions have";
  } else if (name == "vit_small") {
    if (!absl::StrContains(found.prefix, "base_encoder") &&
        !absl::StrContains(found.prefix, "momentum_encoder")) {
      return absl::DataLossError(
          "it does not tell the attention heads of its vit_small: give --backbone.heads=12 (as "
          "MoCo-v3 has) or --backbone.heads=6 (as most others have)");
    }
    reason = "as MoCo-v3 has";
  }
  if (!foreign.model.empty() && heads != kHuggingFaceHeads) {
    return absl::DataLossError(absl::StrCat(
        "config.json beside it has no num_attention_heads, for which transformers takes ",
        kHuggingFaceHeads, ", and published networks of this width have ", heads,
        ": give --backbone.heads"));
  }
  config->set_heads(heads);
  return Sentence("attention heads", heads,
                  absl::StrCat(reason, "; --backbone.heads decides otherwise"));
}

absl::StatusOr<std::string> DecideHeads(const v1::BackboneConfig& options,
                                        const ForeignConfig& foreign, const FoundBackbone& found,
                                        v1::BackboneConfig* config) {
  if (options.heads() != 0) {
    return Sentence("attention heads", options.heads(),
                    ByOption("--backbone.heads", options.heads(), foreign.heads));
  }
  if (foreign.heads.value == 0) return AssumeHeads(foreign, found, config);
  config->set_heads(foreign.heads.value);
  return Sentence("attention heads", foreign.heads.value, absl::StrCat("by ", foreign.heads.by));
}

std::string DecideEps(const v1::BackboneConfig& options, const ForeignConfig& foreign,
                      const FoundBackbone& found, v1::BackboneConfig* config) {
  constexpr char kWhat[] = "norm_eps";
  if (options.norm_eps() != 0) {
    return Sentence(kWhat, options.norm_eps(),
                    ByOption("--backbone.norm_eps", options.norm_eps(), foreign.norm_eps));
  }
  if (foreign.norm_eps.value != 0) {
    config->set_norm_eps(foreign.norm_eps.value);
    return Sentence(kWhat, foreign.norm_eps.value, absl::StrCat("by ", foreign.norm_eps.by));
  }
  // DINOv2's networks there have 1e-6, like everybody's.
  const bool hub = absl::string_view(found.family->name) == "Hugging Face's names";
  if (hub) config->set_norm_eps(kHuggingFaceEps);
  return Sentence(kWhat, hub ? kHuggingFaceEps : kUsualEps,
                  absl::StrCat(hub ? "as Hugging Face's ViT has"
                                   : "as timm's, torchvision's and MoCo-v3's networks have",
                               "; --backbone.norm_eps decides otherwise"));
}

// How the original comes to images of another size, where its names tell whose it is. Under timm's
// names DINOv2's own files have a mask_token beside layer scales (timm leaves it out), MAE's one
// without them, and DINO's checkpoints hold a student and a teacher.
std::pair<v1::PositionResize, std::string> OriginalResize(const ForeignConfig& foreign,
                                                          const FoundBackbone& found,
                                                          const BackboneTensors& tensors,
                                                          const v1::BackboneConfig& config) {
  const absl::string_view family = found.family->name;
  if (config.registers() > 0) {
    return {v1::BICUBIC_ANTIALIASED, "with antialiasing, as of DINOv2 with registers"};
  }
  if (family == "torchvision's names") return {v1::BICUBIC_CORNERS, "as torchvision's"};
  if (family != "timm's names") {
    return {v1::BICUBIC, absl::StrCat("without antialiasing, as under ", family)};
  }
  const bool masked = tensors.left_out.count(absl::StrCat(found.prefix, "mask_token")) > 0;
  if (foreign.model.empty()) {
    if (masked && config.layer_scale() == 0) {
      return {v1::BICUBIC, "without antialiasing, as MAE's"};
    }
    if (masked) return {v1::BICUBIC_BY_FACTOR, "by a factor with 0.1 added, as DINOv2's"};
    if (absl::StrContains(found.prefix, "teacher") || absl::StrContains(found.prefix, "student")) {
      return {v1::BICUBIC_BY_FACTOR, "by a factor with 0.1 added, as DINO's"};
    }
  }
  return {v1::BICUBIC_ANTIALIASED, "with antialiasing, as timm's"};
}

// Begins with ", "; empty for fixed positions, which no image size resizes.
std::string DecideResize(const v1::BackboneConfig& options, const ForeignConfig& foreign,
                         const FoundBackbone& found, const BackboneTensors& tensors,
                         v1::BackboneConfig* config) {
  if (config->positions() != v1::LEARNED) return "";
  constexpr char kWhat[] = ", positions are resized bicubically for images of another size";
  if (options.position_resize() != v1::POSITION_RESIZE_UNSPECIFIED) {
    return absl::StrCat(kWhat, " (by --backbone.position_resize)");
  }
  const auto [resize, reason] = OriginalResize(foreign, found, tensors, *config);
  config->set_position_resize(resize);
  return absl::StrCat(kWhat, " (", reason, "; --backbone.position_resize decides otherwise)");
}

std::string OfTransformers(const ForeignConfig& foreign, const v1::BackboneConfig& config) {
  return absl::StrCat("features are the class token and not the mean of the patches, and ",
                      config.feed_forward() == v1::SWIGLU ? "SwiGLU" : "GELU", " (",
                      foreign.model.empty() ? "nothing tells" : "config.json says nothing else",
                      "; there is no other here)");
}

std::string StemSentence(const v1::BackboneConfig& options, const ForeignConfig& foreign,
                         const v1::BackboneConfig& config) {
  if (config.stem() == v1::IMAGENET) {
    return "the 7x7 convolution has stride 2 and a max-pool behind it";
  }
  constexpr char kCifar[] = "the 3x3 convolution has stride 1 and no max-pool behind it, ";
  if (!foreign.stem_by.empty()) {
    return absl::StrCat(kCifar, foreign.stem_by, " (a pool that is no module would not be seen)");
  }
  return absl::StrCat(
      kCifar,
      options.stem() == v1::CIFAR ? "by --backbone.stem"
                                  : "the CIFAR stem, as --backbone.stem=cifar would say",
      " (networks for STL-10 and Tiny ImageNet may have stride 2 or the pool, which is not offered "
      "here",
      foreign.model.empty()
          ? ""
          : absl::StrCat("; the ", foreign.model, " of config.json has a 7x7 convolution"),
      ")");
}

std::string OfResNets(const v1::BackboneConfig& options, const ForeignConfig& foreign,
                      const v1::BackboneConfig& config) {
  return absl::StrCat(
      StemSentence(options, foreign, config),
      FindResNet(config.architecture())->bottleneck
          ? ", blocks have their stride in the 3x3 convolution (torchvision's; Caffe's in the 1x1)"
          : "",
      ", batch norms have eps 1e-05, activations are ReLU",
      foreign.model.empty() ? "" : absl::StrCat("; config.json (", foreign.model, ") fits"));
}

std::string OfConvNext(const ForeignConfig& foreign, const FoundBackbone& found) {
  return absl::StrCat(
      "features are the mean over space behind the last norm, norms have eps 1e-06",
      absl::StartsWith(found.family->name, "Hugging Face")
          ? " (Hugging Face's last one 1e-12, which moves features by more than 1e-05 where the "
            "pooled values have a variance below 0.05)"
          : "",
      ", activations are GELU",
      foreign.model.empty() ? "" : absl::StrCat("; config.json (", foreign.model, ") fits"));
}

}  // namespace

absl::StatusOr<std::string> DecideUntold(const v1::BackboneConfig& options,
                                         const ForeignConfig& foreign, const FoundBackbone& found,
                                         const BackboneTensors& tensors,
                                         v1::BackboneConfig* config) {
  constexpr char kBeginning[] = "shapes do not tell: ";
  switch (KindOf(config->architecture())) {
    case NetworkKind::kResNet:
      return absl::StrCat(kBeginning, OfResNets(options, foreign, *config));
    case NetworkKind::kConvNext:
      return absl::StrCat(kBeginning, OfConvNext(foreign, found));
    case NetworkKind::kTransformer:
      break;
  }
  CASSLE_ASSIGN_OR_RETURN(const std::string heads, DecideHeads(options, foreign, found, config));
  const std::string eps = DecideEps(options, foreign, found, config);
  const std::string resize = DecideResize(options, foreign, found, tensors, config);
  return absl::StrCat(kBeginning, heads, ", ", eps, resize, ", ", OfTransformers(foreign, *config));
}

}  // namespace cassle
