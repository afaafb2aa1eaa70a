#include "cassle/models/exchange/weight_families.h"

#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cassle/models/exchange/name_rules.h"

namespace cassle {
namespace {

constexpr WeightFamily kTorchvisionVit = {
    "torchvision's names", "class_token conv_proj.weight",
    "class_token>cls_token encoder.pos_embedding>pos_embed conv_proj.>patch_embed.proj. "
    "encoder.ln.>norm. encoder.layers.encoder_layer_#.ln_1.>blocks.$1.norm1. "
    "encoder.layers.encoder_layer_#.self_attention.in_proj_>blocks.$1.attn.qkv. "
    "encoder.layers.encoder_layer_#.self_attention.out_proj.>blocks.$1.attn.proj. "
    "encoder.layers.encoder_layer_#.ln_2.>blocks.$1.norm2. "
    "encoder.layers.encoder_layer_#.mlp.0.>blocks.$1.mlp.fc1. "
    "encoder.layers.encoder_layer_#.mlp.3.>blocks.$1.mlp.fc2. "
    // Before 0.14, and in its published files.
    "encoder.layers.encoder_layer_#.mlp.linear_1.>blocks.$1.mlp.fc1. "
    "encoder.layers.encoder_layer_#.mlp.linear_2.>blocks.$1.mlp.fc2."};

// What all vision transformers of Hugging Face have outside their blocks.
#define CASSLE_HF_OUTSIDE                                      \
  "embeddings.cls_token>cls_token "                            \
  "embeddings.position_embeddings>pos_embed "                  \
  "embeddings.patch_embeddings.projection.>patch_embed.proj. " \
  "embeddings.mask_token>mask_token "                          \
  "embeddings.register_tokens>reg_token "                      \
  "embeddings.distillation_token>dist_token layernorm.>norm. "

// torchvision numbers stages (1, 3, 5, 7) and what is between them in one sequence.
#define CASSLE_CONVNEXT_STAGE(theirs, ours)        \
  "features." theirs ".#.layer_scale>stages." ours \
  ".blocks.$1.gamma "                              \
  "features." theirs ".#.block.0.>stages." ours    \
  ".blocks.$1.conv_dw. "                           \
  "features." theirs ".#.block.2.>stages." ours    \
  ".blocks.$1.norm. "                              \
  "features." theirs ".#.block.3.>stages." ours    \
  ".blocks.$1.mlp.fc1. "                           \
  "features." theirs ".#.block.5.>stages." ours ".blocks.$1.mlp.fc2. "

#define CASSLE_NUMBERED_STAGE(theirs, ours) \
  theirs ".#.shortcut.>" ours ".$1.downsample. " theirs ".>" ours ". "
#define CASSLE_NUMBERED_RESNET(first, second, third, fourth)                         \
  "0.>conv1. 1.>bn1. " CASSLE_NUMBERED_STAGE(first, "layer1")                        \
      CASSLE_NUMBERED_STAGE(second, "layer2") CASSLE_NUMBERED_STAGE(third, "layer3") \
          CASSLE_NUMBERED_STAGE(fourth, "layer4")

constexpr WeightFamily kFamilies[] = {
    // The shortcut of kuangliu's networks for CIFAR and of SupContrast.
    {"torchvision's names", "layer4.0.conv1.weight conv1.weight",
     "layer#.#.shortcut.>layer$1.$2.downsample."},
    // Of all of torchvision's children, of those without the max-pool, and of the children of
    // networks without one whose forward() has the ReLU (kuangliu's, Lightly's).
    {"the numbers of nn.Sequential", "7.0.conv1.weight 4.0.conv1.weight 0.weight",
     CASSLE_NUMBERED_RESNET("4", "5", "6", "7"), /*numbered=*/true},
    {"the numbers of nn.Sequential, without pooling", "6.0.conv1.weight 3.0.conv1.weight 0.weight",
     CASSLE_NUMBERED_RESNET("3", "4", "5", "6"), /*numbered=*/true, /*has_relu=*/true,
     /*has_max_pool=*/false},
    {"the numbers of nn.Sequential, without ReLU and pooling",
     "5.0.conv1.weight 2.0.conv1.weight 0.weight", CASSLE_NUMBERED_RESNET("2", "3", "4", "5"),
     /*numbered=*/true, /*has_relu=*/false, /*has_max_pool=*/false},
    {"Hugging Face's names",
     "embedder.embedder.convolution.weight encoder.stages.0.layers.0.layer.0.convolution.weight",
     "embedder.embedder.convolution.>conv1. embedder.embedder.normalization.>bn1. "
     "encoder.stages.#.layers.#.shortcut.convolution.>layer$1+.$2.downsample.0. "
     "encoder.stages.#.layers.#.shortcut.normalization.>layer$1+.$2.downsample.1. "
     "encoder.stages.#.layers.#.layer.#.convolution.>layer$1+.$2.conv$3+. "
     "encoder.stages.#.layers.#.layer.#.normalization.>layer$1+.$2.bn$3+."},
    // Also MoCo-v3, DINO, MAE and DINOv2, whose training files number chunks of blocks too, and
    // DeiT III, whose files have other names of layer scales.
    {"timm's names", "patch_embed.proj.weight cls_token",
     "blocks.#.gamma_1>blocks.$1.ls1.gamma blocks.#.gamma_2>blocks.$1.ls2.gamma "
     "blocks.#.#.mlp.w12.>blocks.$2.mlp.fc1. blocks.#.#.mlp.w3.>blocks.$2.mlp.fc2. "
     "blocks.#.mlp.w12.>blocks.$1.mlp.fc1. blocks.#.mlp.w3.>blocks.$1.mlp.fc2. "
     "blocks.#.#.>blocks.$2. register_tokens>reg_token"},
    kTorchvisionVit,
    {"Hugging Face's names", "embeddings.cls_token encoder.layer.0.layernorm_before.weight",
     CASSLE_HF_OUTSIDE "encoder.layer.#.layernorm_before.>blocks.$1.norm1. "
                       "encoder.layer.#.attention.attention.query.>blocks.$1.attn.qkv[0]. "
                       "encoder.layer.#.attention.attention.key.>blocks.$1.attn.qkv[1]. "
                       "encoder.layer.#.attention.attention.value.>blocks.$1.attn.qkv[2]. "
                       "encoder.layer.#.attention.output.dense.>blocks.$1.attn.proj. "
                       "encoder.layer.#.layernorm_after.>blocks.$1.norm2. "
                       "encoder.layer.#.intermediate.dense.>blocks.$1.mlp.fc1. "
                       "encoder.layer.#.output.dense.>blocks.$1.mlp.fc2."},
    // Its state_dict() since transformers 5; files of save_pretrained have the names above.
    {"Hugging Face's names", "embeddings.cls_token layers.0.layernorm_before.weight",
     CASSLE_HF_OUTSIDE
     "layers.#.layernorm_before.>blocks.$1.norm1. "
     "layers.#.attention.q_proj.>blocks.$1.attn.qkv[0]. "
     "layers.#.attention.k_proj.>blocks.$1.attn.qkv[1]. "
     "layers.#.attention.v_proj.>blocks.$1.attn.qkv[2]. "
     "layers.#.attention.o_proj.>blocks.$1.attn.proj. layers.#.layernorm_after.>blocks.$1.norm2. "
     "layers.#.mlp.>blocks.$1.mlp."},
    {"Hugging Face's names of DINOv2", "embeddings.cls_token encoder.layer.0.norm1.weight",
     CASSLE_HF_OUTSIDE "encoder.layer.#.norm>blocks.$1.norm "
                       "encoder.layer.#.mlp.weights_in.>blocks.$1.mlp.fc1. "
                       "encoder.layer.#.mlp.weights_out.>blocks.$1.mlp.fc2. "
                       "encoder.layer.#.mlp.gate_proj.>blocks.$1.mlp.fc1[0]. "
                       "encoder.layer.#.mlp.up_proj.>blocks.$1.mlp.fc1[1]. "
                       "encoder.layer.#.mlp.down_proj.>blocks.$1.mlp.fc2. "
                       "encoder.layer.#.mlp.>blocks.$1.mlp. "
                       "encoder.layer.#.attention.attention.query.>blocks.$1.attn.qkv[0]. "
                       "encoder.layer.#.attention.attention.key.>blocks.$1.attn.qkv[1]. "
                       "encoder.layer.#.attention.attention.value.>blocks.$1.attn.qkv[2]. "
                       "encoder.layer.#.attention.output.dense.>blocks.$1.attn.proj. "
                       // Since transformers 5, as above.
                       "encoder.layer.#.attention.q_proj.>blocks.$1.attn.qkv[0]. "
                       "encoder.layer.#.attention.k_proj.>blocks.$1.attn.qkv[1]. "
                       "encoder.layer.#.attention.v_proj.>blocks.$1.attn.qkv[2]. "
                       "encoder.layer.#.attention.o_proj.>blocks.$1.attn.proj. "
                       "encoder.layer.#.layer_scale1.lambda1>blocks.$1.ls1.gamma "
                       "encoder.layer.#.layer_scale2.lambda1>blocks.$1.ls2.gamma"},
    // Of ConvNeXt; ours.
    {"timm's names", "stages.0.blocks.0.conv_dw.weight stem.0.weight", ""},
    {"torchvision's names", "features.1.0.layer_scale features.0.0.weight",
     "features.0.#.>stem.$1. classifier.0.>head.norm. "
     "classifier.2.>head.fc. " CASSLE_CONVNEXT_STAGE("1", "0") CASSLE_CONVNEXT_STAGE("3", "1")
         CASSLE_CONVNEXT_STAGE("5", "2")
             CASSLE_CONVNEXT_STAGE("7", "3") "features.2.>stages.1.downsample. "
                                             "features.4.>stages.2.downsample. "
                                             "features.6.>stages.3.downsample."},
    {"the authors' names of ConvNeXt", "downsample_layers.0.0.weight stages.0.0.dwconv.weight",
     "downsample_layers.0.>stem. downsample_layers.#.>stages.$1.downsample. "
     "stages.#.#.dwconv.>stages.$1.blocks.$2.conv_dw. "
     "stages.#.#.pwconv#.>stages.$1.blocks.$2.mlp.fc$3. stages.#.#.>stages.$1.blocks.$2. "
     "norm.>head.norm."},
    {"Hugging Face's names of ConvNeXt",
     "embeddings.patch_embeddings.weight encoder.stages.0.layers.0.dwconv.weight",
     "embeddings.patch_embeddings.>stem.0. embeddings.layernorm.>stem.1. "
     "encoder.stages.#.downsampling_layer.>stages.$1.downsample. "
     "encoder.stages.#.layers.#.dwconv.>stages.$1.blocks.$2.conv_dw. "
     "encoder.stages.#.layers.#.layernorm.>stages.$1.blocks.$2.norm. "
     "encoder.stages.#.layers.#.pwconv#.>stages.$1.blocks.$2.mlp.fc$3. "
     "encoder.stages.#.layers.#.layer_scale_parameter>stages.$1.blocks.$2.gamma "
     "layernorm.>head.norm."},
    {"mmpretrain's names", "patch_embed.projection.weight cls_token layers.0.ln1.weight",
     "patch_embed.projection.>patch_embed.proj. ln1.>norm. layers.#.ln1.>blocks.$1.norm1. "
     "layers.#.ln2.>blocks.$1.norm2. layers.#.attn.>blocks.$1.attn. "
     "layers.#.ffn.layers.0.0.>blocks.$1.mlp.fc1. layers.#.ffn.layers.1.>blocks.$1.mlp.fc2."},
};

}  // namespace

absl::Span<const WeightFamily> WeightFamilies() { return kFamilies; }

std::string WithoutWrappers(const std::string& name) {
  return absl::StrReplaceAll(
      name,
      {{"_orig_mod.", ""}, {"_fsdp_wrapped_module.", ""}, {"_checkpoint_wrapped_module.", ""}});
}

std::vector<FoundBackbone> FindBackbones(const std::vector<std::string>& names) {
  const std::set<std::string> all(names.begin(), names.end());
  std::map<std::string, const WeightFamily*> found;
  for (const WeightFamily& family : kFamilies) {
    const std::vector<std::string> marks = absl::StrSplit(family.marks, ' ');
    for (const std::string& name : names) {
      if (!absl::EndsWith(name, marks[0])) continue;
      const std::string prefix = name.substr(0, name.size() - marks[0].size());
      if (!prefix.empty() && prefix.back() != '.') continue;
      bool complete = true;
      for (const std::string& mark : marks) complete = complete && all.count(prefix + mark) > 0;
      if (complete) found[prefix] = &family;
    }
  }
  std::vector<FoundBackbone> backbones;
  for (const auto& [prefix, family] : found) backbones.push_back({prefix, family});
  return backbones;
}

std::string ToOurName(const WeightFamily& family, const std::string& name) {
  return Renamed(family.rules, name).value_or(name);
}

std::string ToTorchvisionName(const std::string& name) {
  return RenamedBack(kTorchvisionVit.rules, name);
}

}  // namespace cassle
