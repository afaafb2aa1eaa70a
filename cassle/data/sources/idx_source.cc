// IDX, the files of MNIST and Fashion-MNIST (http://yann.lecun.com/exdb/mnist/), plain or gzipped:
//   NAME-images-idx3-ubyte   magic 2051, images, rows, columns (uint32 big-endian), then gray bytes
//   NAME-labels-idx1-ubyte   magic 2049, labels, then one byte each
// NAME is train or t10k (the test split), or has the word in it (emnist-letters-test; SplitInName).
// Kaggle's archive of MNIST unpacks NAME-images.idx3-ubyte beside a folder for each file, which is
// called as the file inside it; such a folder is looked into where no file has its name.
// Gray becomes RGB with three equal channels.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/binary_source.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

constexpr uint32_t kImageMagic = 2051;
constexpr uint32_t kLabelMagic = 2049;
constexpr int64_t kMaxSide = 65535;
constexpr char kClassesFile[] = "classes.txt";

uint32_t BigEndian(absl::string_view bytes, int word) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(bytes[4 * word + i]);
  return value;
}

absl::Status CheckMagic(const std::string& path, absl::string_view bytes, uint32_t magic,
                        size_t header_bytes) {
  if (bytes.size() < header_bytes) {
    return absl::DataLossError(absl::StrCat(path, ": ", bytes.size(), " bytes are too few for the ",
                                            header_bytes, " of an IDX header (truncated)"));
  }
  if (BigEndian(bytes, 0) != magic) {
    return absl::DataLossError(absl::StrCat(path, ": the magic number is ", BigEndian(bytes, 0),
                                            ", not ", magic, ": no such IDX file"));
  }
  return absl::OkStatus();
}

struct IdxPart {
  BinaryPart part;
  int64_t height = 0, width = 0;
};

// What a file with the labels of those images is called.
std::string LabelName(const std::string& images) {
  return absl::StrReplaceAll(images, {{"images", "labels"}, {"idx3", "idx1"}});
}

// The labels of a file of images; empty if they are not beside it. One of the two may be unpacked,
// and each may lie in a folder of its name.
std::string LabelPath(const std::string& images) {
  const std::string name = LabelName(BaseName(images));
  if (name == BaseName(images)) return "";
  const std::string plain(absl::StripSuffix(name, ".gz"));
  std::string folder = DirName(images);
  const std::string beside = FindFile(folder, {name, plain});
  if (!beside.empty()) return beside;
  if (BaseName(folder) == absl::StripSuffix(BaseName(images), ".gz")) folder = DirName(folder);
  return FindFile(JoinPath(folder, plain), {plain});
}

absl::StatusOr<IdxPart> ReadPart(const std::string& split, const std::string& path, Tally* tally) {
  IdxPart idx;
  idx.part.split = split;
  idx.part.path = path;
  CASSLE_ASSIGN_OR_RETURN(idx.part.bytes, ReadFileBytes(path, tally));
  const absl::string_view bytes = idx.part.bytes->view();
  idx.part.header_bytes = 16;
  CASSLE_RETURN_IF_ERROR(CheckMagic(path, bytes, kImageMagic, 16));
  const int64_t count = BigEndian(bytes, 1);
  idx.height = BigEndian(bytes, 2);
  idx.width = BigEndian(bytes, 3);
  idx.part.record_bytes = idx.height * idx.width;
  if (idx.height < 1 || idx.width < 1 || idx.height > kMaxSide || idx.width > kMaxSide ||
      static_cast<int64_t>(bytes.size()) - 16 != count * idx.part.record_bytes) {
    return absl::DataLossError(absl::StrCat(path, ": the header says ", count, " images of ",
                                            idx.height, "x", idx.width, ", but there are ",
                                            bytes.size() - 16, " bytes (truncated?)"));
  }
  const std::string labels = LabelPath(path);
  if (labels.empty()) {
    if (split == "unlabeled") return idx;
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": the labels (", LabelName(BaseName(path)), ") are not beside it"));
  }
  CASSLE_ASSIGN_OR_RETURN(const auto label_bytes, ReadFileBytes(labels, tally));
  CASSLE_RETURN_IF_ERROR(CheckMagic(labels, label_bytes->view(), kLabelMagic, 8));
  for (char label : label_bytes->view().substr(8)) {
    idx.part.labels.push_back(static_cast<uint8_t>(label));
  }
  if (static_cast<int64_t>(idx.part.labels.size()) != BigEndian(label_bytes->view(), 1)) {
    return absl::DataLossError(
        absl::StrCat(labels, ": the header says ", BigEndian(label_bytes->view(), 1),
                     " labels, but there are ", idx.part.labels.size(), " (truncated?)"));
  }
  return idx;
}

