#include "cassle/data/sources/archives/archive_samples.h"

#include <algorithm>
#include <map>
#include <unordered_map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/sources/image_files.h"

namespace cassle {
namespace {

// The images of an archive by what labels call them.
class Samples {
 public:
  Samples(const std::vector<ListedLabel>& labels,
          const std::function<bool(const std::string&)>& is_image,
          const std::vector<ListedImage>& images)
      : is_image_(is_image) {
    for (size_t i = 0; i < images.size(); ++i) {
      const auto [known, added] =
          samples_.emplace(images[i].name.substr(0, images[i].sample_size), i);
      if (!added) twins_.emplace(i, known->second);
    }
    // 0.jpg.cls names its image whole; there may be millions, and mostly no such label.
    const bool whole = std::any_of(labels.begin(), labels.end(), [this](const ListedLabel& label) {
      return NamesImage(label.name);
    });
    if (!whole) return;
    for (size_t i = 0; i < images.size(); ++i) wholes_.emplace(images[i].name, i);
  }

  // An image by its name without the last extension, or whole; null if there is none.
  const size_t* Find(const std::string& name) const {
    const auto sample = samples_.find(name);
    if (sample != samples_.end()) return &sample->second;
    return FindWhole(name);
  }
  const size_t* FindWhole(const std::string& name) const {
    const auto whole = wholes_.find(name);
    return whole == wholes_.end() ? nullptr : &whole->second;
  }

  // An image -> the first of the same sample.
  const std::map<size_t, size_t>& twins() const { return twins_; }

 private:
  // Is a part of the label's name that of an image, as in 0.jpg.cls?
  bool NamesImage(const std::string& label) const {
    for (size_t dot = label.rfind('.'); dot != std::string::npos && dot > 0;
         dot = label.rfind('.', dot - 1)) {
      if (is_image_(label.substr(0, dot))) return true;
    }
    return false;
  }

  const std::function<bool(const std::string&)>& is_image_;
  std::unordered_map<std::string, size_t> samples_, wholes_;
  std::map<size_t, size_t> twins_;
};

// A label of a sample without an image: a class is missed, other texts may be anything.
void AddOrphan(const ListedLabel& label, std::map<std::string, ListedImage>* orphans,
               Tally* tally) {
  const std::string extension = ExtensionOf(label.name);
  if (extension != "cls") {
    if (MayHoldLabels(label.name)) tally->MayHoldLabels(label.name);
    tally->Count(absl::StrCat("members .", extension, " beside no image not read"), label.name);
    return;
  }
  const size_t slash = label.name.rfind('/');
  const std::string sample =
      label.name.substr(0, label.name.find('.', slash == std::string::npos ? 0 : slash + 1));
  orphans->emplace(sample, ListedImage{sample, label.member, true, {}});
}

}  // namespace

absl::StatusOr<std::vector<ListedImage>> AttachLabels(
    const std::string& archive, std::vector<ListedLabel>* labels,
    const std::function<bool(const std::string&)>& is_image, std::vector<ListedImage>* images,
    Tally* tally) {
  const Samples samples(*labels, is_image, *images);
  // By sample.
  std::map<std::string, ListedImage> orphans;
  for (ListedLabel& label : *labels) {
    const size_t* image = nullptr;
    std::string extension;
    for (size_t dot = label.name.rfind('.'); dot != std::string::npos && dot > 0;
         dot = label.name.rfind('.', dot - 1)) {
      if (label.name.find('/', dot) != std::string::npos) break;
      image = samples.Find(label.name.substr(0, dot));
      if (image == nullptr) continue;
      extension = absl::AsciiStrToLower(label.name.substr(dot + 1));
      break;
    }
    if (image == nullptr) {
      AddOrphan(label, &orphans, tally);
      continue;
    }
    // 0.jpg.cls beside 0.png is no target "jpg".
    const std::string named = label.name.substr(0, label.name.size() - extension.size() - 1);
    if (samples.FindWhole(named) == nullptr &&
        IsImageExtension(extension.substr(0, extension.find('.')))) {
      tally->Count("labels of images that are not read", label.name);
      continue;
    }
    // They were read when only the last extension was known.
    const std::string more = extension.substr(0, extension.size() - label.extension.size());
    std::vector<SampleText>& texts = (*images)[*image].texts;
    for (SampleText& text : label.texts) {
      text.from.insert(0, more);
      if (std::any_of(texts.begin(), texts.end(),
                      [&](const SampleText& other) { return other.from == text.from; })) {
        return absl::FailedPreconditionError(
            absl::StrCat(archive, ": '", label.name, "' is a second .", text.from, " of '",
                         (*images)[*image].name, "': leave one out with --leave_out=", label.name));
      }
      texts.push_back(std::move(text));
    }
  }
  for (const auto& [second, first] : samples.twins()) {
    if ((*images)[first].texts.empty()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(archive, ": '", (*images)[first].name, "' and '", (*images)[second].name,
                     "' are two images of one sample: choose by the extension, --image_from=",
                     ExtensionOf((*images)[first].name)));
  }
  std::vector<ListedImage> missing;
  for (auto& [sample, orphan] : orphans) missing.push_back(std::move(orphan));
  return missing;
}

}  // namespace cassle
