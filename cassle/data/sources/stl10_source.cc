// STL-10, binary version (https://cs.stanford.edu/~acoates/stl10/): train_X.bin, test_X.bin and
// unlabeled_X.bin hold 96 x 96 images as planes of red, green and blue, each column by column;
// train_y.bin and test_y.bin hold the labels, one byte each, counted from 1; class_names.txt.
// The folder may also be the one that holds stl10_binary/. The fold indices are not read.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/binary_source.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

constexpr int kSide = 96;
constexpr char kFolder[] = "stl10_binary";
// Files that name classes.
constexpr char kNames[] = "class_names.txt";
constexpr char kClassesFile[] = "classes.txt";

// "train_y.bin" for "train_X.bin"; empty if there is none.
std::string LabelPath(const std::string& images) {
  std::string path = images;
  const size_t mark = path.rfind("_X.bin");
  if (mark == std::string::npos) return "";
  path[mark + 1] = 'y';
  return FileExists(path) ? path : "";
}

absl::StatusOr<BinaryPart> MakePart(const std::string& split, const std::string& path,
                                    Tally* tally) {
  BinaryPart part;
  part.split = split;
  part.path = path;
  CASSLE_ASSIGN_OR_RETURN(part.bytes, ReadFileBytes(path, tally));
  part.record_bytes = 3 * kSide * kSide;
  const std::string labels = LabelPath(path);
  if (labels.empty() && split != "unlabeled") {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the labels (..._y.bin) are not beside it"));
  }
  if (labels.empty()) return part;
  CASSLE_ASSIGN_OR_RETURN(const auto bytes, ReadFileBytes(labels, tally));
  for (char label : bytes->view()) {
    const int64_t from_one = static_cast<uint8_t>(label);
    if (from_one == 0) {
      return absl::DataLossError(
          absl::StrCat(labels, ": label ", part.labels.size(), " is 0; STL-10 counts from 1"));
    }
    part.labels.push_back(from_one - 1);
  }
  return part;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenStl10Source(const SourceArguments& arguments) {
  std::vector<BinaryPart> parts;
  std::string folder;
  for (const SourceInput& input : arguments.inputs) {
    if (!IsDirectory(input.path)) {
      folder = DirName(input.path);
      const std::string name = BaseName(input.path);
      std::string split = CanonicalSplit(name.substr(0, name.find('_')));
      if (!input.split.empty()) split = input.split;
      CASSLE_ASSIGN_OR_RETURN(BinaryPart part, MakePart(split.empty() ? "train" : split, input.path,
                                                        arguments.tally.get()));
      parts.push_back(std::move(part));
      continue;
    }
    const std::string below = JoinPath(input.path, kFolder);
    folder = IsDirectory(below) ? below : input.path;
    const size_t before = parts.size();
    std::vector<std::string> read = {kNames, kClassesFile};
    for (const char* split : {"train", "test", "unlabeled"}) {
      const std::string path = JoinPath(folder, absl::StrCat(split, "_X.bin"));
      if (!FileExists(path)) continue;
      CASSLE_ASSIGN_OR_RETURN(BinaryPart part, MakePart(input.split.empty() ? split : input.split,
                                                        path, arguments.tally.get()));
      parts.push_back(std::move(part));
      read.push_back(BaseName(path));
      read.push_back(BaseName(LabelPath(path)));
    }
    if (parts.size() == before) {
      return NoImagesError(
          absl::StrCat(folder, ": none of train_X.bin, test_X.bin, unlabeled_X.bin"));
    }
    if (folder != input.path) {
      CASSLE_RETURN_IF_ERROR(CountBeside(input.path, {kFolder}, arguments));
    }
    CASSLE_RETURN_IF_ERROR(CountBeside(folder, read, arguments));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> classes,
                          ClassNames(arguments.classes, folder, {kNames, kClassesFile}));
  BinaryLayout layout;
  layout.classes = std::max<int64_t>(10, classes.size());
  layout.decode = [](absl::string_view record, RgbImage* image) {
    PlanarToRgb(record, kSide, kSide, /*by_column=*/true, image);
  };
  layout.describe = [classes](v1::DatasetInfo* info) {
    for (const std::string& name : classes) info->add_classes(name);
  };
  return OpenBinarySource(std::move(parts), std::move(layout));
}

}  // namespace cassle
