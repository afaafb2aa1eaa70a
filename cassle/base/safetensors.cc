#include "cassle/base/safetensors.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxHeaderBytes = uint64_t{100} << 20;
constexpr int kMaxRank = 16;
// Of the tensors' bytes, in the metadata of what is written here.
constexpr char kChecksum[] = "xxh3_128";

struct DTypeInfo {
  DType dtype;
  const char* name;
  int64_t size;
};
constexpr DTypeInfo kDTypes[] = {{DType::kF32, "F32", 4},   {DType::kF64, "F64", 8},
                                 {DType::kI64, "I64", 8},   {DType::kU8, "U8", 1},
                                 {DType::kBF16, "BF16", 2}, {DType::kF16, "F16", 2},
                                 {DType::kI32, "I32", 4},   {DType::kI16, "I16", 2},
                                 {DType::kI8, "I8", 1},     {DType::kBool, "BOOL", 1}};

const DTypeInfo& InfoOf(DType dtype) { return kDTypes[static_cast<int>(dtype)]; }

std::optional<DType> DTypeFromName(const std::string& name) {
  for (const DTypeInfo& info : kDTypes) {
    if (name == info.name) return info.dtype;
  }
  return std::nullopt;
}

absl::Status Bad(const std::string& path, absl::string_view reason) {
  return absl::DataLossError(absl::StrCat(path, " is not a sound safetensors file: ", reason));
}

// Element count, or nothing if it is negative or overflows.
std::optional<int64_t> CountElements(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(count, extent, &count)) return std::nullopt;
  }
  return count;
}

// Whether an entry has a type that is not known here.
bool IsUnsupported(const json& entry) {
  return entry.is_object() && entry.contains("dtype") && entry["dtype"].is_string() &&
         !DTypeFromName(entry["dtype"].get<std::string>());
}

// The first name that an object of the header gives twice, of which a JSON parser keeps the last;
// empty if there is none. Of tensors at depth 1, of their fields and of metadata at depth 2.
struct Header {
  json object;
  std::string twice;
};

Header ParseHeader(absl::string_view text) {
  Header header;
  std::set<std::string> outer, inner;
  const auto remember = [&](int depth, json::parse_event_t event, json& value) {
    if (event == json::parse_event_t::object_start && depth == 1) inner.clear();
    if (event == json::parse_event_t::key && (depth == 1 || depth == 2)) {
      const std::string name = value.get<std::string>();
      if (!(depth == 1 ? outer : inner).insert(name).second) header.twice = name;
    }
    return true;
  };
  header.object = json::parse(text.begin(), text.end(), remember, /*allow_exceptions=*/false);
  return header;
}

// Bytes of the data, [begin, end).
struct Span {
  uint64_t begin = 0;
  uint64_t end = 0;
  std::string tensor;
};

// Where an entry says that its data are, whatever their type; nothing if it does not.
std::optional<Span> SpanOf(const std::string& tensor, const json& entry) {
  if (!entry.is_object() || !entry.contains("data_offsets")) return std::nullopt;
  const json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
      !offsets[1].is_number_unsigned()) {
    return std::nullopt;
  }
  return Span{offsets[0].get<uint64_t>(), offsets[1].get<uint64_t>(), tensor};
}

