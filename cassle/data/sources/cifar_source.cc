// CIFAR-10 and CIFAR-100, binary version (https://www.cs.toronto.edu/~kriz/cifar.html). A record:
//   CIFAR-10    1 byte label, then 3 planes of 32 x 32 bytes (red, green, blue), row by row
//   CIFAR-100   1 byte coarse label, 1 byte fine label, then the planes
// The fine label is the label; the coarse one is the target "coarse". The folder may also be the
// one that holds cifar-10-batches-bin/ or cifar-100-binary/; files may be gzipped.
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/binary_source.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

constexpr int kSide = 32;
constexpr int64_t kPixelBytes = 3 * kSide * kSide;

// A file of the release and the split it belongs to.
struct ReleaseFile {
  const char* name;
  const char* split;
};

constexpr ReleaseFile kCifar10[] = {{"data_batch_1.bin", "train"}, {"data_batch_2.bin", "train"},
                                    {"data_batch_3.bin", "train"}, {"data_batch_4.bin", "train"},
                                    {"data_batch_5.bin", "train"}, {"test_batch.bin", "test"}};
constexpr ReleaseFile kCifar100[] = {{"train.bin", "train"}, {"test.bin", "test"}};

constexpr char kFolder10[] = "cifar-10-batches-bin";
constexpr char kFolder100[] = "cifar-100-binary";
// Files that name classes.
constexpr char kNames10[] = "batches.meta.txt";
constexpr char kNames100[] = "fine_label_names.txt";
constexpr char kCoarseNames100[] = "coarse_label_names.txt";
constexpr char kClassesFile[] = "classes.txt";

// Where the files of the release lie in an input that is a folder.
std::string ReleaseFolder(const std::string& input, const std::string& subfolder) {
  const std::string below = JoinPath(input, subfolder);
  return IsDirectory(below) ? below : input;
}

// The parts of every input: a folder of the release, or a file with its split.
template <size_t kFiles>
absl::StatusOr<std::vector<BinaryPart>> FindParts(const SourceArguments& arguments,
                                                  const ReleaseFile (&files)[kFiles],
                                                  const std::string& subfolder, int label_bytes,
                                                  std::string* folder) {
  std::vector<BinaryPart> parts;
  const auto add = [&](const std::string& split, const std::string& path) -> absl::Status {
    BinaryPart part;
    part.split = split;
    part.path = path;
    CASSLE_ASSIGN_OR_RETURN(part.bytes, ReadFileBytes(path, arguments.tally.get()));
    part.record_bytes = label_bytes + kPixelBytes;
    parts.push_back(std::move(part));
    return absl::OkStatus();
  };
  for (const SourceInput& input : arguments.inputs) {
    if (!IsDirectory(input.path)) {
      *folder = DirName(input.path);
      std::string split = input.split;
      for (const ReleaseFile& file : files) {
        if (split.empty() && BaseName(input.path) == file.name) split = file.split;
      }
      CASSLE_RETURN_IF_ERROR(add(split.empty() ? "train" : split, input.path));
      continue;
    }
    *folder = ReleaseFolder(input.path, subfolder);
    const size_t before = parts.size();
    std::vector<std::string> missing;
    for (const ReleaseFile& file : files) {
      const std::string path = FindFile(*folder, {file.name});
      if (path.empty()) {
        missing.emplace_back(file.name);
        continue;
      }
      CASSLE_RETURN_IF_ERROR(add(input.split.empty() ? file.split : input.split, path));
    }
    if (parts.size() == before) {
      // data_batch_1 is of the pickles, whatever lies beside it.
      const bool pickles =
          std::any_of(std::begin(files), std::end(files), [&](const ReleaseFile& file) {
            const std::string name(file.name);
            return FileExists(JoinPath(*folder, name.substr(0, name.rfind('.'))));
          });
      const std::string message =
          absl::StrCat(*folder, ": none of ", files[0].name, " ... ", files[kFiles - 1].name);
      if (!pickles) return NoImagesError(message);
      return absl::FailedPreconditionError(absl::StrCat(
          message,
          "; these are pickles for Python: download the binary version (docs/datasets.md)"));
    }
    // A part of the release may be what is wanted, or what a download left.
    if (!missing.empty()) {
      arguments.tally->Decide(absl::StrCat(absl::StrJoin(missing, ", "),
                                           missing.size() == 1 ? " is" : " are",
                                           " missing: ", parts.size() - before, " of the ", kFiles,
                                           " files of the release are read"));
    }
  }
  return parts;
}

