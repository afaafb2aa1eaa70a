// safetensors files without LibTorch: named tensors that NumPy and PyTorch read too.
// https://github.com/huggingface/safetensors, format:
//
//   8 bytes  little-endian length N of the header
//   N bytes  JSON {"name": {"dtype", "shape", "data_offsets": [begin, end]}, ...,
//                  "__metadata__": {string: string}}
//   rest     tensor bytes, row-major, little-endian; offsets count from here
//
// Files written here have the checksum of the rest in their metadata ("xxh3_128"): one flipped bit
// in weights would otherwise give other features without a word.
// Use cassle/models/weights/weights.h to load a network.
#ifndef CASSLE_BASE_SAFETENSORS_H_
#define CASSLE_BASE_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cassle/base/file.h"

namespace cassle {

enum class DType { kF32, kF64, kI64, kU8, kBF16, kF16, kI32, kI16, kI8, kBool };

// Bytes of one element.
int64_t DTypeSize(DType dtype);
// "F32", ...
absl::string_view DTypeName(DType dtype);

// A tensor inside a file; valid while its SafetensorsFile lives.
struct TensorView {
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  absl::string_view bytes;

  int64_t num_elements() const;
  // The elements; T must match dtype (float, double, int64_t, uint8_t). Data is aligned to 8 bytes
  // by our writer and by the golden files; a file that is not is refused unless it is a foreign
  // one.
  template <class T>
  absl::Span<const T> values() const {
    return absl::MakeConstSpan(reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T));
  }
};

// An opened file, memory-mapped and checked completely: offsets, sizes, alignment, no overlap with
// the end. Cheap to copy. Thread-safe. Opening reads the whole file once for the checksum.
class SafetensorsFile {
 public:
  enum class Origin {
    // Written here, or for us.
    kOwn,
    // By any other program: tensors need not be aligned (values() is then not to be used), and
    // those of a type without a DType are unsupported() instead of an error.
    kForeign
  };

  // \error kNotFound if it cannot be read; kDataLoss, naming file and tensor, if it is not what it
  // should be, or the data have not the checksum that the header says (kOwn).
  static absl::StatusOr<SafetensorsFile> Open(const std::string& path,
                                              Origin origin = Origin::kOwn);
  // The same of bytes that outlive it; `path` is what messages call them.
  static absl::StatusOr<SafetensorsFile> Parse(const std::string& path, absl::string_view bytes,
                                               Origin origin);

  const std::string& path() const { return path_; }
  // Sorted.
  std::vector<std::string> names() const;
  bool Has(const std::string& name) const { return tensors_.count(name) > 0; }
  // \error kDataLoss naming file and tensor (and the nearest name) if there is none.
  absl::StatusOr<TensorView> Get(const std::string& name) const;
  // As Get, and the dtype and rank must be the given ones.
  absl::StatusOr<TensorView> Get(const std::string& name, DType dtype, int rank) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  // Name and type of the tensors that a foreign file has and this class cannot hand out.
  const std::map<std::string, std::string>& unsupported() const { return unsupported_; }
  // Empty if absent.
  std::string Metadata(const std::string& key) const;
  // Of a foreign file: it was written here once, and its data are others now. Damage, or a program
  // that kept the metadata of what it read.
  bool has_changed() const { return has_changed_; }

 private:
  std::string path_;
  std::shared_ptr<MappedFile> file_;
  std::map<std::string, TensorView> tensors_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, std::string> unsupported_;
  bool has_changed_ = false;
};

// Collects tensors and writes them sorted (8-byte types first, then by name): equal content gives
// equal bytes.
class SafetensorsWriter {
 public:
  // Copies the bytes. The size must be the product of the shape times the element size (checked
  // when writing).
  void Add(const std::string& name, DType dtype, std::vector<int64_t> shape, std::string bytes);
  template <class T>
  void Add(const std::string& name, DType dtype, std::vector<int64_t> shape,
           absl::Span<const T> values) {
    Add(name, dtype, std::move(shape),
        std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)));
  }
  void SetMetadata(const std::string& key, const std::string& value) { metadata_[key] = value; }
  // \error kInvalidArgument for a size that does not fit its shape or a name given twice;
  // kResourceExhausted when the disk is full.
  absl::Status Write(const std::string& path) const;

 private:
  struct Entry {
    std::string name;
    DType dtype;
    std::vector<int64_t> shape;
    std::string bytes;
  };
  std::vector<Entry> entries_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace cassle

#endif  // CASSLE_BASE_SAFETENSORS_H_
