#include "cassle/data/sources/archives/archive_keys.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"

namespace cassle {
namespace {

// A key that two images have; empty if there is none.
std::string SharedKey(const std::vector<Archive>& archives) {
  std::vector<absl::string_view> keys;
  for (const Archive& archive : archives) {
    for (const PlannedImage& image : archive.images) keys.push_back(image.key);
  }
  std::sort(keys.begin(), keys.end());
  const auto shared = std::adjacent_find(keys.begin(), keys.end());
  return shared == keys.end() ? std::string() : std::string(*shared);
}

// "train-000.tar and train-001.tar": the first two that have the key.
std::string Holders(const std::vector<Archive>& archives, const std::string& key,
                    std::string (*name_of)(const Archive&)) {
  std::string holders;
  for (const Archive& archive : archives) {
    const bool has = std::any_of(archive.images.begin(), archive.images.end(),
                                 [&](const PlannedImage& image) { return image.key == key; });
    if (!has) continue;
    if (!holders.empty()) return absl::StrCat(holders, " and ", name_of(archive));
    holders = name_of(archive);
  }
  return holders;
}

std::string FileName(const Archive& archive) { return EscapedName(BaseName(archive.path)); }

}  // namespace

absl::Status MakeKeysUnique(std::vector<Archive>* archives, Tally* tally) {
  if (archives->size() < 2) return absl::OkStatus();
  const std::string shared = SharedKey(*archives);
  if (shared.empty()) return absl::OkStatus();
  tally->Decide(
      absl::StrCat("keys have the name of their archive, as several have images of one name (",
                   shared, " in ", Holders(*archives, shared, FileName), ")"));
  for (Archive& archive : *archives) {
    const std::string name = FileName(archive);
    for (PlannedImage& image : archive.images) {
      image.key.insert(image.key.find('/') + 1, absl::StrCat(name, "/"));
    }
  }
  const std::string still = SharedKey(*archives);
  if (still.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(Holders(*archives, still, [](const Archive& archive) { return archive.path; }),
                   " have one name and both an image for the key ", still, ": rename one of them"));
}

}  // namespace cassle
