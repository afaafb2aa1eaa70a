#include "cassle/data/records/pixel_hashes.h"

#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

void Add(int64_t first, int64_t other, EqualImages* found) {
  if (++found->count > 1) return;
  found->first = first;
  found->other = other;
}

// Two images of one hash, with different labels if there are such.
struct Labelled {
  int64_t image = -1;
  int64_t of_another_label = -1;
};

}  // namespace

std::string PixelHashFile(const std::string& split) { return absl::StrCat(split, ".pixels"); }

absl::StatusOr<std::vector<PixelHash>> ReadPixelHashes(const std::string& folder,
                                                       const v1::SplitInfo& split) {
  std::vector<PixelHash> hashes;
  const std::string path = JoinPath(folder, PixelHashFile(split.name()));
  if (!FileExists(path)) return hashes;
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  if (static_cast<int64_t>(bytes.size()) != 16 * split.num_images()) {
    return absl::DataLossError(absl::StrCat(path, " has ", bytes.size(), " bytes instead of ",
                                            16 * split.num_images(),
                                            ", 16 per image: encode the data set again"));
  }
  hashes.resize(split.num_images());
  if (!hashes.empty()) std::memcpy(hashes.data(), bytes.data(), bytes.size());
  return hashes;
}

EqualImages FindShared(absl::Span<const PixelHash> some, absl::Span<const PixelHash> others) {
  absl::flat_hash_map<PixelHash, int64_t> first_of;
  first_of.reserve(others.size());
  for (size_t i = 0; i < others.size(); ++i) first_of.try_emplace(others[i], i);
  EqualImages found;
  for (size_t i = 0; i < some.size(); ++i) {
    const auto other = first_of.find(some[i]);
    if (other != first_of.end()) Add(i, other->second, &found);
  }
  return found;
}

EqualImages FindRepeated(absl::Span<const PixelHash> images) {
  absl::flat_hash_map<PixelHash, int64_t> first_of;
  first_of.reserve(images.size());
  EqualImages found;
  for (size_t i = 0; i < images.size(); ++i) {
    const auto [earlier, fresh] = first_of.try_emplace(images[i], i);
    if (!fresh) Add(i, earlier->second, &found);
  }
  return found;
}

EqualImages FindConflicts(absl::Span<const PixelHash> some, absl::Span<const int> some_labels,
                          absl::Span<const PixelHash> others, absl::Span<const int> other_labels) {
  absl::flat_hash_map<PixelHash, Labelled> images_of;
  images_of.reserve(others.size());
  for (size_t i = 0; i < others.size(); ++i) {
    if (other_labels[i] < 0) continue;
    Labelled& images = images_of[others[i]];
    if (images.image < 0) {
      images.image = i;
    } else if (images.of_another_label < 0 && other_labels[i] != other_labels[images.image]) {
      images.of_another_label = i;
    }
  }
  EqualImages found;
  for (size_t i = 0; i < some.size(); ++i) {
    if (some_labels[i] < 0) continue;
    const auto equal = images_of.find(some[i]);
    if (equal == images_of.end()) continue;
    const auto& [image, of_another_label] = equal->second;
    const int64_t other = other_labels[image] != some_labels[i] ? image : of_another_label;
    if (other >= 0) Add(i, other, &found);
  }
  return found;
}

}  // namespace cassle
