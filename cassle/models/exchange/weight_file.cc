#include "cassle/models/exchange/weight_file.h"

#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/torch_file.h"
#include "cassle/models/exchange/weight_families.h"

namespace cassle {
namespace {

using nlohmann::json;

// In the order in which transformers and timm look.
constexpr const char* kHubNames[] = {"model.safetensors", "model.safetensors.index.json",
                                     "pytorch_model.bin", "pytorch_model.bin.index.json",
                                     // Of export-weights, which writes the same as backbone.pth.
                                     "backbone.safetensors"};
constexpr const char* kEndings[] = {".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar"};

// What people have by mistake.
struct Mistake {
  absl::string_view beginning;
  const char* sentence;
};
constexpr Mistake kMistakes[] = {
    {"version https://git-lfs", "it is a pointer of git-lfs, not the weights: git lfs pull"},
    {"<", "it is a web page, not the weights: the download went wrong"},
    {"\x1f\x8b", "it is compressed with gzip: gunzip it first"},
    {"\x89HDF", "it is an HDF5 file (Keras), which is not read"},
    {"\x93NUMPY", "it is a NumPy array, which is not read"},
    {"\x80", "it is a pickle, but not one of torch.save: save the state dict with torch.save"},
};

ElementType ElementOf(DType type) {
  switch (type) {
    case DType::kF32:
      return ElementType::kF32;
    case DType::kF64:
      return ElementType::kF64;
    case DType::kI64:
      return ElementType::kI64;
    case DType::kU8:
      return ElementType::kU8;
    case DType::kBF16:
      return ElementType::kBF16;
    case DType::kF16:
      return ElementType::kF16;
    case DType::kI32:
      return ElementType::kI32;
    case DType::kI16:
      return ElementType::kI16;
    case DType::kI8:
      return ElementType::kI8;
    case DType::kBool:
      return ElementType::kBool;
  }
  return ElementType::kOther;
}

// A length, and the JSON object of that length.
bool IsSafetensors(absl::string_view bytes) {
  uint64_t length = 0;
  if (bytes.size() <= sizeof(length) || bytes[sizeof(length)] != '{') return false;
  std::memcpy(&length, bytes.data(), sizeof(length));
  // A JSON text read as a length is larger than any file; a damaged safetensors file is told so.
  return bytes[0] != '{' || length <= bytes.size();
}

absl::StatusOr<WeightFile> ReadParts(const std::string& path, absl::string_view text) {
  const absl::StatusOr<std::vector<std::string>> parts = ParseWeightIndex(text);
  if (!parts.ok()) return Annotate(parts.status(), path);
  WeightFile whole;
  for (const std::string& part : *parts) {
    const std::string file = JoinPath(DirName(path), part);
    if (!FileExists(file)) {
      return absl::NotFoundError(
          absl::StrCat(EscapedName(file), " is missing, which ", path, " lists"));
    }
    CASSLE_ASSIGN_OR_RETURN(WeightFile read, ReadWeightFile(file));
    for (WeightArray& array : read.arrays) whole.arrays.push_back(std::move(array));
    for (UnreadValue& value : read.unread) whole.unread.push_back(std::move(value));
    for (UnreadValue& value : read.modules) whole.modules.push_back(std::move(value));
    whole.metadata.insert(read.metadata.begin(), read.metadata.end());
  }
  return whole;
}

absl::StatusOr<WeightFile> Parse(const std::string& path, absl::string_view bytes) {
  if (bytes.empty()) return absl::DataLossError(absl::StrCat(path, ": it is empty"));
  if (IsSafetensors(bytes)) return ParseForeignSafetensors(path, bytes);
  if (bytes[0] == '{') return ReadParts(path, bytes);
  absl::StatusOr<WeightFile> file = ParseTorchFile(bytes);
  if (file.ok()) return file;
  for (const Mistake& mistake : kMistakes) {
    if (absl::StartsWith(bytes, mistake.beginning) &&
        absl::StrContains(file.status().message(), "neither")) {
      return absl::DataLossError(absl::StrCat(path, ": ", mistake.sentence));
    }
  }
  return Annotate(file.status(), path);
}

void AppendEscaped(std::string* text, const std::string& name) {
  absl::StrAppend(text, EscapedName(name));
}

}  // namespace

absl::StatusOr<std::string> LocateWeights(const std::string& path) {
  if (!IsDirectory(path)) return path;
  for (const char* name : kHubNames) {
    if (FileExists(JoinPath(path, name))) return JoinPath(path, name);
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
  std::vector<std::string> candidates;
  for (const std::string& name : names) {
    bool weights = false;
    for (const char* ending : kEndings) weights = weights || absl::EndsWith(name, ending);
    if (weights && !IsDirectory(JoinPath(path, name))) candidates.push_back(name);
  }
  if (candidates.size() == 1) return JoinPath(path, candidates[0]);
  if (candidates.empty()) {
    return absl::NotFoundError(absl::StrCat(path, " is a folder without a file of weights"));
  }
  return absl::DataLossError(absl::StrCat(path, " is a folder with several files of weights (",
                                          absl::StrJoin(candidates, ", ", AppendEscaped),
                                          "): name one as --input"));
}

std::vector<std::string> FilesBeside(const std::string& path) {
  std::vector<std::string> names = {"config.json", "preprocessor_config.json", "model.textproto"};
  if (absl::EndsWith(path, ".index.json")) {
    const absl::StatusOr<std::string> text = ReadFile(path);
    const auto parts = ParseWeightIndex(text.ok() ? *text : "");
    if (parts.ok()) names.insert(names.end(), parts->begin(), parts->end());
  }
  std::vector<std::string> files;
  for (const std::string& name : names) {
    const std::string file = JoinPath(DirName(path), name);
    if (FileExists(file) && !IsDirectory(file)) files.push_back(file);
  }
  return files;
}

absl::StatusOr<WeightFile> ReadWeightFile(const std::string& path) {
  if (IsDirectory(path)) {
    return absl::NotFoundError(absl::StrCat(path, " is a folder, not a file of weights"));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<MappedFile> mapped, MapFile(path));
  CASSLE_ASSIGN_OR_RETURN(WeightFile file, Parse(path, mapped->bytes()));
  if (file.arrays.empty()) return absl::DataLossError(absl::StrCat(path, ": it holds no tensors"));
  for (WeightArray& array : file.arrays) array.name = WithoutWrappers(array.name);
  for (UnreadValue& value : file.unread) value.name = WithoutWrappers(value.name);
  return file;
}

absl::StatusOr<WeightFile> ParseForeignSafetensors(const std::string& path,
                                                   absl::string_view bytes) {
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile opened,
                          SafetensorsFile::Parse(path, bytes, SafetensorsFile::Origin::kForeign));
  WeightFile file;
  file.metadata = opened.metadata();
  for (const std::string& name : opened.names()) {
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, opened.Get(name));
    const ElementType type = ElementOf(view.dtype);
    // One row of all elements is written out like any other tensor.
    file.arrays.push_back({EscapedName(name), ConvertedType(type), view.shape,
                           RowMajor(type, view.bytes.data(), {view.num_elements()}, {1}), type});
  }
  for (const auto& [name, type] : opened.unsupported()) {
    file.unread.push_back(
        {EscapedName(name), absl::StrCat("a tensor of type ", EscapedName(type))});
  }
  return file;
}

absl::StatusOr<std::vector<std::string>> ParseWeightIndex(absl::string_view text) {
  const json index = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return absl::DataLossError("it is a JSON file, but no index of weights (weight_map)");
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string()) return absl::DataLossError("its weight_map names no files");
    const std::string name = file.get<std::string>();
    if (name.empty() || name[0] == '.' || absl::StrContains(name, "/") ||
        absl::EndsWith(name, ".json")) {
      return absl::DataLossError(absl::StrCat("its weight_map names \"", EscapedName(name),
                                              "\", which is no file of weights beside it"));
    }
    names.insert(name);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace cassle