// Tensors lie side by side: each byte belongs to one of them.
absl::Status CheckEachByteOnce(const std::string& path, std::vector<Span> spans, uint64_t size) {
  std::sort(spans.begin(), spans.end(), [](const Span& a, const Span& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t end = 0;
  std::string before;
  for (const Span& span : spans) {
    if (span.begin < end) {
      return Bad(path, absl::StrCat("tensors \"", EscapedName(before), "\" and \"",
                                    EscapedName(span.tensor), "\" share bytes"));
    }
    if (span.begin > end) {
      return Bad(path, absl::StrCat(span.begin - end, " bytes before tensor \"",
                                    EscapedName(span.tensor), "\" belong to none"));
    }
    end = span.end;
    before = span.tensor;
  }
  if (end >= size) return absl::OkStatus();
  return Bad(path, absl::StrCat(size - end, " bytes lie behind its last tensor"));
}

absl::StatusOr<TensorView> ParseTensor(const std::string& path, const std::string& name,
                                       const json& entry, absl::string_view data,
                                       SafetensorsFile::Origin origin) {
  const auto bad = [&](absl::string_view reason) {
    return Bad(path, absl::StrCat("tensor \"", EscapedName(name), "\": ", reason));
  };
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry["shape"].is_array() || !entry.contains("data_offsets") ||
      !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2) {
    return bad("dtype, shape or data_offsets is missing");
  }
  const std::optional<DType> dtype = DTypeFromName(entry["dtype"].get<std::string>());
  if (!dtype)
    return bad(absl::StrCat("dtype ", EscapedName(entry["dtype"].get<std::string>()),
                            " is not supported"));
  TensorView view;
  view.dtype = *dtype;
  if (entry["shape"].size() > kMaxRank) return bad("too many dimensions");
  for (const json& extent : entry["shape"]) {
    if (!extent.is_number_unsigned()) return bad("shape is not made of counts");
    view.shape.push_back(static_cast<int64_t>(
        std::min<uint64_t>(extent.get<uint64_t>(), static_cast<uint64_t>(INT64_MAX))));
  }
  const json& offsets = entry["data_offsets"];
  if (!offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
    return bad("data_offsets are not counts");
  }
  const uint64_t begin = offsets[0].get<uint64_t>();
  const uint64_t end = offsets[1].get<uint64_t>();
  if (begin > end || end > data.size()) return bad("its data lie outside the file (truncated?)");
  const std::optional<int64_t> count = CountElements(view.shape);
  int64_t bytes = 0;
  if (!count || __builtin_mul_overflow(*count, DTypeSize(*dtype), &bytes) ||
      static_cast<uint64_t>(bytes) != end - begin) {
    return bad("its size does not fit its shape");
  }
  view.bytes = data.substr(begin, end - begin);
  if (origin == SafetensorsFile::Origin::kOwn &&
      reinterpret_cast<uintptr_t>(view.bytes.data()) % DTypeSize(*dtype) != 0) {
    return bad("its data are not aligned to their element size");
  }
  return view;
}

}  // namespace

int64_t DTypeSize(DType dtype) { return InfoOf(dtype).size; }
absl::string_view DTypeName(DType dtype) { return InfoOf(dtype).name; }

int64_t TensorView::num_elements() const {
  return static_cast<int64_t>(bytes.size()) / DTypeSize(dtype);
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Open(const std::string& path, Origin origin) {
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<MappedFile> file, MapFile(path));
  CASSLE_ASSIGN_OR_RETURN(SafetensorsFile result, Parse(path, file->bytes(), origin));
  result.file_ = std::move(file);
  return result;
}

absl::StatusOr<SafetensorsFile> SafetensorsFile::Parse(const std::string& path,
                                                       absl::string_view bytes, Origin origin) {
  SafetensorsFile result;
  result.path_ = path;
  uint64_t header_bytes = 0;
  if (bytes.size() < sizeof(header_bytes)) return Bad(path, "it is shorter than its header");
  std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
  if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - sizeof(header_bytes)) {
    return Bad(path, "the header's length is wrong (truncated, or another kind of file?)");
  }
  const absl::string_view text = bytes.substr(sizeof(header_bytes), header_bytes);
  const absl::string_view data = bytes.substr(sizeof(header_bytes) + header_bytes);
  const Header header = ParseHeader(text);
  if (!header.object.is_object()) return Bad(path, "the header is not a JSON object");
  if (!header.twice.empty()) {
    return Bad(path, absl::StrCat("its header has \"", EscapedName(header.twice), "\" twice"));
  }
  std::vector<Span> spans;
  for (const auto& [name, entry] : header.object.items()) {
    if (name == "__metadata__") {
      if (!entry.is_object()) return Bad(path, "__metadata__ is not an object");
      for (const auto& [key, value] : entry.items()) {
        if (!value.is_string())
          return Bad(path, absl::StrCat("metadata \"", EscapedName(key), "\" is no string"));
        result.metadata_[key] = value.get<std::string>();
      }
      continue;
    }
    if (const std::optional<Span> span = SpanOf(name, entry)) spans.push_back(*span);
    if (origin == Origin::kForeign && IsUnsupported(entry)) {
      result.unsupported_[name] = entry["dtype"].get<std::string>();
      continue;
    }
    CASSLE_ASSIGN_OR_RETURN(result.tensors_[name], ParseTensor(path, name, entry, data, origin));
  }
  CASSLE_RETURN_IF_ERROR(CheckEachByteOnce(path, std::move(spans), data.size()));
  const auto checksum = result.metadata_.find(kChecksum);
  if (checksum != result.metadata_.end()) {
    result.has_changed_ = checksum->second != FingerprintBytes(data);
    if (result.has_changed_ && origin == Origin::kOwn) {
      return Bad(path, "its data have changed since they were written (their checksum differs)");
    }
    // Not what the caller put there.
    result.metadata_.erase(checksum);
  }
  return result;
}