// Counts what the inputs hold and nobody reads.
//   read  what is read beside the parts
absl::Status CountUnreadFiles(const SourceArguments& arguments,
                              const std::vector<BinaryPart>& parts, const std::string& subfolder,
                              std::vector<std::string> read) {
  for (const BinaryPart& part : parts) read.push_back(BaseName(part.path));
  for (const SourceInput& input : arguments.inputs) {
    if (!IsDirectory(input.path)) continue;
    const std::string folder = ReleaseFolder(input.path, subfolder);
    if (folder != input.path) {
      CASSLE_RETURN_IF_ERROR(CountBeside(input.path, {subfolder}, arguments));
    }
    CASSLE_RETURN_IF_ERROR(CountBeside(folder, read, arguments));
  }
  return absl::OkStatus();
}

void DecodeRecord(absl::string_view record, RgbImage* image) {
  PlanarToRgb(record.substr(record.size() - kPixelBytes), kSide, kSide, /*by_column=*/false, image);
}

int64_t Byte(absl::string_view record, int index) { return static_cast<uint8_t>(record[index]); }

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenCifar10Source(const SourceArguments& arguments) {
  std::string folder;
  CASSLE_ASSIGN_OR_RETURN(std::vector<BinaryPart> parts,
                          FindParts(arguments, kCifar10, kFolder10, 1, &folder));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> classes,
                          ClassNames(arguments.classes, folder, {kNames10, kClassesFile}));
  CASSLE_RETURN_IF_ERROR(CountUnreadFiles(arguments, parts, kFolder10, {kNames10, kClassesFile}));
  BinaryLayout layout;
  layout.decode = DecodeRecord;
  layout.classes = std::max<int64_t>(10, classes.size());
  layout.read_labels = [](absl::string_view record, SourceItem* item) {
    item->label = Byte(record, 0);
  };
  layout.describe = [classes](v1::DatasetInfo* info) {
    for (const std::string& name : classes) info->add_classes(name);
  };
  return OpenBinarySource(std::move(parts), std::move(layout));
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenCifar100Source(const SourceArguments& arguments) {
  std::string folder;
  CASSLE_ASSIGN_OR_RETURN(std::vector<BinaryPart> parts,
                          FindParts(arguments, kCifar100, kFolder100, 2, &folder));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> classes,
                          ClassNames(arguments.classes, folder, {kNames100, kClassesFile}));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> coarse,
                          ClassNames({}, folder, {kCoarseNames100}));
  CASSLE_RETURN_IF_ERROR(
      CountUnreadFiles(arguments, parts, kFolder100, {kNames100, kCoarseNames100, kClassesFile}));
  BinaryLayout layout;
  layout.decode = DecodeRecord;
  layout.classes = std::max<int64_t>(100, classes.size());
  layout.target_classes = std::max<int64_t>(20, coarse.size());
  layout.read_labels = [](absl::string_view record, SourceItem* item) {
    item->targets.push_back(ClassTargetValue("coarse", Byte(record, 0)));
    item->label = Byte(record, 1);
  };
  layout.describe = [classes, coarse](v1::DatasetInfo* info) {
    for (const std::string& name : classes) info->add_classes(name);
    v1::TargetInfo* target = info->add_targets();
    target->set_name("coarse");
    for (const std::string& name : coarse) target->add_classes(name);
  };
  return OpenBinarySource(std::move(parts), std::move(layout));
}

}  // namespace cassle
