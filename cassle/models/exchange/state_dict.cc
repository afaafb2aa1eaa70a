#include "cassle/models/exchange/state_dict.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using Kind = PickleValue::Kind;
using Storages = std::map<std::string, absl::string_view>;

// Tensors may share a storage, and small types grow: by this factor all together, so that a small
// file does not become a large one in memory.
constexpr int64_t kMaxSharing = 16;
constexpr int64_t kMinLimit = 1 << 20;
constexpr int kMaxDepth = 64;
constexpr char kTooDeep[] = "a container or tensor below more than 64 others";
// A value may be referred to from many places, and those from many: thirty dicts that each hold the
// one below twice are a billion. What is looked at is bounded by the bytes that say it; without
// sharing a value has at least one.
constexpr size_t kValuesPerByte = 4;
constexpr size_t kMinValues = size_t{1} << 16;
constexpr size_t kNameBytesPerByte = 16;
constexpr size_t kMinNameBytes = size_t{1} << 22;
constexpr size_t kShown = 80;

std::string Shown(absl::string_view text) {
  return absl::StrCat(EscapedName(text.substr(0, kShown)), text.size() > kShown ? "..." : "");
}

// What the functions make that PyTorch calls for tensors which are not read.
struct UnreadTensor {
  const char* function;
  const char* what;
};
constexpr UnreadTensor kUnreadTensors[] = {
    {"torch._utils._rebuild_sparse_tensor", "a sparse tensor"},
    {"torch._utils._rebuild_sparse_csr_tensor", "a sparse tensor"},
    {"torch._utils._rebuild_meta_tensor_no_storage", "a tensor without values (of device meta)"},
    {"torch._utils._rebuild_qtensor", "a quantized tensor"},
    {"torch._utils._rebuild_wrapper_subclass", "a tensor of a class of its own"},
};

std::string WhatIs(absl::string_view function) {
  for (const UnreadTensor& known : kUnreadTensors) {
    if (function == known.function) return known.what;
  }
  return Shown(function);
}

// What is set on modules that changes what they compute.
constexpr const char* kSettings[] = {
    "stride",      "dilation", "padding", "padding_mode", "kernel_size",         "ceil_mode",
    "output_size", "groups",   "eps",     "num_heads",    "num_attention_heads", "approximate",
    "global_pool", "pool_type"};
constexpr size_t kMaxSettings = 4;

// Under what training scripts keep the name of their network (PyTorch's examples, timm, MoCo, DINO,
// MAE, SupContrast), in a dict or an argparse.Namespace; solo-learn's is the "name" in "backbone".
constexpr const char* kNetworkKeys[] = {"arch",         "architecture", "model",   "model_name",
                                        "backbone",     "base_model",   "network", "encoder",
                                        "base_encoder", "encoder_name"};

bool IsNetworkKey(absl::string_view key) {
  return std::find(std::begin(kNetworkKeys), std::end(kNetworkKeys), key) != std::end(kNetworkKeys);
}

std::string SettingText(const PickleValue& value) {
  switch (value.kind) {
    case Kind::kBool:
      return value.integer != 0 ? "true" : "false";
    case Kind::kInt:
      return absl::StrCat(value.integer);
    case Kind::kFloat:
      return absl::StrCat(value.real);
    case Kind::kString:
      return Shown(value.text);
    default:
      return "";
  }
}

// Numbers, texts and short tuples of them.
std::map<std::string, std::string> SettingsOf(const PickleValue& state) {
  std::map<std::string, std::string> settings;
  for (size_t i = 0; i + 1 < state.items.size(); i += 2) {
    const PickleValue& key = *state.items[i];
    const PickleValue& value = *state.items[i + 1];
    if (!key.Is(Kind::kString) ||
        std::find(std::begin(kSettings), std::end(kSettings), key.text) == std::end(kSettings)) {
      continue;
    }
    std::string text = SettingText(value);
    if (value.Is(Kind::kTuple) && value.items.size() <= kMaxSettings) {
      text = absl::StrJoin(value.items, ",", [](std::string* out, const PickleValue* item) {
        absl::StrAppend(out, SettingText(*item));
      });
    }
    if (!text.empty()) settings[key.text] = text;
  }
  return settings;
}

