#include "cassle/data/sources/sources.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/sources/archives/archive.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/layout_choice.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

using v1::DatasetLayout;

// What detection looks at: the path, and the names inside if it is a folder.
struct Found {
  std::string path;
  bool folder = false;
  std::vector<std::string> names;

  bool Has(const std::string& name) const {
    return std::find(names.begin(), names.end(), name) != names.end();
  }
  // The file's own name, or any name in the folder.
  template <class Predicate>
  bool Any(Predicate predicate) const {
    return folder ? std::any_of(names.begin(), names.end(), predicate) : predicate(BaseName(path));
  }
};

bool LooksLikeCifar10(const Found& found) {
  return found.Has("cifar-10-batches-bin") || found.Any([](const std::string& name) {
    return absl::StartsWith(name, "data_batch_") || name == "test_batch.bin";
  });
}

bool LooksLikeCifar100(const Found& found) {
  return found.Has("cifar-100-binary") || found.Has("fine_label_names.txt") ||
         (found.Has("train.bin") && found.Has("test.bin"));
}

bool LooksLikeStl10(const Found& found) {
  return found.Has("stl10_binary") ||
         found.Any([](const std::string& name) { return absl::EndsWith(name, "_X.bin"); });
}

bool LooksLikeIdx(const Found& found) {
  return found.Any([&](const std::string& name) {
    if (!absl::StrContains(name, "-images-idx3-ubyte") &&
        !absl::StrContains(name, "-images.idx3-ubyte")) {
      return false;
    }
    // Some unpack each file into a folder of its name.
    const std::string path = found.folder ? JoinPath(found.path, name) : found.path;
    return !IsDirectory(path) || !FindFile(path, {name}).empty();
  });
}

bool LooksLikeWebDataset(const Found& found) {
  return found.path == "-" || found.Any(IsArchiveName);
}

bool LooksLikeCsv(const Found& found) { return found.Any(IsTableName); }

bool Never(const Found&) { return false; }

struct Layout {
  DatasetLayout::Source source;
  const char* name;
  const char* what;
  bool (*recognises)(const Found&);
  absl::StatusOr<std::unique_ptr<ImageSource>> (*open)(const SourceArguments&);
  // Options that it takes, of those that not all layouts take.
  int takes = 0;
};

// Bits of Layout::takes.
enum Takes {
  // --classes
  kClasses = 1,
  // --class_order: class names are found and sorted.
  kClassOrder = 2,
  kLeaveOut = 4,
  kLabelFrom = 8,
  kImageFrom = 16,
  kImageRoot = 32,
  kLists = 64,
  kShapes = 128,
};

// In the order of detection; a folder is what nothing else is. Add a layout here and nowhere else
// (and to the enum).
constexpr Layout kLayouts[] = {
    {DatasetLayout::CIFAR10, "cifar10", "data_batch_*.bin and test_batch.bin", LooksLikeCifar10,
     OpenCifar10Source, kClasses},
    {DatasetLayout::CIFAR100, "cifar100", "train.bin and test.bin", LooksLikeCifar100,
     OpenCifar100Source, kClasses},
    {DatasetLayout::STL10, "stl10", "train_X.bin, test_X.bin, unlabeled_X.bin", LooksLikeStl10,
     OpenStl10Source, kClasses},
    {DatasetLayout::IDX, "idx", "train-images-idx3-ubyte[.gz] ...", LooksLikeIdx, OpenIdxSource,
     kClasses},
    {DatasetLayout::WEBDATASET, "webdataset", "train.tar, test.zip, ... or '-'",
     LooksLikeWebDataset, OpenArchiveSource,
     kClasses | kClassOrder | kLeaveOut | kLabelFrom | kImageFrom},
    {DatasetLayout::CSV, "csv", "a .csv or .tsv with a column 'path'", LooksLikeCsv, OpenCsvSource,
     kClasses | kClassOrder | kLeaveOut | kLabelFrom | kImageFrom | kImageRoot},
    {DatasetLayout::FOLDER, "folder", "a folder per class, also below train/ val/ test/", Never,
     OpenFolderSource, kClasses | kClassOrder | kLeaveOut | kLabelFrom},
    {DatasetLayout::LIST, "list", "lists of a published data set: configs/datasets", Never,
     OpenListSource, kClasses | kClassOrder | kLeaveOut | kLists},
    {DatasetLayout::SHAPES, "shapes", "nothing: the built-in generator", Never, OpenShapesSource,
     kShapes},
};

