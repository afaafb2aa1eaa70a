#include "cassle/eval/embeddings/embedding_export.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/npz_writer.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

constexpr char kTargetPrefix[] = "target.";

struct Source {
  SafetensorsFile embeddings;
  // Of each row.
  std::vector<std::string> keys;
};

// Rows of one image follow each other.
absl::StatusOr<std::vector<std::string>> KeysOfRows(const SafetensorsFile& embeddings,
                                                    const SafetensorsFile& images) {
  CASSLE_ASSIGN_OR_RETURN(const TensorView rows, embeddings.Get("ids", DType::kI64, 1));
  CASSLE_ASSIGN_OR_RETURN(const TensorView ids, images.Get("ids", DType::kI64, 1));
  CASSLE_ASSIGN_OR_RETURN(const TensorView names, images.Get("keys", DType::kU8, 1));
  CASSLE_ASSIGN_OR_RETURN(const TensorView ends, images.Get("key_ends", DType::kI64, 1));
  std::vector<std::string> keys;
  int64_t image = 0, begin = 0;
  for (const int64_t id : rows.values<int64_t>()) {
    while (image < ids.shape[0] && ids.values<int64_t>()[image] != id) {
      begin = ends.values<int64_t>()[image++];
    }
    if (image == ids.shape[0]) {
      return absl::DataLossError(absl::StrCat(images.path(), " lacks the image ", id));
    }
    keys.emplace_back(names.bytes.substr(begin, ends.values<int64_t>()[image] - begin));
  }
  return keys;
}

absl::StatusOr<Source> OpenFolder(const std::string& folder) {
  Source source;
  CASSLE_ASSIGN_OR_RETURN(source.embeddings,
                          SafetensorsFile::Open(JoinPath(folder, "embeddings.safetensors")));
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile images,
                          SafetensorsFile::Open(JoinPath(folder, "images.safetensors")));
  CASSLE_ASSIGN_OR_RETURN(source.keys, KeysOfRows(source.embeddings, images));
  return source;
}

// As embed wrote them; empty if it wrote none.
std::vector<std::string> NameList(const std::string& text) {
  std::vector<std::string> names;
  const nlohmann::json list = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return names;
  for (const nlohmann::json& name : list) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  return names;
}

// Of one tensor: its columns of the CSV.
struct Columns {
  // [n] or [n, k]
  TensorView tensor;
  std::vector<std::string> heads;
  std::vector<std::string> class_names;

  void Append(int64_t row, std::vector<std::string>* cells) const {
    const int64_t width = static_cast<int64_t>(heads.size());
    for (int64_t i = row * width; i < (row + 1) * width; ++i) {
      if (tensor.dtype == DType::kF32) {
        const float value = tensor.values<float>()[i];
        cells->push_back(std::isnan(value) ? "" : absl::StrFormat("%.9g", value));
        continue;
      }
      const int64_t value = tensor.values<int64_t>()[i];
      const bool named = value >= 0 && value < static_cast<int64_t>(class_names.size());
      cells->push_back(named ? class_names[value] : value < 0 ? "" : absl::StrCat(value));
    }
  }
};

absl::StatusOr<Columns> ColumnsOf(const SafetensorsFile& file, const std::string& tensor,
                                  const std::string& head, const std::string& separator) {
  Columns columns;
  CASSLE_ASSIGN_OR_RETURN(columns.tensor, file.Get(tensor));
  if (columns.tensor.shape.size() == 1) {
    columns.heads = {head};
  } else {
    for (int64_t i = 0; i < columns.tensor.shape[1]; ++i) {
      columns.heads.push_back(absl::StrCat(head, separator, i));
    }
  }
  columns.class_names =
      NameList(file.Metadata(tensor == "labels" ? "classes" : absl::StrCat("classes.", head)));
  return columns;
}

}  // namespace

absl::Status WriteEmbeddingsNpz(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const Source source, OpenFolder(folder));
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<NpzWriter> writer,
                          NpzWriter::Open(JoinPath(folder, "embeddings.npz")));
  for (const std::string& name : source.embeddings.names()) {
    CASSLE_ASSIGN_OR_RETURN(const TensorView tensor, source.embeddings.Get(name));
    CASSLE_RETURN_IF_ERROR(writer->Add(name, tensor));
  }
  CASSLE_RETURN_IF_ERROR(writer->AddTexts("keys", source.keys));
  for (const auto& [key, value] : source.embeddings.metadata()) {
    if (key != "classes" && !absl::StartsWith(key, "classes.")) continue;
    CASSLE_RETURN_IF_ERROR(writer->AddTexts(key, NameList(value)));
  }
  return writer->Close();
}

absl::Status WriteEmbeddingsCsv(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const Source source, OpenFolder(folder));
  const SafetensorsFile& file = source.embeddings;
  std::vector<Columns> all(1);
  CASSLE_ASSIGN_OR_RETURN(all[0], ColumnsOf(file, "ids", "id", ""));
  if (file.Has("labels")) {
    CASSLE_ASSIGN_OR_RETURN(all.emplace_back(), ColumnsOf(file, "labels", "label", ""));
  }
  for (const std::string& name : file.names()) {
    absl::string_view target = name;
    if (!absl::ConsumePrefix(&target, kTargetPrefix)) continue;
    CASSLE_ASSIGN_OR_RETURN(all.emplace_back(), ColumnsOf(file, name, std::string(target), "_"));
  }
  CASSLE_ASSIGN_OR_RETURN(all.emplace_back(), ColumnsOf(file, "features", "f", ""));
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FileWriter> writer,
                          FileWriter::Open(JoinPath(folder, "embeddings.csv")));
  std::vector<std::string> cells = {"image"};
  for (const Columns& columns : all) {
    cells.insert(cells.end(), columns.heads.begin(), columns.heads.end());
  }
  CASSLE_RETURN_IF_ERROR(writer->Append(CsvLine(cells)));
  for (size_t row = 0; row < source.keys.size(); ++row) {
    cells = {source.keys[row]};
    for (const Columns& columns : all) columns.Append(static_cast<int64_t>(row), &cells);
    CASSLE_RETURN_IF_ERROR(writer->Append(CsvLine(cells)));
  }
  return writer->Close();
}

}  // namespace cassle