std::vector<std::string> SafetensorsFile::names() const {
  std::vector<std::string> names;
  for (const auto& [name, view] : tensors_) names.push_back(name);
  return names;
}

absl::StatusOr<TensorView> SafetensorsFile::Get(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  const std::string nearest = NearestWord(name, names());
  return absl::DataLossError(absl::StrCat(
      path_, " has no tensor \"", EscapedName(name), "\"",
      nearest.empty() ? "" : absl::StrCat("; the nearest is \"", EscapedName(nearest), "\"")));
}

absl::StatusOr<TensorView> SafetensorsFile::Get(const std::string& name, DType dtype,
                                                int rank) const {
  CASSLE_ASSIGN_OR_RETURN(TensorView view, Get(name));
  if (view.dtype != dtype || static_cast<int>(view.shape.size()) != rank) {
    return absl::DataLossError(absl::StrCat(path_, ": tensor \"", EscapedName(name), "\" is ",
                                            DTypeName(view.dtype), " [",
                                            absl::StrJoin(view.shape, ", "), "], expected ",
                                            DTypeName(dtype), " with ", rank, " dimensions"));
  }
  return view;
}

std::string SafetensorsFile::Metadata(const std::string& key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? "" : found->second;
}

void SafetensorsWriter::Add(const std::string& name, DType dtype, std::vector<int64_t> shape,
                            std::string bytes) {
  entries_.push_back({name, dtype, std::move(shape), std::move(bytes)});
}

absl::Status SafetensorsWriter::Write(const std::string& path) const {
  std::vector<const Entry*> order;
  for (const Entry& entry : entries_) order.push_back(&entry);
  // Large elements first keeps every tensor aligned without padding.
  std::sort(order.begin(), order.end(), [](const Entry* a, const Entry* b) {
    const int64_t a_size = DTypeSize(a->dtype), b_size = DTypeSize(b->dtype);
    return a_size != b_size ? a_size > b_size : a->name < b->name;
  });
  Fingerprinter checksum;
  for (const Entry* entry : order) checksum.Update(entry->bytes);
  std::map<std::string, std::string> metadata = metadata_;
  metadata[kChecksum] = checksum.Hex();
  json header = json::object();
  header["__metadata__"] = metadata;
  int64_t offset = 0;
  for (const Entry* entry : order) {
    const std::optional<int64_t> count = CountElements(entry->shape);
    const int64_t size = static_cast<int64_t>(entry->bytes.size());
    if (!count || *count * DTypeSize(entry->dtype) != size) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor \"", entry->name, "\" does not fit its shape"));
    }
    if (header.contains(entry->name)) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": tensor \"", entry->name, "\" was added twice"));
    }
    header[entry->name] = {{"dtype", std::string(DTypeName(entry->dtype))},
                           {"shape", entry->shape},
                           {"data_offsets", {offset, offset + size}}};
    offset += size;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t header_bytes = text.size();
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<FileWriter> writer, FileWriter::Open(path));
  CASSLE_RETURN_IF_ERROR(writer->Append(
      absl::string_view(reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes))));
  CASSLE_RETURN_IF_ERROR(writer->Append(text));
  for (const Entry* entry : order) CASSLE_RETURN_IF_ERROR(writer->Append(entry->bytes));
  return writer->Close();
}

}  // namespace cassle
