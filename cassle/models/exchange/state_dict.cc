#include "cassle/models/exchange/state_dict.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
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
constexpr size_t kMaxNames = 1 << 20;
constexpr size_t kShown = 80;

// Names stand in messages, which are one line.
std::string Shown(absl::string_view text) {
  return absl::StrCat(absl::CHexEscape(text.substr(0, kShown)), text.size() > kShown ? "..." : "");
}

std::string Join(const std::string& prefix, const std::string& part) {
  return prefix.empty() ? part : absl::StrCat(prefix, ".", part);
}

class Collector {
 public:
  explicit Collector(const Storages& storages) : storages_(storages) {
    for (const auto& [key, bytes] : storages) {
      limit_ += kMaxSharing * static_cast<int64_t>(bytes.size());
    }
  }

  absl::Status Visit(const std::string& name, const PickleValue& value, int depth) {
    if (depth > kMaxDepth || ++visited_ > kMaxNames) {
      return absl::DataLossError("the pickle is nested too deeply or refers to itself");
    }
    switch (value.kind) {
      case Kind::kTensor:
        return Add(name, value);
      case Kind::kDict:
        return VisitEntries(name, value, depth);
      case Kind::kList:
      case Kind::kTuple:
        for (size_t i = 0; i < value.items.size(); ++i) {
          CASSLE_RETURN_IF_ERROR(Visit(Join(name, absl::StrCat(i)), *value.items[i], depth + 1));
        }
        return absl::OkStatus();
      case Kind::kOpaque:
        CASSLE_RETURN_IF_ERROR(VisitEntries(name, value, depth));
        return VisitObject(name, value, depth);
      default:
        return absl::OkStatus();
    }
  }

  WeightFile Take() { return std::move(file_); }

 private:
  absl::Status VisitEntries(const std::string& name, const PickleValue& dict, int depth) {
    for (size_t i = 0; i + 1 < dict.items.size(); i += 2) {
      const PickleValue& key = *dict.items[i];
      // Keys that are neither texts nor numbers name nothing that is wanted.
      const std::string part = key.Is(Kind::kInt)      ? absl::StrCat(key.integer)
                               : key.Is(Kind::kString) ? key.text
                                                       : absl::StrCat("key ", i / 2);
      CASSLE_RETURN_IF_ERROR(Visit(Join(name, part), *dict.items[i + 1], depth + 1));
    }
    return absl::OkStatus();
  }

  // What makes a torch.nn.Module; null if the object is none.
  static const PickleValue* PartOf(const PickleValue& object, absl::string_view part) {
    const PickleValue* found = object.state == nullptr ? nullptr : object.state->Find(part);
    return found != nullptr && found->Is(Kind::kDict) ? found : nullptr;
  }

  absl::Status VisitObject(const std::string& name, const PickleValue& object, int depth) {
    const PickleValue* parameters = PartOf(object, "_parameters");
    const PickleValue* buffers = PartOf(object, "_buffers");
    const PickleValue* modules = PartOf(object, "_modules");
    const bool is_module = parameters != nullptr && buffers != nullptr && modules != nullptr;
    (is_module ? file_.modules : file_.unread)
        .push_back({absl::CHexEscape(name), Shown(object.text)});
    if (!is_module) return absl::OkStatus();
    for (const PickleValue* part : {parameters, buffers, modules}) {
      CASSLE_RETURN_IF_ERROR(VisitEntries(name, *part, depth));
    }
    return absl::OkStatus();
  }

  absl::Status Add(const std::string& name, const PickleValue& tensor) {
    const std::string shown = absl::CHexEscape(name);
    if (tensor.type == ElementType::kOther) {
      file_.unread.push_back({shown, "a tensor of complex, quantized or untyped numbers"});
      return absl::OkStatus();
    }
    // Its place in the storage is checked (pickle_objects.cc); whether the storage is there is not.
    const PickleValue& storage = *tensor.items[0];
    const auto found = storages_.find(storage.text);
    const int64_t size = tensor.element_size;
    if (found == storages_.end() ||
        static_cast<int64_t>(found->second.size()) / size - storage.first < storage.elements) {
      return absl::DataLossError(
          absl::StrCat("tensor ", Shown(name), ": its data are missing (truncated?)"));
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
  size_t visited_ = 0;
  int64_t total_ = 0;
  int64_t limit_ = kMinLimit;
};

}  // namespace

absl::StatusOr<WeightFile> CollectTensors(const PickleValue& root, const Storages& storages) {
  Collector collector(storages);
  CASSLE_RETURN_IF_ERROR(collector.Visit("", root, 0));
  return collector.Take();
}

}  // namespace cassle
