#include "cassle/models/exchange/weight_file.h"

#include <algorithm>
#include <cstring>
#include <iterator>
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

// Adds what a part holds to `whole`.
absl::Status AddPart(const std::string& path, const std::string& index,
                     std::set<std::string> listed, WeightFile* whole) {
  if (!FileExists(path)) {
    return absl::NotFoundError(
        absl::StrCat(EscapedName(path), " is missing, which ", index, " lists"));
  }
  CASSLE_ASSIGN_OR_RETURN(WeightFile part, ReadWeightFile(path));
  for (const UnreadValue& value : part.unread) listed.erase(value.name);
  for (WeightArray& array : part.arrays) {
    if (listed.erase(array.name) == 0) {
      return absl::DataLossError(absl::StrCat(
          index, ": ", EscapedName(path), " holds ", array.name,
          ", which the weight_map does not list there: are they of one save_pretrained?"));
    }
    whole->arrays.push_back(std::move(array));
  }
  if (!listed.empty()) {
    return absl::DataLossError(
        absl::StrCat(index, ": its weight_map lists ", *listed.begin(), " in ", EscapedName(path),
                     ", which does not hold it: are they of one save_pretrained?"));
  }
  for (UnreadValue& value : part.unread) whole->unread.push_back(std::move(value));
  for (PickledModule& module : part.modules) whole->modules.push_back(std::move(module));
  for (SaidNetwork& network : part.networks) whole->networks.push_back(std::move(network));
  whole->metadata.insert(part.metadata.begin(), part.metadata.end());
  return absl::OkStatus();
}

absl::StatusOr<WeightFile> ReadParts(const std::string& path, absl::string_view text) {
  const absl::StatusOr<WeightIndex> parts = ParseWeightIndex(text);
  if (!parts.ok()) return Annotate(parts.status(), path);
  WeightFile whole;
  for (const auto& [part, tensors] : *parts) {
    CASSLE_RETURN_IF_ERROR(AddPart(JoinPath(DirName(path), part), path, tensors, &whole));
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

// The files in a folder that are called as weights are.
absl::StatusOr<std::vector<std::string>> WeightsIn(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  std::vector<std::string> weights;
  for (const std::string& name : names) {
    const bool called_so =
        std::any_of(std::begin(kEndings), std::end(kEndings),
                    [&name](const char* ending) { return absl::EndsWith(name, ending); });
    if (called_so && !IsDirectory(JoinPath(folder, name))) weights.push_back(name);
  }
  return weights;
}

// Empty if `path` is no index.
WeightIndex IndexAt(const std::string& path) {
  if (!absl::EndsWith(path, ".index.json")) return {};
  const absl::StatusOr<std::string> text = ReadFile(path);
  return ParseWeightIndex(text.ok() ? *text : "").value_or(WeightIndex());
}

}  // namespace

absl::StatusOr<std::string> LocateWeights(const std::string& path) {
  if (!IsDirectory(path)) return path;
  for (const char* name : kHubNames) {
    if (FileExists(JoinPath(path, name))) return JoinPath(path, name);
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> candidates, WeightsIn(path));
  if (candidates.size() == 1) return JoinPath(path, candidates[0]);
  if (candidates.empty()) {
    return absl::NotFoundError(absl::StrCat(path, " is a folder without a file of weights"));
  }
  return absl::DataLossError(absl::StrCat(path, " is a folder with several files of weights (",
                                          absl::StrJoin(candidates, ", ", AppendEscaped),
                                          "): name one as --input"));
}

std::vector<std::string> OtherWeights(const std::string& path) {
  std::vector<std::string> others;
  const WeightIndex index = IndexAt(path);
  for (const std::string& name : WeightsIn(DirName(path)).value_or(std::vector<std::string>())) {
    if (name != BaseName(path) && index.count(name) == 0) others.push_back(EscapedName(name));
  }
  return others;
}

std::vector<std::string> FilesBeside(const std::string& path) {
  std::vector<std::string> names = {"config.json", "preprocessor_config.json", "model.textproto"};
  for (const auto& [part, tensors] : IndexAt(path)) names.push_back(part);
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
  if (file.arrays.empty()) {
    return absl::DataLossError(absl::StrCat(
        path, ": it holds no tensors",
        file.unread.empty()
            ? ""
            : absl::StrCat(", but objects that are not read (", file.unread.size(), "; ",
                           file.unread[0].what, " for one): in Python, save model.state_dict()")));
  }
  for (WeightArray& array : file.arrays) array.name = WithoutWrappers(array.name);
  for (UnreadValue& value : file.unread) value.name = WithoutWrappers(value.name);
  for (PickledModule& module : file.modules) module.name = WithoutWrappers(module.name);
  return file;
}

absl::StatusOr<WeightFile> ParseForeignSafetensors(const std::string& path,
                                                   absl::string_view bytes) {
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile opened,
                          SafetensorsFile::Parse(path, bytes, SafetensorsFile::Origin::kForeign));
  WeightFile file;
  file.metadata = opened.metadata();
  file.has_changed = opened.has_changed();
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

absl::StatusOr<WeightIndex> ParseWeightIndex(absl::string_view text) {
  const json index = json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object()) {
    return absl::DataLossError("it is a JSON file, but no index of weights (weight_map)");
  }
  WeightIndex parts;
  for (const auto& [tensor, file] : index["weight_map"].items()) {
    if (!file.is_string()) return absl::DataLossError("its weight_map names no files");
    const std::string name = file.get<std::string>();
    if (name.empty() || name[0] == '.' || absl::StrContains(name, "/") ||
        absl::EndsWith(name, ".json")) {
      return absl::DataLossError(absl::StrCat("its weight_map names \"", EscapedName(name),
                                              "\", which is no file of weights beside it"));
    }
    parts[name].insert(WithoutWrappers(EscapedName(tensor)));
  }
  return parts;
}

}  // namespace cassle
