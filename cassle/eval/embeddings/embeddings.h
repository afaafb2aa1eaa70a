// Reading the output folder of embed: features, labels and where they come from.
//
//   embeddings.safetensors
//     features      [n, d] F32
//     ids           [n] I64       image ids, unique over the splits of a data set; with crops = ten
//                                 each stands ten times, and so do label and targets
//     labels        [n] I64       absent when unlabelled; -1: this image has no label
//     target.NAME   [n] I64       a class target (-1: this image has none), or [n, k] F32: a vector
//                                 target (not a number: this image has none)
//   its metadata
//     weights_fingerprint, preprocess_fingerprint    of the encoder and of how images reached it
//     resize_px, precision                           of that: the shorter side before the crop;
//                                                    float32 or bf16
//     dataset_fingerprint, split, provenance         of the images; of the encoder, for people
//     crops                                          "ten" or "ten_mean"; absent: the central one
//     classes, classes.NAME                          JSON lists of class names
#ifndef CASSLE_EVAL_EMBEDDINGS_EMBEDDINGS_H_
#define CASSLE_EVAL_EMBEDDINGS_EMBEDDINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/base/safetensors.h"

namespace cassle {

// Name of the target that is made of `labels`.
inline constexpr char kLabelTarget[] = "label";

// The class of a row that has none.
inline constexpr int kNoClass = -1;

// One value per row, some of them perhaps kNoClass, and what the values are called (empty: nothing
// says).
struct ClassTarget {
  std::vector<int> values;
  std::vector<std::string> class_names;
};

// A vector per row, [rows, width] row-major. Points into the embeddings it came from.
struct VectorTarget {
  int64_t width = 0;
  absl::Span<const float> values;
  // Of each row: whether all its numbers are there.
  std::vector<bool> has;
};

// An opened and checked embeddings folder. Cheap to copy; thread-safe.
class Embeddings {
 public:
  // `role` ("train") goes into messages.
  // \error kNotFound if the folder is no complete stage output; kDataLoss if the file is not as
  // above, has no rows, or a feature is not finite (naming row and column).
  static absl::StatusOr<Embeddings> Open(const std::string& role, const std::string& folder);

  // The option that named it.
  const std::string& role() const { return role_; }
  // As it was named.
  const std::string& folder() const { return folder_; }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  // [rows, columns], row-major.
  absl::Span<const float> features() const { return features_; }
  absl::Span<const int64_t> ids() const { return ids_; }
  std::string Metadata(const std::string& key) const { return file_.Metadata(key); }

  // Names of the class targets there are: label first, then by name.
  std::vector<std::string> ClassTargets() const;

  // \error kFailedPrecondition if there is no such target (the message lists those there are) or it
  // is a vector, or if no row has a class; kDataLoss naming row and image for an impossible class.
  absl::StatusOr<ClassTarget> Target(const std::string& name) const;

  // Names of the vector targets there are, by name.
  std::vector<std::string> VectorTargets() const;

  // \error kFailedPrecondition if there is no such vector target (the message lists those there
  // are), or if no row has it; kDataLoss naming row and image for an infinite number.
  absl::StatusOr<VectorTarget> GetVectorTarget(const std::string& name) const;

 private:
  Embeddings(std::string role, std::string folder, SafetensorsFile file)
      : role_(std::move(role)), folder_(std::move(folder)), file_(std::move(file)) {}
  absl::Status Check();

  std::string role_;
  std::string folder_;
  SafetensorsFile file_;
  int64_t rows_ = 0;
  int64_t columns_ = 0;
  absl::Span<const float> features_;
  absl::Span<const int64_t> ids_;
};

// OK if both come from the same encoder and preprocessing and have the same width.
// \error kFailedPrecondition naming both folders' fingerprints.
absl::Status CheckComparable(const std::string& role_a, const Embeddings& a,
                             const std::string& role_b, const Embeddings& b);

// "all images of --train have the same features: the encoder has collapsed"; empty if not.
std::string CollapsedSentence(const Embeddings& embeddings);

// \error kFailedPrecondition if it has several rows per image (embed --crops=ten), which only serve
// to learn from.
absl::Status RequireOneRowPerImage(const std::string& role, const Embeddings& embeddings);

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_EMBEDDINGS_H_
