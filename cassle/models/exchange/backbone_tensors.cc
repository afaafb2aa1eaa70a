#include "cassle/models/exchange/backbone_tensors.h"

#include <cmath>
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
    {"dist_token", "a distillation token"},
    {"fc_norm.", "features that are the mean of its patches (fc_norm)"},
    {"norm_pre.", "a norm before its blocks (norm_pre)"},
    {"attn_pool.", "features that attention pools (attn_pool)"},
    {"blocks.0.attns.", "attentions in parallel (attns)"},
    {"blocks.0.in_proj.", "attention and feed-forward layers in parallel (in_proj)"},
    {"rope", "rotary positions (DINOv3)"},
    {"blocks.0.attn.q_norm.", "norms of queries and keys"},
    {"blocks.0.attn.rel_pos", "relative positions"},
    {"blocks.0.attn.relative_position_bias_table", "relative positions"},
    {"stages.0.blocks.0.mlp.grn.", "response normalisation (ConvNeXt V2)"},
    {"stages.0.blocks.0.grn.", "response normalisation (ConvNeXt V2)"},
    {"blocks.0.mlp.w1.", "SwiGLU layers of another form (mlp.w1)"},
};

std::string FirstPart(absl::string_view name) {
  return std::string(name.substr(0, name.find('.')));
}

std::string WithoutNumber(std::string part) {
  while (!part.empty() && absl::ascii_isdigit(part.back())) part.pop_back();
  return part;
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

bool IsToken(absl::string_view name) {
  return name == "cls_token" || name == "reg_token" || name == "pos_embed";
}

// Names of our networks begin so.
bool IsOurs(absl::string_view name) {
  for (const char* part : {"conv1.", "bn1.", "layer1.", "layer2.", "layer3.", "layer4.",
                           "patch_embed.", "blocks.", "norm.", "stem.", "stages.", "head.norm."}) {
    if (absl::StartsWith(name, part)) return true;
  }
  return IsToken(name);
}

// Whether one of our networks has a tensor of a name like this; what else stands in them is not
// missed.
bool IsTensor(absl::string_view name) {
  if (!IsOurs(name)) return false;
  for (const char* ending : {".weight", ".bias", ".gamma", ".running_mean", ".running_var"}) {
    if (absl::EndsWith(name, ending)) return true;
  }
  return IsToken(name);
}

absl::Status Refuse(const WeightArray& array, absl::string_view what) {
  return absl::DataLossError(
      absl::StrCat("it has ", what, " (", array.name, "), which the networks here do not have"));
}

// Layer scales under the name that DeiT III's have too. BEiT's and DINOv3's stand in blocks that
// compute something else.
bool HasForeignScales(const Arrays& arrays) {
  const auto scale = arrays.find("blocks.0.ls1.gamma");
  return scale != arrays.end() && absl::EndsWith(scale->second->name, ".gamma_1") &&
         (arrays.count("blocks.0.attn.q_bias") > 0 || arrays.count("pos_embed") == 0);
}

absl::Status RefuseForeign(const Arrays& arrays) {
  for (const Foreign& foreign : kForeign) {
    const auto found = arrays.lower_bound(foreign.name);
    if (found != arrays.end() && absl::StartsWith(found->first, foreign.name)) {
      return Refuse(*found->second, foreign.what);
    }
  }
  if (!HasForeignScales(arrays)) return absl::OkStatus();
  return Refuse(*arrays.at("blocks.0.ls1.gamma"),
                "layer scales of another form (gamma_1; BEiT, DINOv3)");
}

// "blocks.0.attn.qkv[0].weight", [1] and [2] one below the other: `layer` is "qkv".
void JoinParts(absl::string_view layer, int count, BackboneTensors* tensors) {
  const std::string mark = absl::StrCat(".", layer, "[0].");
  std::vector<std::string> firsts;
  for (const auto& [name, array] : tensors->arrays) {
    if (absl::StrContains(name, mark)) firsts.push_back(name);
  }
  for (const std::string& first : firsts) {
    const size_t at = first.find(mark);
    const auto named = [&](absl::string_view middle) {
      return absl::StrCat(first.substr(0, at), middle, first.substr(at + mark.size()));
    };
    WeightArray joined = *tensors->arrays[first];
    std::vector<std::string> parts = {first};
    for (int i = 1; i < count; ++i) {
      const std::string part = named(absl::StrCat(".", layer, "[", i, "]."));
      const auto found = tensors->arrays.find(part);
      // What does not fit together is left, and found missing.
      if (found == tensors->arrays.end() || found->second->shape != tensors->arrays[first]->shape ||
          found->second->dtype != joined.dtype || joined.shape.empty()) {
        break;
      }
      joined.bytes += found->second->bytes;
      parts.push_back(part);
    }
    if (static_cast<int>(parts.size()) != count) continue;
    joined.shape[0] *= count;
    tensors->made.push_back(std::move(joined));
    for (const std::string& part : parts) tensors->arrays.erase(part);
    tensors->arrays[named(absl::StrCat(".", layer, "."))] = &tensors->made.back();
  }
}

// torchvision's layer scales of ConvNeXt are [C, 1, 1], all others' [C].
void FlattenScales(BackboneTensors* tensors) {
  for (auto& [name, array] : tensors->arrays) {
    const std::vector<int64_t>& shape = array->shape;
    if (!absl::EndsWith(name, ".gamma") || shape.size() != 3 || shape[1] != 1 || shape[2] != 1) {
      continue;
    }
    WeightArray flat = *array;
    flat.shape = {shape[0]};
    tensors->made.push_back(std::move(flat));
    array = &tensors->made.back();
  }
}

bool IsSquare(int64_t number) {
  const int64_t root = std::llround(std::sqrt(static_cast<double>(number)));
  return root * root == number;
}

// DeiT III and timm's no_embed_class (DINOv2 with registers): nothing is added to the class token.
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

std::string OwnerOf(const std::string& name) {
  size_t end = 0;
  for (const char* wrapper : {"state_dict.", "model.", "module."}) {
    const absl::string_view rest = absl::string_view(name).substr(end);
    if (absl::StartsWith(rest, wrapper)) end += absl::string_view(wrapper).size();
  }
  return name.substr(0, name.find('.', end));
}

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
      ++tensors.left_out[OwnerOf(array.name)];
      continue;
    }
    const std::string name = our_name(array.name);
    beside[name] = &array;
    // Masks of masked pre-training, which images without masks do not meet; and the classifier
    // beside a ConvNeXt's last norm.
    const bool after = name == "mask_token" || absl::StartsWith(name, "head.fc.");
    const bool part =
        trunk.Holds(absl::string_view(array.name).substr(found.prefix.size())) && !after;
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
  // Query, key, value; gates and values of SwiGLU.
  JoinParts("qkv", 3, &tensors);
  JoinParts("fc1", 2, &tensors);
  FlattenScales(&tensors);
  AddRowOfClassToken(&tensors);
  return tensors;
}

}  // namespace cassle
