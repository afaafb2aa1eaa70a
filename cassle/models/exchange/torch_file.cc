#include "cassle/models/exchange/torch_file.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/pickle_reader.h"

namespace cassle {
namespace {

using Kind = PickleValue::Kind;

constexpr char kZipMagic[] = "PK\x03\x04";
// PROTO 2, LONG1 of 10 bytes: the number that torch.save wrote first before 1.6.
constexpr char kLegacyMagic[] = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";
constexpr size_t kMaxPickleBytes = size_t{64} << 20;
// A compressed record may not unpack to more than this; torch.save does not compress.
constexpr size_t kMaxRecordBytes = size_t{16} << 30;
// Tensors may share a storage, and small types grow: by this factor all together, so that a small
// file does not become a large one in memory.
constexpr size_t kMaxSharing = 16;
constexpr int kMaxDepth = 32;
constexpr size_t kShownName = 80;
constexpr size_t kMaxNames = 1 << 20;
constexpr size_t kBlockBytes = 1 << 16;

absl::Status Bad(absl::string_view reason) { return absl::DataLossError(reason); }

// Storages by key: their bytes.
using Storages = std::map<std::string, absl::string_view>;

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 0x1f;
  uint32_t mantissa = half & 0x3ff;
  uint32_t bits;
  if (exponent == 0x1f) {
    bits = sign | 0x7f800000 | mantissa << 13;
  } else if (exponent != 0) {
    bits = sign | (exponent + 112) << 23 | mantissa << 13;
  } else if (mantissa == 0) {
    bits = sign;
  } else {
    uint32_t shift = 0;
    while ((mantissa & 0x400) == 0) {
      mantissa <<= 1;
      ++shift;
    }
    bits = sign | (113 - shift) << 23 | (mantissa & 0x3ff) << 13;
  }
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

template <typename T>
T Load(const char* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

float LoadFloat(ElementType type, const char* at) {
  switch (type) {
    case ElementType::kF16:
      return HalfToFloat(Load<uint16_t>(at));
    case ElementType::kBF16: {
      const uint32_t bits = static_cast<uint32_t>(Load<uint16_t>(at)) << 16;
      float value;
      std::memcpy(&value, &bits, sizeof(value));
      return value;
    }
    case ElementType::kF64:
      return static_cast<float>(Load<double>(at));
    default:
      return Load<float>(at);
  }
}

int64_t LoadInteger(ElementType type, const char* at) {
  switch (type) {
    case ElementType::kI32:
      return Load<int32_t>(at);
    case ElementType::kI16:
      return Load<int16_t>(at);
    case ElementType::kI8:
      return Load<int8_t>(at);
    case ElementType::kU8:
      return Load<uint8_t>(at);
    case ElementType::kBool:
      return Load<uint8_t>(at) != 0;
    default:
      return Load<int64_t>(at);
  }
}

bool IsFloating(ElementType type) {
  return type == ElementType::kF16 || type == ElementType::kBF16 || type == ElementType::kF32 ||
         type == ElementType::kF64;
}

// Writes out a tensor whose place in its storage the pickle reader has checked.
absl::StatusOr<WeightArray> Gather(const std::string& name, const PickleValue& tensor,
                                   const Storages& storages) {
  const PickleValue& storage = *tensor.items[0];
  const auto found = storages.find(storage.text);
  const int64_t size = ElementSize(tensor.type);
  if (found == storages.end() ||
      static_cast<int64_t>(found->second.size()) / size - storage.first < storage.elements) {
    return Bad(absl::StrCat("tensor ", name, ": its data are missing (truncated?)"));
  }
  const char* base = found->second.data() + (storage.first + tensor.offset) * size;
  WeightArray array = {name, IsFloating(tensor.type) ? DType::kF32 : DType::kI64, tensor.shape, {}};
  const int64_t out_size = DTypeSize(array.dtype);
  array.bytes.resize(static_cast<size_t>(tensor.elements * out_size));
  std::vector<int64_t> index(tensor.shape.size(), 0);
  int64_t at = 0;
  for (int64_t i = 0; i < tensor.elements; ++i) {
    char* out = &array.bytes[i * out_size];
    if (array.dtype == DType::kF32) {
      const float value = LoadFloat(tensor.type, base + at * size);
      std::memcpy(out, &value, sizeof(value));
    } else {
      const int64_t value = LoadInteger(tensor.type, base + at * size);
      std::memcpy(out, &value, sizeof(value));
    }
    for (size_t d = index.size(); d > 0; --d) {
      at += tensor.strides[d - 1];
      if (++index[d - 1] < tensor.shape[d - 1]) break;
      at -= tensor.strides[d - 1] * tensor.shape[d - 1];
      index[d - 1] = 0;
    }
  }
  return array;
}

// Collects the tensors of nested containers.
class Flattener {
 public:
  explicit Flattener(const Storages& storages) : storages_(storages) {
    for (const auto& [key, bytes] : storages) limit_ += kMaxSharing * bytes.size();
  }

  absl::Status Visit(const std::string& name, const PickleValue& value, int depth) {
    if (depth > kMaxDepth || ++visited_ > kMaxNames) {
      return Bad("the pickle is nested too deeply or refers to itself");
    }
    if (value.Is(Kind::kTensor)) {
      // Names stand in messages, which are one line.
      if (std::any_of(name.begin(), name.end(), absl::ascii_iscntrl)) {
        return Bad(absl::StrCat("the name \"", absl::CHexEscape(name.substr(0, kShownName)),
                                "\" holds control characters"));
      }
      if (!names_.insert(name).second) return Bad(absl::StrCat("tensor ", name, " is there twice"));
      CASSLE_ASSIGN_OR_RETURN(WeightArray array, Gather(name, value, storages_));
      total_ += array.bytes.size();
      if (total_ > limit_) return Bad("too many tensors share one storage");
      arrays_.push_back(std::move(array));
    } else if (value.Is(Kind::kDict)) {
      for (size_t i = 0; i + 1 < value.items.size(); i += 2) {
        const PickleValue& key = *value.items[i];
        const std::string part = key.Is(Kind::kInt) ? absl::StrCat(key.integer) : key.text;
        CASSLE_RETURN_IF_ERROR(Visit(Join(name, part), *value.items[i + 1], depth + 1));
      }
    } else if (value.Is(Kind::kList) || value.Is(Kind::kTuple)) {
      for (size_t i = 0; i < value.items.size(); ++i) {
        CASSLE_RETURN_IF_ERROR(Visit(Join(name, absl::StrCat(i)), *value.items[i], depth + 1));
      }
    }
    return absl::OkStatus();
  }

  std::vector<WeightArray> Take() { return std::move(arrays_); }

 private:
  static std::string Join(const std::string& prefix, const std::string& part) {
    return prefix.empty() ? part : absl::StrCat(prefix, ".", part);
  }

  const Storages& storages_;
  std::vector<WeightArray> arrays_;
  std::set<std::string> names_;
  size_t visited_ = 0;
  size_t total_ = 0;
  size_t limit_ = 0;
};

absl::StatusOr<std::vector<WeightArray>> Flatten(const Pickle& pickle, const Storages& storages) {
  Flattener flattener(storages);
  CASSLE_RETURN_IF_ERROR(flattener.Visit("", pickle.root(), 0));
  return flattener.Take();
}

struct ArchiveCloser {
  void operator()(struct archive* reader) const { archive_read_free(reader); }
};

absl::Status ZipError(struct archive* reader) {
  const char* text = archive_error_string(reader);
  return Bad(absl::StrCat("the zip archive is damaged or truncated (",
                          text == nullptr ? "no reason given" : absl::CHexEscape(text), ")"));
}

absl::StatusOr<std::string> ReadRecord(struct archive* reader, const std::string& name) {
  std::string bytes;
  size_t used = 0;
  const size_t most = absl::EndsWith(name, "data.pkl") ? kMaxPickleBytes : kMaxRecordBytes;
  while (true) {
    if (used + kBlockBytes / 4 > bytes.size()) bytes.resize(used + kBlockBytes + used / 2);
    const ssize_t count = archive_read_data(reader, &bytes[used], bytes.size() - used);
    if (count < 0) return ZipError(reader);
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used > most) {
      return Bad(absl::StrCat("record ", absl::CHexEscape(name), " is unreasonably large"));
    }
  }
  bytes.resize(used);
  return bytes;
}

absl::StatusOr<std::vector<WeightArray>> ParseZip(absl::string_view bytes) {
  const std::unique_ptr<struct archive, ArchiveCloser> reader(archive_read_new());
  // By the directory at its end: without it a file is truncated.
  if (reader == nullptr || archive_read_support_format_zip_seekable(reader.get()) != ARCHIVE_OK ||
      archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) != ARCHIVE_OK) {
    return ZipError(reader.get());
  }
  std::optional<std::string> pickle_bytes;
  std::map<std::string, std::string> records;
  bool scripted = false;
  while (true) {
    struct archive_entry* entry = nullptr;
    const int status = archive_read_next_header(reader.get(), &entry);
    if (status == ARCHIVE_EOF) break;
    if (status != ARCHIVE_OK) return ZipError(reader.get());
    const char* path = archive_entry_pathname(entry);
    const std::string name = path == nullptr ? "" : path;
    const size_t slash = name.find('/');
    if (slash == std::string::npos) continue;
    const std::string record = name.substr(slash + 1);
    scripted = scripted || record == "constants.pkl";
    if (record != "data.pkl" && !absl::StartsWith(record, "data/")) continue;
    CASSLE_ASSIGN_OR_RETURN(std::string content, ReadRecord(reader.get(), name));
    if (record == "data.pkl") {
      if (pickle_bytes.has_value()) return Bad("it has two records data.pkl");
      pickle_bytes = std::move(content);
    } else {
      records[record.substr(5)] = std::move(content);
    }
  }
  if (scripted) return Bad("it is a TorchScript program; save the state dict instead");
  if (!pickle_bytes.has_value()) return Bad("it is a zip archive, but not one of torch.save");
  CASSLE_ASSIGN_OR_RETURN(const Pickle pickle, Pickle::Read(*pickle_bytes));
  Storages storages;
  for (const auto& [key, content] : records) storages[key] = content;
  return Flatten(pickle, storages);
}

absl::StatusOr<std::vector<WeightArray>> ParseLegacy(absl::string_view bytes) {
  absl::string_view rest = bytes.substr(sizeof(kLegacyMagic) - 1);
  // Version, system, the dict, the keys.
  std::vector<Pickle> pickles;
  for (int i = 0; i < 4; ++i) {
    CASSLE_ASSIGN_OR_RETURN(Pickle pickle, Pickle::Read(rest));
    rest.remove_prefix(pickle.size());
    pickles.push_back(std::move(pickle));
  }
  const PickleValue* little = pickles[1].root().Find("little_endian");
  if (little == nullptr || !little->Is(Kind::kBool) || little->integer == 0) {
    return Bad("it was written on a big-endian machine");
  }
  std::map<std::string, ElementType> types;
  for (const PickleValue* storage : pickles[2].storages()) types[storage->text] = storage->type;
  Storages storages;
  if (!pickles[3].root().Is(Kind::kList)) return Bad("it has no list of storages");
  for (const PickleValue* key : pickles[3].root().items) {
    const auto type = types.find(key->text);
    if (!key->Is(Kind::kString) || type == types.end()) {
      return Bad("it lists a storage that no tensor uses");
    }
    int64_t count = 0;
    if (rest.size() < sizeof(count)) return Bad("it ends before its data (truncated)");
    std::memcpy(&count, rest.data(), sizeof(count));
    rest.remove_prefix(sizeof(count));
    const int64_t size = ElementSize(type->second);
    if (count < 0 || count > static_cast<int64_t>(rest.size()) / size) {
      return Bad("it ends before its data (truncated)");
    }
    storages[key->text] = rest.substr(0, static_cast<size_t>(count * size));
    rest.remove_prefix(static_cast<size_t>(count * size));
  }
  return Flatten(pickles[2], storages);
}

absl::StatusOr<std::vector<WeightArray>> ReadSafetensors(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::Open(path));
  std::vector<WeightArray> arrays;
  for (const std::string& name : file.names()) {
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
    ElementType type = ElementType::kF32;
    if (view.dtype == DType::kF64) type = ElementType::kF64;
    if (view.dtype == DType::kBF16) type = ElementType::kBF16;
    if (view.dtype == DType::kI64) type = ElementType::kI64;
    if (view.dtype == DType::kU8) type = ElementType::kU8;
    PickleValue storage, tensor;
    storage.elements = tensor.elements = view.num_elements();
    storage.type = tensor.type = type;
    tensor.items = {&storage};
    // One row of all elements is written out like any other tensor.
    tensor.shape = {tensor.elements};
    tensor.strides = {1};
    CASSLE_ASSIGN_OR_RETURN(WeightArray array, Gather(name, tensor, {{"", view.bytes}}));
    array.shape = view.shape;
    arrays.push_back(std::move(array));
  }
  return arrays;
}

}  // namespace

absl::StatusOr<std::vector<WeightArray>> ParseTorchFile(absl::string_view bytes) {
  if (absl::StartsWith(bytes, absl::string_view(kZipMagic, 4))) return ParseZip(bytes);
  if (absl::StartsWith(bytes, absl::string_view(kLegacyMagic, sizeof(kLegacyMagic) - 1))) {
    return ParseLegacy(bytes);
  }
  return Bad("it is neither what torch.save writes nor a safetensors file");
}

absl::StatusOr<std::vector<WeightArray>> ReadWeightFile(const std::string& path) {
  if (IsDirectory(path)) {
    return absl::NotFoundError(absl::StrCat(path, " is a folder, not a file of weights"));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<MappedFile> file, MapFile(path));
  const absl::string_view bytes = file->bytes();
  // A safetensors header is a JSON object behind its length.
  if (bytes.size() > 8 && bytes[8] == '{') return ReadSafetensors(path);
  absl::StatusOr<std::vector<WeightArray>> arrays = ParseTorchFile(bytes);
  if (!arrays.ok()) return Annotate(arrays.status(), path);
  if (arrays->empty()) return Bad(absl::StrCat(path, ": it holds no tensors"));
  return arrays;
}

}  // namespace cassle
