#include "cassle/models/exchange/backbone_tensors.h"

#include <cmath>
#include <cstring>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using Arrays = std::map<std::string, const WeightArray*>;

// Beginnings of our names that networks have which compute something else.
struct Foreign {
  const char* name;
  const char* what;
};
constexpr Foreign kForeign[] = {
    {"register_tokens", "register tokens"},
    {"dist_token", "a distillation token"},
    {"fc_norm.", "features that are the mean of its patches (fc_norm)"},
    {"norm_pre.", "a norm before its blocks (norm_pre)"},
    {"attn_pool.", "features that attention pools (attn_pool)"},
    {"blocks.0.attns.", "attentions in parallel (attns)"},
    {"blocks.0.in_proj.", "attention and feed-forward layers in parallel (in_proj)"},
    {"rope", "rotary positions"},
    {"blocks.0.attn.q_norm.", "norms of queries and keys"},
    {"blocks.0.attn.rel_pos", "relative positions"},
    {"blocks.0.attn.relative_position_bias_table", "relative positions"},
    {"blocks.0.gamma_1", "layer scales of another form (gamma_1)"},
    {"blocks.0.mlp.w12.", "SwiGLU layers"},
    {"blocks.0.mlp.w1.", "SwiGLU layers"},
    {"blocks.0.mlp.weights_in.", "SwiGLU layers"},
};

std::string FirstPart(absl::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

std::string WithoutNumber(std::string part) {
  while (!part.empty() && absl::ascii_isdigit(part.back())) part.pop_back();
  return part;
}

// The network or other object that a tensor belongs to: the first part of its name, behind
// wrappers.
std::string Owner(const std::string& name) {
  size_t end = 0;
  for (const char* wrapper : {"state_dict.", "model.", "module."}) {
    const absl::string_view rest = absl::string_view(name).substr(end);
    if (absl::StartsWith(rest, wrapper)) end += absl::string_view(wrapper).size();
  }
  return name.substr(0, name.find('.', end));
}

// The first parts of names between which the network lies: everything below them is a part of it.
// What stands beside them under the same prefix comes after the features, unless it is called like
// them (layer5, bn2).
class Trunk {
 public:
  void Add(absl::string_view name) {
    parts_.insert(FirstPart(name));
    words_.insert(WithoutNumber(FirstPart(name)));
  }
  bool Holds(absl::string_view name) const {
    const std::string part = FirstPart(name), word = WithoutNumber(part);
    return parts_.count(part) > 0 || (!word.empty() && words_.count(word) > 0);
  }

 private:
  std::set<std::string> parts_, words_;
};

// Names of our networks begin so.
bool IsOurs(absl::string_view name) {
  for (const char* part : {"conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.",
                           "patch_embed.", "blocks.", "norm."}) {
    if (absl::StartsWith(name, part)) return true;
  }
  return name == "cls_token" || name == "pos_embed";
}

// Whether one of our networks has a tensor of a name like this; what else stands in them is not
// missed.
bool IsTensor(absl::string_view name) {
  if (!IsOurs(name)) return false;
  for (const char* ending : {".weight", ".bias", ".running_mean", ".running_var"}) {
    if (absl::EndsWith(name, ending)) return true;
  }
  return name == "cls_token" || name == "pos_embed";
}

absl::Status RefuseForeign(const Arrays& arrays) {
  for (const Foreign& foreign : kForeign) {
    const auto found = arrays.lower_bound(foreign.name);
    if (found != arrays.end() && absl::StartsWith(found->first, foreign.name)) {
      return absl::DataLossError(absl::StrCat("it has ", foreign.what, " (", found->second->name,
                                              "), which the networks here do not have"));
    }
  }
  return absl::OkStatus();
}

// "blocks.0.attn.qkv[0].weight", [1] and [2] one below the other.
void JoinQueryKeyValue(BackboneTensors* tensors) {
  constexpr char kFirst[] = "qkv[0].";
  std::vector<std::string> firsts;
  for (const auto& [name, array] : tensors->arrays) {
    if (absl::StrContains(name, kFirst)) firsts.push_back(name);
  }
  for (const std::string& first : firsts) {
    const size_t at = first.find(kFirst);
    WeightArray joined = *tensors->arrays[first];
    std::vector<std::string> parts = {first};
    for (const char* number : {"1", "2"}) {
      std::string part = first;
      part.replace(at + 4, 1, number);
      const auto found = tensors->arrays.find(part);
      // What does not fit together is left, and found missing.
      if (found == tensors->arrays.end() || found->second->shape != tensors->arrays[first]->shape ||
          found->second->dtype != joined.dtype || joined.shape.empty()) {
        break;
      }
      joined.bytes += found->second->bytes;
      parts.push_back(part);
    }
    if (parts.size() != 3) continue;
    joined.shape[0] *= 3;
    tensors->made.push_back(std::move(joined));
    for (const std::string& part : parts) tensors->arrays.erase(part);
    std::string name = first;
    name.replace(at, sizeof(kFirst) - 1, "qkv.");
    tensors->arrays[name] = &tensors->made.back();
  }
}

std::vector<float> Floats(const WeightArray& array) {
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), values.size() * sizeof(float));
  return values;
}