std::string LayoutList() {
  std::string text;
  for (const Layout& layout : kLayouts) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", layout.name, " (", layout.what, ")");
  }
  return text;
}

const Layout& LayoutOf(DatasetLayout::Source source) {
  return *std::find_if(std::begin(kLayouts), std::end(kLayouts),
                       [&](const Layout& layout) { return layout.source == source; });
}

absl::StatusOr<Found> Look(const std::string& path, LeaveOut* leave_out) {
  Found found;
  found.path = path;
  if (path == "-") return found;
  CASSLE_RETURN_IF_ERROR(FileSize(path).status());
  found.folder = IsDirectory(path);
  if (found.folder) {
    // Its list of damaged images would pass for a list of images.
    if (FileExists(JoinPath(path, kDatasetInfoName))) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, " is a data set of shards: name the images that it was made of"));
    }
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
    for (const std::string& name : names) {
      // Whatever a pipe is called, it tells nothing.
      if (!leave_out->Matches(name) && !IsSpecial(JoinPath(path, name)))
        found.names.push_back(name);
    }
  }
  return found;
}

// The names in the folder that speak for a layout: "a.csv, b.csv, ...".
std::string Evidence(const Layout& layout, const Found& found) {
  std::vector<std::string> names;
  for (const std::string& name : found.names) {
    if (names.size() < 3 && layout.recognises({found.path, true, {name}})) names.push_back(name);
  }
  // No name alone: several together.
  if (names.empty()) return layout.what;
  if (names.size() == 3) names[2] = "...";
  return absl::StrJoin(names, ", ");
}

// Where names speak for several layouts, or images lie beside the files that speak for one.
absl::StatusOr<const Layout*> DetectInFolder(const Found& found,
                                             std::vector<const Layout*> candidates,
                                             const SourceArguments& arguments) {
  SourceArguments one = arguments;
  one.inputs = {arguments.inputs[0]};
  CASSLE_ASSIGN_OR_RETURN(Reading folder, CountFolder(one));
  if (candidates.size() == 1 && folder.images == 0) return candidates[0];
  // A few more than would make the folder's images the strays; a tar of millions is no stray.
  constexpr int64_t kMostCounted = 1000;
  const int64_t limit =
      folder.images == 0 ? kMostCounted : std::min(kMostCounted, 2 * folder.images + 1);
  std::vector<Reading> readings;
  for (const Layout* layout : candidates) {
    CASSLE_ASSIGN_OR_RETURN(readings.emplace_back(), CountReading(layout->open, one, limit));
    readings.back().layout = layout->name;
    readings.back().evidence = Evidence(*layout, found);
    readings.back().is_list = layout->source == DatasetLayout::CSV;
    std::string& problem = readings.back().problem;
    // Beside images that have no classes of their own, a list that is not understood is an error.
    if (readings.back().is_list && !problem.empty() && folder.classes < 2) {
      const auto most =
          std::max_element(readings.begin(), readings.end(),
                           [](const Reading& a, const Reading& b) { return a.images < b.images; });
      const bool as_folder = folder.images >= most->images;
      const std::string without_list = as_folder ? "folder" : most->layout;
      return absl::FailedPreconditionError(
          std::max(folder.images, most->images) == 0
              ? problem
              : absl::StrCat(problem, "; --source=", without_list,
                             " reads the images without the list"));
    }
    // Outputs name no places.
    absl::string_view rest = problem;
    if (absl::ConsumePrefix(&rest, found.path)) {
      if (!absl::ConsumePrefix(&rest, "/")) absl::ConsumePrefix(&rest, ": ");
    }
    problem = absl::StrReplaceAll(rest, {{absl::StrCat("=", found.path, "/"), "="}});
  }
  candidates.push_back(&LayoutOf(DatasetLayout::FOLDER));
  folder.layout = candidates.back()->name;
  readings.push_back(std::move(folder));
  CASSLE_ASSIGN_OR_RETURN(const size_t best,
                          ChooseReading(found.path, readings, arguments.tally.get()));
  return candidates[best];
}

