#include "cassle/eval/embeddings/equal_images.h"

#include <algorithm>
#include <optional>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/pixel_hashes.h"
#include "cassle/eval/embeddings/pictures.h"

namespace cassle {
namespace {

std::string SharedIdsWarning(const char* role, const Embeddings& set, const char* other_role,
                             const Embeddings& other) {
  if (other.Metadata("dataset_fingerprint") != set.Metadata("dataset_fingerprint")) return "";
  const absl::flat_hash_set<int64_t> ids(other.ids().begin(), other.ids().end());
  const int64_t shared = std::count_if(set.ids().begin(), set.ids().end(),
                                       [&](int64_t id) { return ids.contains(id); });
  if (shared == 0) return "";
  return absl::StrCat("images of the ", role, " set that are also in the ", other_role,
                      " embeddings: ", shared);
}

std::string SharedPixelsWarning(const char* role, const Pictures& set, const char* other_role,
                                const Pictures& other) {
  const EqualImages shared = FindShared(set.hashes(), other.hashes());
  if (shared.count == 0) return "";
  return absl::StrCat(shared.count, " of ", set.hashes().size(), " ", role, " images are in ",
                      other_role, ", pixel for pixel (first: ", set.Key(shared.first), " = ",
                      other.Key(shared.other), ")");
}

std::string RepeatedPixelsWarning(const Pictures& train) {
  const EqualImages repeated = FindRepeated(train.hashes());
  if (repeated.count == 0) return "";
  return absl::StrCat(repeated.count, " of ", train.hashes().size(),
                      " images repeat another one of --train, pixel for pixel (first: ",
                      train.Key(repeated.first), " = ", train.Key(repeated.other), ")");
}

std::string ClassName(const ClassTarget& target, int value) {
  return target.class_names.empty() ? absl::StrCat(value) : target.class_names[value];
}

// Images and their classes of one target.
struct Classified {
  const char* role;
  const Pictures& pictures;
  ClassTarget target;
  std::vector<int> classes;
};

std::string ConflictWarning(const std::string& target, const Classified& some,
                            const Classified& others) {
  const EqualImages found =
      FindConflicts(some.pictures.hashes(), some.classes, others.pictures.hashes(), others.classes);
  if (found.count == 0) return "";
  return absl::StrCat(
      target, ": ", found.count, " ", some.role, " images are pixel for pixel one of ", others.role,
      " that has another class (first: ", some.pictures.Key(found.first), " is ",
      ClassName(some.target, some.classes[found.first]), ", ", others.pictures.Key(found.other),
      " is ", ClassName(others.target, others.classes[found.other]), ")");
}

absl::StatusOr<Classified> Classify(const char* role, const Embeddings& embeddings,
                                    const Pictures& pictures, const std::string& target) {
  Classified classified{role, pictures, {}, {}};
  CASSLE_ASSIGN_OR_RETURN(classified.target, embeddings.Target(target));
  classified.classes = pictures.OfImages(classified.target.values);
  return classified;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> EqualImageWarnings(
    const Embeddings& train, const Embeddings* test, const std::vector<std::string>& targets) {
  std::vector<std::string> warnings;
  const auto add = [&](std::string warning) {
    if (!warning.empty()) warnings.push_back(std::move(warning));
  };
  CASSLE_ASSIGN_OR_RETURN(const std::optional<Pictures> of_train, Pictures::Open(train));
  std::optional<Pictures> of_test;
  if (test != nullptr) {
    CASSLE_ASSIGN_OR_RETURN(of_test, Pictures::Open(*test));
  }
  if (test != nullptr && !(of_train.has_value() && of_test.has_value())) {
    add(SharedIdsWarning("test", *test, "train", train));
  }
  if (!of_train.has_value()) return warnings;
  if (test == nullptr) add(RepeatedPixelsWarning(*of_train));
  if (of_test.has_value()) add(SharedPixelsWarning("test", *of_test, "train", *of_train));
  for (const std::string& name : targets) {
    CASSLE_ASSIGN_OR_RETURN(const Classified learnt, Classify("train", train, *of_train, name));
    add(ConflictWarning(name, learnt, learnt));
    if (!of_test.has_value()) continue;
    CASSLE_ASSIGN_OR_RETURN(const Classified tested, Classify("test", *test, *of_test, name));
    add(ConflictWarning(name, tested, learnt));
  }
  return warnings;
}

absl::StatusOr<std::string> SharedImagesWarning(const char* role, const Embeddings& set,
                                                const char* other_role, const Embeddings& other) {
  CASSLE_ASSIGN_OR_RETURN(const std::optional<Pictures> of_set, Pictures::Open(set));
  CASSLE_ASSIGN_OR_RETURN(const std::optional<Pictures> of_other, Pictures::Open(other));
  return of_set.has_value() && of_other.has_value()
             ? SharedPixelsWarning(role, *of_set, other_role, *of_other)
             : SharedIdsWarning(role, set, other_role, other);
}

absl::StatusOr<std::string> HeldOutCopiesWarning(const Embeddings& train,
                                                 const std::vector<int64_t>& learnt,
                                                 const std::vector<int64_t>& held_out) {
  CASSLE_ASSIGN_OR_RETURN(const std::optional<Pictures> pictures, Pictures::Open(train));
  if (!pictures.has_value()) return "";
  // Of each row, then of each image: which of the parts it is in; -1: none.
  std::vector<int> part_of(train.rows(), -1);
  for (const int64_t row : learnt) part_of[row] = 0;
  for (const int64_t row : held_out) part_of[row] = 1;
  part_of = pictures->OfImages(part_of);
  std::vector<PixelHash> hashes[2];
  std::vector<int64_t> images[2];
  for (size_t image = 0; image < part_of.size(); ++image) {
    if (part_of[image] < 0) continue;
    hashes[part_of[image]].push_back(pictures->hashes()[image]);
    images[part_of[image]].push_back(static_cast<int64_t>(image));
  }
  const EqualImages copies = FindShared(hashes[1], hashes[0]);
  if (copies.count == 0) return "";
  return absl::StrCat(copies.count, " of ", hashes[1].size(),
                      " validation images are learnt from as well, pixel for pixel (first: ",
                      pictures->Key(images[1][copies.first]), " = ",
                      pictures->Key(images[0][copies.other]), ")");
}

}  // namespace cassle
