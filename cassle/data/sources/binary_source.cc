#include "cassle/data/sources/binary_source.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/archives/gzip_stream.h"
#include "cassle/data/sources/image_files.h"

namespace cassle {
namespace {

class BinarySource : public ImageSource {
 public:
  BinarySource(std::vector<std::string> splits, std::vector<BinaryPart> parts, BinaryLayout layout)
      : splits_(std::move(splits)), parts_(std::move(parts)), layout_(std::move(layout)) {}

  const std::vector<std::string>& splits() const override { return splits_; }

  int64_t size() const override {
    int64_t images = 0;
    for (const BinaryPart& part : parts_) images += Count(part);
    return images;
  }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    while (part_ < parts_.size() && index_ == Count(parts_[part_])) {
      ++part_;
      index_ = 0;
    }
    if (part_ == parts_.size()) return false;
    const BinaryPart& part = parts_[part_];
    const absl::string_view record = part.bytes->view().substr(
        part.header_bytes + index_ * part.record_bytes, part.record_bytes);
    item->split =
        static_cast<int>(std::find(splits_.begin(), splits_.end(), part.split) - splits_.begin());
    item->key = absl::StrCat(part.split, "/", BaseName(part.path), "/", index_);
    if (!part.labels.empty()) item->label = part.labels[index_];
    if (layout_.read_labels) layout_.read_labels(record, item);
    CASSLE_RETURN_IF_ERROR(CheckLabels(*item, part));
    item->load = [bytes = part.bytes, record, decode = layout_.decode](SourceItem* loaded) {
      decode(record, &loaded->pixels);
      return absl::OkStatus();
    };
    ++index_;
    return true;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    layout_.describe(info);
    return absl::OkStatus();
  }

  static int64_t Count(const BinaryPart& part) {
    return (static_cast<int64_t>(part.bytes->view().size()) - part.header_bytes) /
           part.record_bytes;
  }

 private:
  absl::Status CheckLabels(const SourceItem& item, const BinaryPart& part) const {
    const auto check = [&](absl::string_view what, int64_t value, int64_t classes) -> absl::Status {
      if (classes == 0 || value < classes) return absl::OkStatus();
      return absl::DataLossError(absl::StrCat(
          part.path, ": image ", index_, " has the ", what, " ", value, ", and there are ", classes,
          " classes: is it another layout, or damaged? A set of your own in this form gives its "
          "names with --classes=A,B,..."));
    };
    if (item.label.has_value())
      CASSLE_RETURN_IF_ERROR(check("label", *item.label, layout_.classes));
    for (const auto& target : item.targets) {
      CASSLE_RETURN_IF_ERROR(check(absl::StrCat(target.name(), " label"), target.class_index(),
                                   layout_.target_classes));
    }
    return absl::OkStatus();
  }

  const std::vector<std::string> splits_;
  const std::vector<BinaryPart> parts_;
  const BinaryLayout layout_;
  size_t part_ = 0;
  int64_t index_ = 0;
};

absl::Status CheckPart(const BinaryPart& part) {
  const int64_t size = static_cast<int64_t>(part.bytes->view().size());
  if (size == 0) {
    return absl::DataLossError(
        absl::StrCat(part.path, " is empty, 0 bytes: download or unpack it again"));
  }
  if (size < part.header_bytes || (size - part.header_bytes) % part.record_bytes != 0) {
    return absl::DataLossError(absl::StrCat(
        part.path, ": ", size, " bytes are not ",
        part.header_bytes > 0 ? absl::StrCat(part.header_bytes, " of header and ") : "",
        "a whole number of images of ", part.record_bytes,
        " bytes (truncated, or another layout)"));
  }
  const int64_t images = BinarySource::Count(part);
  if (!part.labels.empty() && static_cast<int64_t>(part.labels.size()) != images) {
    return absl::DataLossError(
        absl::StrCat(part.path, ": ", images, " images, but ", part.labels.size(), " labels"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const FileBytes>> ReadFileBytes(const std::string& path,
                                                               Tally* tally) {
  auto bytes = std::make_shared<FileBytes>();
  if (absl::EndsWith(path, ".gz")) {
    CASSLE_ASSIGN_OR_RETURN(bytes->unpacked, ReadMaybeGzipped(path, tally));
  } else {
    CASSLE_ASSIGN_OR_RETURN(bytes->mapped, MapFile(path));
  }
  return std::shared_ptr<const FileBytes>(std::move(bytes));
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenBinarySource(std::vector<BinaryPart> parts,
                                                              BinaryLayout layout) {
  std::vector<std::string> splits;
  for (const BinaryPart& part : parts) {
    CASSLE_RETURN_IF_ERROR(CheckPart(part));
    if (std::find(splits.begin(), splits.end(), part.split) == splits.end()) {
      splits.push_back(part.split);
    }
  }
  SortSplits(&splits);
  std::stable_sort(parts.begin(), parts.end(), [&](const BinaryPart& a, const BinaryPart& b) {
    return std::find(splits.begin(), splits.end(), a.split) <
           std::find(splits.begin(), splits.end(), b.split);
  });
  return std::unique_ptr<ImageSource>(
      new BinarySource(std::move(splits), std::move(parts), std::move(layout)));
}

void PlanarToRgb(absl::string_view planes, int height, int width, bool by_column, RgbImage* image) {
  image->Resize(height, width);
  const size_t plane = size_t{1} * height * width;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const size_t offset = by_column ? size_t{1} * x * height + y : size_t{1} * y * width + x;
      uint8_t* pixel = image->At(y, x);
      for (int c = 0; c < 3; ++c) pixel[c] = static_cast<uint8_t>(planes[c * plane + offset]);
    }
  }
}

absl::StatusOr<std::vector<std::string>> ClassNames(const std::vector<std::string>& given,
                                                    const std::string& folder,
                                                    const std::vector<std::string>& files) {
  if (!given.empty()) return given;
  for (const std::string& file : files) {
    const std::string path = JoinPath(folder, file);
    if (FileExists(path)) return ReadClassNames(path);
  }
  return std::vector<std::string>();
}

absl::Status CountBeside(const std::string& folder, const std::vector<std::string>& read,
                         const SourceArguments& arguments) {
  constexpr char kBeside[] = "files and folders that the layout does not read skipped";
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    if (std::find(read.begin(), read.end(), name) != read.end()) continue;
    const std::string escaped = EscapedName(name);
    if (IsLeftover(name)) {
      arguments.tally->Count(kLeftovers, escaped);
    } else if (IsDirectory(JoinPath(folder, name))) {
      arguments.tally->Count(kBeside, escaped, "folder");
    } else {
      CountUnread(kBeside, JoinPath(folder, name), escaped, arguments);
    }
  }
  return absl::OkStatus();
}

}  // namespace cassle