// Row i of the tensor times scale i.
bool MultiplyRows(const WeightArray& scale, const std::string& name, BackboneTensors* tensors) {
  const auto found = tensors->arrays.find(name);
  if (found == tensors->arrays.end() || scale.dtype != DType::kF32 || scale.shape.size() != 1 ||
      found->second->dtype != DType::kF32 || found->second->shape.empty() ||
      found->second->shape[0] != scale.shape[0]) {
    return false;
  }
  WeightArray scaled = *found->second;
  const std::vector<float> factors = Floats(scale);
  std::vector<float> values = Floats(scaled);
  const size_t columns = values.size() / factors.size();
  for (size_t i = 0; i < values.size(); ++i) values[i] *= factors[i / columns];
  std::memcpy(&scaled.bytes[0], values.data(), scaled.bytes.size());
  tensors->made.push_back(std::move(scaled));
  found->second = &tensors->made.back();
  return true;
}

// x + scale * layer(...) is x + layer'(...) with the scale multiplied into the layer.
void FoldLayerScales(BackboneTensors* tensors) {
  constexpr std::pair<const char*, const char*> kScaled[] = {{".ls1.gamma", ".attn.proj"},
                                                             {".ls2.gamma", ".mlp.fc2"}};
  int folded = 0;
  for (const auto& [suffix, layer] : kScaled) {
    std::vector<std::string> names;
    for (const auto& [name, array] : tensors->arrays) {
      if (absl::EndsWith(name, suffix)) names.push_back(name);
    }
    for (const std::string& name : names) {
      const WeightArray& scale = *tensors->arrays[name];
      const std::string block = name.substr(0, name.size() - absl::string_view(suffix).size());
      if (!MultiplyRows(scale, absl::StrCat(block, layer, ".weight"), tensors) ||
          !MultiplyRows(scale, absl::StrCat(block, layer, ".bias"), tensors)) {
        continue;
      }
      tensors->arrays.erase(name);
      ++folded;
    }
  }
  if (folded > 0) {
    tensors->changes.push_back(absl::StrCat(
        folded, " layer scales were multiplied into attn.proj and mlp.fc2, which is the same"));
  }
}

bool IsSquare(int64_t number) {
  const int64_t root = std::llround(std::sqrt(static_cast<double>(number)));
  return root * root == number;
}

// DeiT III and timm's no_embed_class: nothing is added to the class token.
void AddRowOfClassToken(BackboneTensors* tensors) {
  const auto found = tensors->arrays.find("pos_embed");
  if (found == tensors->arrays.end() || tensors->arrays.count("cls_token") == 0) return;
  const WeightArray& table = *found->second;
  if (table.shape.size() != 3 || table.shape[0] != 1 || table.dtype != DType::kF32 ||
      !IsSquare(table.shape[1]) || IsSquare(table.shape[1] - 1)) {
    return;
  }
  WeightArray whole = table;
  ++whole.shape[1];
  whole.bytes.insert(0, static_cast<size_t>(table.shape[2]) * sizeof(float), '\0');
  tensors->made.push_back(std::move(whole));
  found->second = &tensors->made.back();
  tensors->changes.push_back(
      "its positions have no row for the class token, which gets one of zeros");
}

}  // namespace

absl::StatusOr<BackboneTensors> SelectBackbone(const FoundBackbone& found, const WeightFile& file) {
  BackboneTensors tensors;
  const auto our_name = [&found](const std::string& name) {
    return ToOurName(*found.family, name.substr(found.prefix.size()));
  };
  Trunk trunk;
  for (const WeightArray& array : file.arrays) {
    if (absl::StartsWith(array.name, found.prefix) && IsOurs(our_name(array.name))) {
      trunk.Add(absl::string_view(array.name).substr(found.prefix.size()));
    }
  }
  Arrays beside;
  for (const WeightArray& array : file.arrays) {
    if (!absl::StartsWith(array.name, found.prefix)) {
      ++tensors.left_out[Owner(array.name)];
      continue;
    }
    const std::string name = our_name(array.name);
    beside[name] = &array;
    // Masks of masked pre-training, which images without masks do not meet.
    const bool part = trunk.Holds(absl::string_view(array.name).substr(found.prefix.size())) &&
                      name != "mask_token";
    if (!part) {
      ++tensors.left_out[absl::StrCat(found.prefix, FirstPart(name))];
      continue;
    }
    if (array.bytes.empty()) {
      return absl::DataLossError(absl::StrCat("tensor ", array.name, " is empty"));
    }
    if (!tensors.arrays.emplace(name, &array).second) {
      return absl::DataLossError(absl::StrCat("tensor ", array.name, " is there twice"));
    }
  }
  CASSLE_RETURN_IF_ERROR(RefuseForeign(beside));
  for (const UnreadValue& value : file.unread) {
    if (!absl::StartsWith(value.name, found.prefix) || !IsTensor(our_name(value.name))) continue;
    return absl::DataLossError(
        absl::StrCat("in the place of tensor ", value.name, " stands ", value.what,
                     ", which is not read, and nothing in a file is executed; in Python, save "
                     "model.state_dict() of plain float tensors"));
  }
  JoinQueryKeyValue(&tensors);
  FoldLayerScales(&tensors);
  AddRowOfClassToken(&tensors);
  return tensors;
}

}  // namespace cassle