absl::StatusOr<const Layout*> Detect(const Found& found, const SourceArguments& arguments) {
  std::vector<const Layout*> candidates;
  for (const Layout& layout : kLayouts) {
    if (layout.recognises(found)) candidates.push_back(&layout);
  }
  if (found.folder) {
    if (candidates.empty()) return &LayoutOf(DatasetLayout::FOLDER);
    return DetectInFolder(found, std::move(candidates), arguments);
  }
  if (!candidates.empty()) return candidates[0];
  if (arguments.only_images && IsImageName(found.path)) return &LayoutOf(DatasetLayout::FOLDER);
  const std::string advice = ForeignFormatAdvice(found.path);
  if (!advice.empty()) return absl::FailedPreconditionError(advice);
  if (IsArchiveFile(found.path)) {
    arguments.tally->Decide(absl::StrCat(EscapedName(BaseName(found.path)),
                                         " is read as an archive: the content decides"));
    return &LayoutOf(DatasetLayout::WEBDATASET);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      found.path,
      ": the layout cannot be told from the names; give --source=. Layouts: ", LayoutList()));
}

// Are the generator's settings given? Defaults cannot be told from none.
bool HasShapes(v1::ShapesOptions shapes) {
  v1::ShapesOptions defaults;
  return ApplyDefaults(&defaults).ok() && ApplyDefaults(&shapes).ok() &&
         shapes.SerializeAsString() != defaults.SerializeAsString();
}

// \error kInvalidArgument naming an option that is given and that the layout does not take.
absl::Status CheckTaken(const Layout& layout, const SourceArguments& arguments) {
  const struct {
    bool given;
    int bit;
    const char* flag;
  } options[] = {
      {!arguments.classes.empty(), kClasses, "--classes"},
      {arguments.class_order != DatasetLayout::BYTES, kClassOrder, "--class_order"},
      {!arguments.leave_out->empty(), kLeaveOut, "--leave_out"},
      {!arguments.label_from.empty(), kLabelFrom, "--label_from"},
      {!arguments.image_from.empty(), kImageFrom, "--image_from"},
      {!arguments.image_root.empty(), kImageRoot, "--image_root"},
      {arguments.lists.ByteSizeLong() > 0, kLists, "--lists"},
      {HasShapes(arguments.shapes), kShapes, "--shapes"},
  };
  for (const auto& option : options) {
    if (!option.given || (layout.takes & option.bit) != 0) continue;
    std::string takers;
    for (const Layout& other : kLayouts) {
      if ((other.takes & option.bit) == 0) continue;
      absl::StrAppend(&takers, takers.empty() ? "" : ", ", other.name);
    }
    return absl::InvalidArgumentError(
        absl::StrCat(option.flag, " is for ", takers, "; the layout is ", layout.name));
  }
  if (arguments.class_order != DatasetLayout::BYTES && !arguments.classes.empty()) {
    return absl::InvalidArgumentError("--class_order: --classes has an order of its own");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenSource(DatasetLayout::Source source,
                                                        const SourceArguments& arguments,
                                                        std::string* layout_name) {
  if (arguments.inputs.empty() && source != DatasetLayout::SHAPES) {
    return absl::InvalidArgumentError(
        absl::StrCat("--input is missing: name a folder or file, or use --source=shapes. Layouts: ",
                     LayoutList()));
  }
  for (const SourceInput& input : arguments.inputs) {
    CASSLE_ASSIGN_OR_RETURN(const Found found, Look(input.path, arguments.leave_out.get()));
    if (source != DatasetLayout::DETECT) continue;
    CASSLE_ASSIGN_OR_RETURN(const Layout* detected, Detect(found, arguments));
    source = detected->source;
  }
  const Layout& layout = LayoutOf(source);
  *layout_name = layout.name;
  CASSLE_RETURN_IF_ERROR(CheckTaken(layout, arguments));
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<ImageSource> opened, layout.open(arguments));
  CASSLE_RETURN_IF_ERROR(arguments.leave_out->CheckUsed());
  return opened;
}

}  // namespace cassle
