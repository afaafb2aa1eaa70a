// NumPy's .npz files: a zip of .npy members, stored as they are. No library writes them here:
// Debian has none, and a member is a header line before the bytes.
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
//
//   NAME.npy   "\x93NUMPY" 1 0, u16 length of what follows up to the values,
//              "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }", spaces and a line end
//              up to a multiple of 64 bytes in all, the values
#ifndef CASSLE_EVAL_EMBEDDINGS_NPZ_WRITER_H_
#define CASSLE_EVAL_EMBEDDINGS_NPZ_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"

struct archive;

namespace cassle {

// Equal arrays in equal order give equal bytes. Any size (zip64).
class NpzWriter {
 public:
  // \error kResourceExhausted if the file cannot be written, as the others.
  static absl::StatusOr<std::unique_ptr<NpzWriter>> Open(const std::string& path);
  ~NpzWriter();

  // The tensor's values, of a type that embeddings have: F32, I64, U8.
  absl::Status Add(const std::string& name, const TensorView& tensor);
  // A vector of texts ('<U'): each takes four bytes for every character of the longest.
  absl::Status AddTexts(const std::string& name, const std::vector<std::string>& texts);
  absl::Status Close();

 private:
  NpzWriter() = default;
  absl::Status AddMember(const std::string& name, const std::string& descr,
                         const std::vector<int64_t>& shape, absl::string_view values);
  absl::Status Failed() const;

  std::string path_;
  std::unique_ptr<FileWriter> file_;
  // libarchive's, which writes into the file; null once it is closed.
  ::archive* archive_ = nullptr;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_NPZ_WRITER_H_
