// Images of one size stored one behind the other in a file: what CIFAR, STL-10 and IDX have in
// common.
#ifndef CASSLE_DATA_SOURCES_BINARY_SOURCE_H_
#define CASSLE_DATA_SOURCES_BINARY_SOURCE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// The content of a file, mapped if it is plain, in memory if it was compressed.
struct FileBytes {
  std::shared_ptr<MappedFile> mapped;
  std::string unpacked;
  absl::string_view view() const {
    return mapped != nullptr ? mapped->bytes() : absl::string_view(unpacked);
  }
};

// \error kNotFound; kDataLoss for damaged compressed data.
absl::StatusOr<std::shared_ptr<const FileBytes>> ReadFileBytes(const std::string& path,
                                                               Tally* tally);

// One file of images.
struct BinaryPart {
  std::string split;
  std::string path;
  std::shared_ptr<const FileBytes> bytes;
  int64_t header_bytes = 0;
  // Of one image, with labels that stand before its pixels.
  int64_t record_bytes = 0;
  // Labels from a file of their own, one per image; empty: there are none.
  std::vector<int64_t> labels;
};

// What differs between the layouts.
struct BinaryLayout {
  // The pixels of a record; runs on any thread.
  std::function<void(absl::string_view record, RgbImage* image)> decode;
  // Labels and targets inside a record; may be null.
  std::function<void(absl::string_view record, SourceItem* item)> read_labels;
  // How many classes and classes of targets the layout knows; 0: whatever number the labels have.
  int64_t classes = 0;
  int64_t target_classes = 0;
  // Sets classes and targets.
  std::function<void(v1::DatasetInfo* info)> describe;
};

// The images of `parts`, which are sorted by split (parts of a split keep their order).
// \error kDataLoss naming the file if it is no whole number of records or its labels are not as
// many; kFailedPrecondition if a split's file has no part. Next: kDataLoss naming the first image
// whose label is none of the layout's classes.
absl::StatusOr<std::unique_ptr<ImageSource>> OpenBinarySource(std::vector<BinaryPart> parts,
                                                              BinaryLayout layout);

// Planes of red, green and blue to interleaved pixels. Planes are stored row by row, or column by
// column if `by_column`.
void PlanarToRgb(absl::string_view planes, int height, int width, bool by_column, RgbImage* image);

// `given` if that is not empty; else what the first of `files` that is in `folder` names
// (ReadClassNames); none if there is no such file.
absl::StatusOr<std::vector<std::string>> ClassNames(const std::vector<std::string>& given,
                                                    const std::string& folder,
                                                    const std::vector<std::string>& files);

// Counts what lies in `folder` beside the files and folders that the layout reads there, `read`.
absl::Status CountBeside(const std::string& folder, const std::vector<std::string>& read,
                         const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_BINARY_SOURCE_H_
