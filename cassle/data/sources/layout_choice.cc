#include "cassle/data/sources/layout_choice.h"

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/part_folders.h"

namespace cassle {
namespace {

// "more than 17".
std::string Count(const Reading& reading) {
  return absl::StrCat(reading.more ? "more than " : "", reading.images);
}

// "webdataset (more than 17 images in train.tar)".
std::string InWords(const Reading& reading) {
  return absl::StrCat(reading.layout, " (",
                      reading.images == 0 ? "none" : absl::StrCat(Count(reading), " images"),
                      " in ", reading.evidence,
                      reading.problem.empty() ? "" : absl::StrCat(": ", reading.problem), ")");
}

// A list wins over the folder if it names at least half of the images there.
bool ListDecides(const Reading& list, const Reading& folder) {
  return list.images > 0 && 2 * list.images >= folder.images;
}

// Whether `a` has so many more images that the other is a stray file.
bool Outnumbers(const Reading& a, const Reading& b) {
  return !b.more && a.images > 0 && 2 * a.images >= 3 * b.images;
}

// What cannot be read cannot be counted either: a cut archive beside one picture is not the stray.
// \error the failure, with the flag that reads `chosen` all the same.
absl::Status CheckNoneFailed(const std::vector<Reading>& readings, const Reading& chosen) {
  // Folders that are classes are what was meant, whatever the file beside them is.
  const bool has_classes = std::any_of(
      readings.begin(), readings.end(),
      [](const Reading& reading) { return reading.layout == "folder" && reading.classes >= 2; });
  if (has_classes && (chosen.layout == "folder" || chosen.is_list)) return absl::OkStatus();
  // Opening what was chosen says the same.
  if (!chosen.failure.ok()) return absl::OkStatus();
  for (const Reading& reading : readings) {
    if (reading.failure.ok()) continue;
    return absl::Status(
        reading.failure.code(),
        absl::StrCat(reading.failure.message(),
                     chosen.images == 0 ? ""
                                        : absl::StrCat("; --source=", chosen.layout, " reads ",
                                                       chosen.more ? "" : "only ", Count(chosen),
                                                       " images in ", chosen.evidence)));
  }
  return absl::OkStatus();
}

bool Beats(const Reading& a, const Reading& b) {
  if (a.is_list && !b.is_list && b.layout == "folder") return ListDecides(a, b);
  if (b.is_list && !a.is_list && a.layout == "folder") return !ListDecides(b, a);
  return Outnumbers(a, b);
}

}  // namespace

absl::StatusOr<Reading> CountReading(
    absl::StatusOr<std::unique_ptr<ImageSource>> (*open)(const SourceArguments&),
    const SourceArguments& arguments, int64_t limit) {
  // What is found while counting is not yet what the stage has to say.
  SourceArguments silent = arguments;
  silent.tally = std::make_shared<Tally>();
  Reading reading;
  const absl::StatusOr<std::unique_ptr<ImageSource>> source = open(silent);
  CASSLE_RETURN_IF_ERROR(CheckInterrupted(arguments, arguments.inputs[0].path));
  if (!source.ok()) {
    reading.problem = std::string(source.status().message());
    if (!IsNoImagesError(source.status())) reading.failure = source.status();
    return reading;
  }
  reading.images = (*source)->size();
  if (reading.images > 0) return reading;
  while (true) {
    SourceItem item;
    const absl::StatusOr<bool> more = (*source)->Next(&item);
    CASSLE_RETURN_IF_ERROR(CheckInterrupted(arguments, arguments.inputs[0].path));
    if (!more.ok()) {
      reading.problem = std::string(more.status().message());
      reading.failure = more.status();
    }
    if (!more.ok() || !*more) return reading;
    if (reading.images == limit) {
      reading.more = true;
      return reading;
    }
    if (item.problem.empty()) ++reading.images;
  }
}

absl::StatusOr<Reading> CountFolder(const SourceArguments& arguments) {
  SourceArguments silent = arguments;
  silent.tally = std::make_shared<Tally>();
  CASSLE_ASSIGN_OR_RETURN(const ImageFiles files, ListImageFiles(arguments.inputs[0].path, "",
                                                                 silent, OtherFiles::kIgnore));
  Reading reading;
  reading.evidence = "folders";
  reading.images = static_cast<int64_t>(files.images.size());
  std::set<std::string> classes;
  for (const std::string& image : files.images) {
    absl::string_view name = image;
    absl::string_view folder = name.substr(0, name.find('/'));
    if (folder.size() < name.size() && !CanonicalSplit(std::string(folder)).empty()) {
      name.remove_prefix(folder.size() + 1);
      folder = name.substr(0, name.find('/'));
    }
    if (folder.size() < name.size()) classes.emplace(folder);
  }
  const bool parts = SoundLikeParts({classes.begin(), classes.end()});
  reading.classes = parts ? 0 : static_cast<int64_t>(classes.size());
  return reading;
}

absl::StatusOr<size_t> ChooseReading(const std::string& path, const std::vector<Reading>& readings,
                                     Tally* tally) {
  size_t best = 0;
  for (size_t i = 1; i < readings.size(); ++i) {
    if (Beats(readings[i], readings[best])) best = i;
  }
  const Reading& chosen = readings[best];
  CASSLE_RETURN_IF_ERROR(CheckNoneFailed(readings, chosen));
  std::string others;
  bool named = false;
  for (size_t i = 0; i < readings.size(); ++i) {
    if (i == best) continue;
    if (readings[i].images > 0 && !Beats(chosen, readings[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": there are two readings, ", InWords(chosen), " and ", InWords(readings[i]),
          ": decide with --source=", chosen.layout, " or --source=", readings[i].layout));
    }
    absl::StrAppend(&others, others.empty() ? "" : ", ", InWords(readings[i]));
    // A list of all images of a folder that has no classes of its own is what it seems.
    const bool plain = readings[i].images == 0 && readings[i].layout == "folder";
    const bool listed = chosen.is_list && readings[i].layout == "folder" &&
                        readings[i].classes < 2 && readings[i].images <= chosen.images;
    named = named || !(plain || listed);
  }
  if (named) {
    tally->Decide(EscapedName(absl::StrCat("layout ", InWords(chosen), " rather than ", others,
                                           "; --source decides otherwise")));
  }
  return best;
}

}  // namespace cassle
