#include "cassle/models/exchange/backbone_choice.h"

#include <algorithm>
#include <set>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/models/exchange/backbone_tensors.h"

namespace cassle {
namespace {

// Words in the names of averages of other networks; what they average is in the file too.
constexpr const char* kAverages[] = {"momentum", "k", "ema", "target", "swa", "averaged", "shadow"};

bool IsAverage(const std::string& prefix) {
  for (absl::string_view word : absl::StrSplit(prefix, absl::ByAnyChar("._"))) {
    if (std::find(std::begin(kAverages), std::end(kAverages), word) != std::end(kAverages)) {
      return true;
    }
  }
  return false;
}

std::string Shown(const std::vector<FoundBackbone>& backbones) {
  return absl::StrJoin(backbones, ", ", [](std::string* out, const FoundBackbone& found) {
    absl::StrAppend(out, "\"", found.prefix, "\"");
  });
}

bool HaveSameWeights(const FoundBackbone& a, const FoundBackbone& b, const WeightFile& file) {
  const auto first = SelectBackbone(a, file), second = SelectBackbone(b, file);
  if (!first.ok() || !second.ok()) return false;
  return std::equal(first->arrays.begin(), first->arrays.end(), second->arrays.begin(),
                    second->arrays.end(), [](const auto& one, const auto& other) {
                      return one.first == other.first && one.second->shape == other.second->shape &&
                             one.second->bytes == other.second->bytes;
                    });
}

// What is almost one of ours, by names behind one prefix: all of `has`, and not `lacks`.
struct NearMiss {
  const char* has;
  const char* lacks;
  const char* what;
};
constexpr char kNoClassToken[] =
    "a vision transformer without a class token, and the features here are that token's";
constexpr NearMiss kNearMisses[] = {
    {"patch_embed.proj.weight blocks.0.attn.qkv.weight attn_pool.q.weight", "cls_token",
     "a vision transformer without a class token: attention pools its features (attn_pool)"},
    {"patch_embed.proj.weight blocks.0.attn.qkv.weight", "cls_token", kNoClassToken},
    {"embeddings.patch_embeddings.projection.weight", "embeddings.cls_token", kNoClassToken},
    {"embeddings.patch_embedding.weight embeddings.class_embedding", "",
     "a vision transformer of CLIP, with a norm before its blocks, which the networks here do not "
     "have"},
    {"embeddings.patch_embedding.weight", "embeddings.class_embedding", kNoClassToken},
    {"layer4.0.conv1.weight conv1.0.weight", "conv1.weight",
     "a residual network whose stem is of several convolutions, and those here have one"},
    {"layer4.0.conv1.weight", "conv1.weight",
     "a residual network whose first convolution, conv1.weight, is missing"},
};

// "; there is ...", or empty.
std::string NearMissAmong(const std::vector<std::string>& names) {
  const std::set<std::string> all(names.begin(), names.end());
  for (const NearMiss& miss : kNearMisses) {
    const std::vector<std::string> has = absl::StrSplit(miss.has, ' ');
    for (const std::string& name : names) {
      if (!absl::EndsWith(name, has[0])) continue;
      const std::string prefix = name.substr(0, name.size() - has[0].size());
      const bool found =
          (prefix.empty() || prefix.back() == '.') && all.count(prefix + miss.lacks) == 0 &&
          std::all_of(has.begin(), has.end(),
                      [&](const std::string& other) { return all.count(prefix + other) > 0; });
      if (found) return absl::StrCat("; with ", name, " there is ", miss.what);
    }
  }
  return "";
}

// Hugging Face's.
bool IsDinov3(const std::vector<std::string>& names) {
  bool registers = false, layer = false;
  for (const std::string& name : names) {
    registers = registers || absl::EndsWith(name, "embeddings.register_tokens");
    layer = layer || absl::EndsWith(name, "layer.0.attention.q_proj.weight");
  }
  return registers && layer;
}

absl::Status NoneFound(const std::vector<std::string>& names) {
  if (IsDinov3(names)) {
    return absl::DataLossError(
        "it is a DINOv3, which has rotary positions; the networks here have none: take a DINOv2");
  }
  const std::vector<std::string> first(names.begin(),
                                       names.begin() + std::min<size_t>(4, names.size()));
  return absl::DataLossError(
      absl::StrCat("no ResNet, vision transformer or ConvNeXt was found among its ", names.size(),
                   " tensors (", absl::StrJoin(first, ", "),
                   first.size() < names.size() ? ", ..." : "", ")", NearMissAmong(names)));
}

}  // namespace

absl::StatusOr<BackboneChoice> ChooseBackbone(const std::string& wanted, const WeightFile& file) {
  std::vector<std::string> names;
  for (const WeightArray& array : file.arrays) names.push_back(array.name);
  const size_t tensors = names.size();
  // What cannot be read is missed by its name later on.
  for (const UnreadValue& value : file.unread) names.push_back(value.name);
  const std::vector<FoundBackbone> found = FindBackbones(names);
  names.resize(tensors);
  if (found.empty()) return NoneFound(names);
  if (!wanted.empty()) {
    const std::string prefix = WithoutWrappers(wanted);
    for (const FoundBackbone& backbone : found) {
      if (backbone.prefix == prefix || backbone.prefix == prefix + ".")
        return BackboneChoice{backbone, ""};
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "--prefix=", wanted, ": no backbone is there; there is one under ", Shown(found)));
  }
  if (found.size() == 1) return BackboneChoice{found[0], ""};
  std::vector<FoundBackbone> networks;
  for (const FoundBackbone& backbone : found) {
    if (!IsAverage(backbone.prefix)) networks.push_back(backbone);
  }
  const std::string there = absl::StrCat("there are backbones under ", Shown(found));
  if (networks.size() == 1) {
    return BackboneChoice{networks[0],
                          absl::StrCat(there, ": \"", networks[0].prefix,
                                       "\" was taken, the others are its averages; --prefix "
                                       "chooses another")};
  }
  if (networks.empty()) networks = found;
  for (const FoundBackbone& other : networks) {
    if (!HaveSameWeights(networks[0], other, file)) {
      return absl::DataLossError(
          absl::StrCat("it holds backbones under ", Shown(networks), ": choose one with --prefix"));
    }
  }
  return BackboneChoice{networks[0], absl::StrCat(there, " with the same weights")};
}

}  // namespace cassle