bool MayHoldTensors(const PickleValue& value) {
  return value.Is(Kind::kTensor) || value.Is(Kind::kDict) || value.Is(Kind::kList) ||
         value.Is(Kind::kTuple) || value.Is(Kind::kOpaque);
}

class Collector {
 public:
  Collector(const Pickle& pickle, const Storages& storages)
      : storages_(storages),
        values_left_(kMinValues + kValuesPerByte * pickle.size()),
        name_bytes_left_(kMinNameBytes + kNameBytesPerByte * pickle.size()) {
    for (const auto& [key, bytes] : storages) {
      limit_ += kMaxSharing * static_cast<int64_t>(bytes.size());
    }
  }

  // The value that is called name_.
  absl::Status Visit(const PickleValue& value, int depth) {
    if (!MayHoldTensors(value)) return absl::OkStatus();
    if (IsOnPath(value)) return AddUnread("a container that holds itself");
    if (depth > kMaxDepth) return AddUnread(kTooDeep);
    path_.push_back(&value);
    const absl::Status status = VisitHere(value, depth);
    path_.pop_back();
    return status;
  }

  WeightFile Take() { return std::move(file_); }

 private:
  bool IsOnPath(const PickleValue& value) const {
    return std::find(path_.begin(), path_.end(), &value) != path_.end();
  }

  absl::Status AddUnread(const std::string& what) {
    CASSLE_ASSIGN_OR_RETURN(const std::string name, TakeName());
    file_.unread.push_back({name, what});
    return absl::OkStatus();
  }

  absl::Status VisitHere(const PickleValue& value, int depth) {
    switch (value.kind) {
      case Kind::kTensor:
        return Add(value);
      case Kind::kDict:
        return VisitEntries(value, depth);
      case Kind::kList:
      case Kind::kTuple:
        CASSLE_RETURN_IF_ERROR(Spend(value.items.size(), 0));
        for (size_t i = 0; i < value.items.size(); ++i) {
          if (!MayHoldTensors(*value.items[i])) continue;
          CASSLE_RETURN_IF_ERROR(VisitPart(absl::StrCat(i), *value.items[i], depth + 1));
        }
        return absl::OkStatus();
      case Kind::kOpaque:
        CASSLE_RETURN_IF_ERROR(VisitEntries(value, depth));
        return VisitObject(value, depth);
      default:
        return absl::OkStatus();
    }
  }

  absl::Status Spend(size_t values, size_t name_bytes) {
    if (values > values_left_ || name_bytes > name_bytes_left_) {
      return absl::DataLossError(
          "the pickle refers to the same values so often that it would unfold to many times its "
          "size");
    }
    values_left_ -= values;
    name_bytes_left_ -= name_bytes;
    return absl::OkStatus();
  }

  absl::Status VisitPart(absl::string_view part, const PickleValue& value, int depth) {
    CASSLE_RETURN_IF_ERROR(Spend(0, part.size() + 1));
    const size_t size = name_.size();
    absl::StrAppend(&name_, name_.empty() ? "" : ".", part);
    CASSLE_RETURN_IF_ERROR(Visit(value, depth));
    name_.resize(size);
    return absl::OkStatus();
  }