bool IsImageFile(const std::string& name) {
  return absl::StrContains(name, "images-idx3") || absl::StrContains(name, "images.idx3");
}

// The same for all ways to write one file's name.
std::string PlainName(const std::string& name) {
  return absl::StrReplaceAll(absl::StripSuffix(name, ".gz"), {{".idx3", "-idx3"}});
}

// The files of images in a folder, in the order of their names, then those in folders of their own.
absl::StatusOr<std::vector<std::string>> FilesOfImages(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  std::vector<std::string> paths, folders;
  std::set<std::string> plain;
  for (const std::string& name : names) {
    if (!IsImageFile(name)) continue;
    const std::string path = JoinPath(folder, name);
    (IsDirectory(path) ? folders : paths).push_back(path);
    if (!IsDirectory(path)) plain.insert(PlainName(name));
  }
  for (const std::string& path : folders) {
    const std::string inside = FindFile(path, {BaseName(path)});
    if (!inside.empty() && plain.insert(PlainName(BaseName(path))).second) paths.push_back(inside);
  }
  return paths;
}

// Counts what lies in a folder beside those files of images and their labels.
absl::Status CountUnreadFiles(const std::string& folder, const std::vector<std::string>& images,
                              const SourceArguments& arguments) {
  std::vector<std::string> read = {kClassesFile};
  for (const std::string& path : images) {
    for (const std::string& file : {path, LabelPath(path)}) {
      if (file.empty()) continue;
      // A folder of its own, or the file.
      read.push_back(std::filesystem::path(file).lexically_relative(folder).begin()->string());
    }
  }
  return CountBeside(folder, read, arguments);
}

// \error kFailedPrecondition naming a file beside others whose name says no split, or that of
// another.
absl::StatusOr<std::string> SplitOf(const std::string& path, const std::string& asked, bool alone,
                                    const std::vector<BinaryPart>& before) {
  std::string split = asked.empty() ? SplitInName(BaseName(path)) : asked;
  if (split.empty() && alone) return std::string("train");
  const auto other = std::find_if(before.begin(), before.end(),
                                  [&](const BinaryPart& part) { return part.split == split; });
  if (!split.empty() && other == before.end()) return split;
  return absl::FailedPreconditionError(absl::StrCat(
      path,
      split.empty() ? " lies beside other files of images and its name says no split, or several"
                    : absl::StrCat(" and ", other->path, " are both the split '", split, "'"),
      ": name the files that are wanted with --train= and --test="));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenIdxSource(const SourceArguments& arguments) {
  std::vector<BinaryPart> parts;
  std::string folder;
  int64_t height = 0, width = 0;
  for (const SourceInput& input : arguments.inputs) {
    std::vector<std::string> paths = {input.path};
    folder = DirName(input.path);
    if (IsDirectory(input.path)) {
      folder = input.path;
      CASSLE_ASSIGN_OR_RETURN(paths, FilesOfImages(folder));
      if (paths.empty()) {
        return absl::FailedPreconditionError(
            absl::StrCat(folder, ": no file of images (...-images-idx3-ubyte[.gz])"));
      }
      CASSLE_RETURN_IF_ERROR(CountUnreadFiles(folder, paths, arguments));
    }
    for (const std::string& path : paths) {
      const bool alone = paths.size() == 1 && arguments.inputs.size() == 1;
      CASSLE_ASSIGN_OR_RETURN(const std::string split, SplitOf(path, input.split, alone, parts));
      CASSLE_ASSIGN_OR_RETURN(IdxPart idx, ReadPart(split, path, arguments.tally.get()));
      if (!parts.empty() && (idx.height != height || idx.width != width)) {
        return absl::FailedPreconditionError(absl::StrCat(path, ": images of ", idx.height, "x",
                                                          idx.width, " beside images of ", height,
                                                          "x", width));
      }
      height = idx.height;
      width = idx.width;
      parts.push_back(std::move(idx.part));
    }
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> classes,
                          ClassNames(arguments.classes, folder, {kClassesFile}));
  BinaryLayout layout;
  layout.decode = [height, width](absl::string_view record, RgbImage* image) {
    image->Resize(static_cast<int>(height), static_cast<int>(width));
    for (size_t i = 0; i < record.size(); ++i) {
      for (int c = 0; c < 3; ++c) image->pixels[3 * i + c] = static_cast<uint8_t>(record[i]);
    }
  };
  layout.describe = [classes](v1::DatasetInfo* info) {
    for (const std::string& name : classes) info->add_classes(name);
  };
  return OpenBinarySource(std::move(parts), std::move(layout));
}

}  // namespace cassle
