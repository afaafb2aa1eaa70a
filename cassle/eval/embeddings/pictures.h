// images.safetensors of an embeddings folder: the images behind its rows, by name and by pixels.
//
//   ids       [n] I64      as in embeddings.safetensors, each once
//   keys      [bytes] U8   the images' names, one behind the other
//   key_ends  [n] I64      where the name of each ends
//   pixels    [n, 16] U8   hash of the decoded pixels (cassle/data/images/pixel_hash.h); only of
//                          data sets that have hashes: without, nothing is said of equal images
#ifndef CASSLE_EVAL_EMBEDDINGS_PICTURES_H_
#define CASSLE_EVAL_EMBEDDINGS_PICTURES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/base/safetensors.h"
#include "cassle/data/images/pixel_hash.h"
#include "cassle/eval/embeddings/embeddings.h"

namespace cassle {

// ids, hashes and keys: one per image; hashes may be missing altogether.
absl::Status WritePictures(const std::vector<int64_t>& ids, const std::vector<PixelHash>& hashes,
                           const std::vector<std::string>& keys, const std::string& folder);

// Cheap to copy; thread-safe.
class Pictures {
 public:
  // Nothing if the folder has no such file (of embed's first version), or no hashes.
  // \error kDataLoss if the file is not as above, or its ids are not those of `embeddings`.
  static absl::StatusOr<std::optional<Pictures>> Open(const Embeddings& embeddings);

  absl::Span<const PixelHash> hashes() const { return hashes_; }
  std::string Key(int64_t image) const;
  // What `of_rows` says of each row, image by image (the rows of an image are equal in it).
  std::vector<int> OfImages(const std::vector<int>& of_rows) const;

 private:
  explicit Pictures(SafetensorsFile file) : file_(std::move(file)) {}
  absl::Status Check(const Embeddings& embeddings);

  SafetensorsFile file_;
  absl::Span<const PixelHash> hashes_;
  absl::string_view keys_;
  absl::Span<const int64_t> key_ends_;
  // The first row of each image.
  std::vector<int64_t> rows_;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_PICTURES_H_