  absl::Status VisitEntries(const PickleValue& dict, int depth) {
    CASSLE_RETURN_IF_ERROR(Spend(dict.items.size(), 0));
    CASSLE_RETURN_IF_ERROR(KeepNetworks(dict));
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& key = *dict.items[i];
      const PickleValue& value = *dict.items[i + 1];
      if (!MayHoldTensors(value)) continue;
      // Keys that are neither texts nor numbers name nothing that is wanted.
      const std::string part = key.Is(Kind::kInt)      ? absl::StrCat(key.integer)
                               : key.Is(Kind::kString) ? key.text
                                                       : absl::StrCat("key ", i / 2);
      CASSLE_RETURN_IF_ERROR(VisitPart(part, value, depth + 1));
    }
    return absl::OkStatus();
  }

  // Those among the entries of the dict called name_ that name a network.
  absl::Status KeepNetworks(const PickleValue& dict) {
    const absl::string_view owner = absl::string_view(name_).substr(name_.rfind('.') + 1);
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& key = *dict.items[i];
      const PickleValue& value = *dict.items[i + 1];
      if (!key.Is(Kind::kString) || !value.Is(Kind::kString)) continue;
      if (!IsNetworkKey(key.text) && !(key.text == "name" && IsNetworkKey(owner))) continue;
      CASSLE_ASSIGN_OR_RETURN(const std::string name, TakeName());
      file_.networks.push_back(
          {absl::StrCat(name, name.empty() ? "" : ".", key.text), Shown(value.text)});
    }
    return absl::OkStatus();
  }

  // name_ as it is kept.
  absl::StatusOr<std::string> TakeName() {
    std::string name = EscapedName(name_);
    CASSLE_RETURN_IF_ERROR(Spend(1, name.size()));
    return name;
  }

  // What makes a torch.nn.Module; null if the object is none.
  static const PickleValue* PartOf(const PickleValue& object, absl::string_view part) {
    const PickleValue* found = object.state == nullptr ? nullptr : object.state->Find(part);
    return found != nullptr && found->Is(Kind::kDict) ? found : nullptr;
  }

  absl::Status VisitObject(const PickleValue& object, int depth) {
    // PartOf searches it.
    if (object.state != nullptr) {
      CASSLE_RETURN_IF_ERROR(Spend(object.state->items.size(), 0));
      if (object.state->Is(Kind::kDict)) CASSLE_RETURN_IF_ERROR(KeepNetworks(*object.state));
    }
    const PickleValue* parameters = PartOf(object, "_parameters");
    const PickleValue* buffers = PartOf(object, "_buffers");
    const PickleValue* modules = PartOf(object, "_modules");
    const bool is_module = parameters != nullptr && buffers != nullptr && modules != nullptr;
    if (!is_module) return AddUnread(WhatIs(object.text));
    CASSLE_ASSIGN_OR_RETURN(const std::string name, TakeName());
    file_.modules.push_back({name, Shown(object.text), SettingsOf(*object.state)});
    for (const PickleValue* part : {parameters, buffers, modules}) {
      CASSLE_RETURN_IF_ERROR(VisitEntries(*part, depth));
    }
    return absl::OkStatus();
  }

  absl::Status Add(const PickleValue& tensor) {
    if (tensor.type == ElementType::kOther) {
      return AddUnread("a tensor of complex, quantized or untyped numbers");
    }
    CASSLE_ASSIGN_OR_RETURN(const std::string shown, TakeName());
    // Its place in the storage is checked (pickle_objects.cc); whether the storage is there is not.
    const PickleValue& storage = *tensor.items[0];
    const auto found = storages_.find(storage.text);
    const int64_t size = tensor.element_size;
    if (found == storages_.end() ||
        static_cast<int64_t>(found->second.size()) / size - storage.first < storage.elements) {
      return absl::DataLossError(
          absl::StrCat("tensor ", Shown(name_), ": its data are missing (truncated?)"));
    }
    const DType type = ConvertedType(tensor.type);
    if (tensor.elements > (limit_ - total_) / DTypeSize(type)) {
      return absl::DataLossError("too many tensors share one storage");
    }
    total_ += tensor.elements * DTypeSize(type);
    const char* base = found->second.data() + (storage.first + tensor.offset) * size;
    file_.arrays.push_back({shown, type, tensor.shape,
                            RowMajor(tensor.type, base, tensor.shape, tensor.strides),
                            tensor.type});
    return absl::OkStatus();
  }

  const Storages& storages_;
  WeightFile file_;
  // Where the walk is: the parts on the way, joined with '.'.
  std::string name_;
  std::vector<const PickleValue*> path_;
  size_t values_left_;
  size_t name_bytes_left_;
  int64_t total_ = 0;
  int64_t limit_ = kMinLimit;
};

}  // namespace

absl::StatusOr<WeightFile> CollectTensors(const Pickle& pickle, const Storages& storages) {
  Collector collector(pickle, storages);
  CASSLE_RETURN_IF_ERROR(collector.Visit(pickle.root(), 0));
  return collector.Take();
}

}  // namespace cassle
