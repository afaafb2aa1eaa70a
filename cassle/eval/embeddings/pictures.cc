#include "cassle/eval/embeddings/pictures.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr char kFile[] = "images.safetensors";

}  // namespace

absl::Status WritePictures(const std::vector<int64_t>& ids, const std::vector<PixelHash>& hashes,
                           const std::vector<std::string>& keys, const std::string& folder) {
  std::string names;
  std::vector<int64_t> ends;
  for (const std::string& key : keys) {
    names += key;
    ends.push_back(static_cast<int64_t>(names.size()));
  }
  const int64_t images = static_cast<int64_t>(ids.size());
  SafetensorsWriter writer;
  writer.Add<int64_t>("ids", DType::kI64, {images}, ids);
  if (!hashes.empty()) {
    writer.Add<uint8_t>("pixels", DType::kU8, {images, 16},
                        absl::MakeConstSpan(hashes.data()->data(), 16 * hashes.size()));
  }
  writer.Add("keys", DType::kU8, {static_cast<int64_t>(names.size())}, names);
  writer.Add<int64_t>("key_ends", DType::kI64, {images}, ends);
  return writer.Write(JoinPath(folder, kFile));
}

absl::StatusOr<std::optional<Pictures>> Pictures::Open(const Embeddings& embeddings) {
  const std::string path = JoinPath(embeddings.folder(), kFile);
  if (!FileExists(path)) return std::optional<Pictures>();
  CASSLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(path));
  if (!file.Has("pixels")) return std::optional<Pictures>();
  Pictures pictures(std::move(file));
  CASSLE_RETURN_IF_ERROR(pictures.Check(embeddings));
  return std::optional<Pictures>(std::move(pictures));
}

absl::Status Pictures::Check(const Embeddings& embeddings) {
  CASSLE_ASSIGN_OR_RETURN(const TensorView ids, file_.Get("ids", DType::kI64, 1));
  CASSLE_ASSIGN_OR_RETURN(const TensorView pixels, file_.Get("pixels", DType::kU8, 2));
  CASSLE_ASSIGN_OR_RETURN(const TensorView keys, file_.Get("keys", DType::kU8, 1));
  CASSLE_ASSIGN_OR_RETURN(const TensorView ends, file_.Get("key_ends", DType::kI64, 1));
  const int64_t images = ids.shape[0];
  const absl::Span<const int64_t> names = ids.values<int64_t>(), rows = embeddings.ids();
  int64_t image = 0;
  for (int64_t row = 0; row < embeddings.rows(); ++row) {
    if (row > 0 && rows[row] == rows[row - 1]) continue;
    if (image < images && names[image] == rows[row]) rows_.push_back(row);
    ++image;
  }
  keys_ = keys.bytes;
  key_ends_ = ends.values<int64_t>();
  bool good = image == images && static_cast<int64_t>(rows_.size()) == images &&
              pixels.shape == std::vector<int64_t>{images, 16} && ends.shape[0] == images;
  int64_t before = 0;
  for (size_t i = 0; good && i < key_ends_.size(); ++i) {
    good = key_ends_[i] >= before && key_ends_[i] <= static_cast<int64_t>(keys_.size());
    before = key_ends_[i];
  }
  if (!good) {
    return absl::DataLossError(absl::StrCat(
        file_.path(), " does not name the images of embeddings.safetensors: embed again"));
  }
  hashes_ = absl::MakeConstSpan(reinterpret_cast<const PixelHash*>(pixels.bytes.data()), images);
  return absl::OkStatus();
}

std::string Pictures::Key(int64_t image) const {
  const int64_t begin = image == 0 ? 0 : key_ends_[image - 1];
  return std::string(keys_.substr(begin, key_ends_[image] - begin));
}

std::vector<int> Pictures::OfImages(const std::vector<int>& of_rows) const {
  std::vector<int> values;
  values.reserve(rows_.size());
  for (const int64_t row : rows_) values.push_back(of_rows[row]);
  return values;
}

}  // namespace cassle
