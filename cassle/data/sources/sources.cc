#include "cassle/data/sources/sources.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/foreign_format.h"

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
  return found.Any([](const std::string& name) {
    return absl::StrContains(name, "-images-idx3-ubyte") ||
           absl::StrContains(name, "-images.idx3-ubyte");
  });
}

bool LooksLikeWebDataset(const Found& found) {
  return found.path == "-" || found.Any(IsArchiveName);
}

bool LooksLikeCsv(const Found& found) { return found.Any(IsTableName); }

bool LooksLikeFolder(const Found& found) { return found.folder; }

bool Never(const Found&) { return false; }

struct Layout {
  DatasetLayout::Source source;
  const char* name;
  const char* what;
  bool (*recognises)(const Found&);
  absl::StatusOr<std::unique_ptr<ImageSource>> (*open)(const SourceArguments&);
};

// In the order of detection. Add a layout here and nowhere else (and to the enum).
constexpr Layout kLayouts[] = {
    {DatasetLayout::CIFAR10, "cifar10", "data_batch_*.bin and test_batch.bin", LooksLikeCifar10,
     OpenCifar10Source},
    {DatasetLayout::CIFAR100, "cifar100", "train.bin and test.bin", LooksLikeCifar100,
     OpenCifar100Source},
    {DatasetLayout::STL10, "stl10", "train_X.bin, test_X.bin, unlabeled_X.bin", LooksLikeStl10,
     OpenStl10Source},
    {DatasetLayout::IDX, "idx", "train-images-idx3-ubyte[.gz] ...", LooksLikeIdx, OpenIdxSource},
    {DatasetLayout::WEBDATASET, "webdataset", "train.tar, test.zip, ... or '-'",
     LooksLikeWebDataset, OpenArchiveSource},
    {DatasetLayout::CSV, "csv", "a .csv or .tsv with a column 'path'", LooksLikeCsv, OpenCsvSource},
    {DatasetLayout::FOLDER, "folder", "a folder per class, also below train/ val/ test/",
     LooksLikeFolder, OpenFolderSource},
    {DatasetLayout::LIST, "list", "lists of a published data set: configs/datasets", Never,
     OpenListSource},
    {DatasetLayout::SHAPES, "shapes", "nothing: the built-in generator", Never, OpenShapesSource},
};

std::string LayoutList() {
  std::string text;
  for (const Layout& layout : kLayouts) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", layout.name, " (", layout.what, ")");
  }
  return text;
}

absl::StatusOr<Found> Look(const std::string& path) {
  Found found;
  found.path = path;
  if (path == "-") return found;
  CASSLE_RETURN_IF_ERROR(FileSize(path).status());
  found.folder = IsDirectory(path);
  if (found.folder) {
    CASSLE_ASSIGN_OR_RETURN(found.names, ListDirectory(path));
  }
  return found;
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
    CASSLE_ASSIGN_OR_RETURN(const Found found, Look(input.path));
    if (source != DatasetLayout::DETECT) continue;
    for (const Layout& layout : kLayouts) {
      if (!layout.recognises(found)) continue;
      source = layout.source;
      break;
    }
    if (source == DatasetLayout::DETECT) {
      const std::string advice = ForeignFormatAdvice(input.path);
      if (!advice.empty()) return absl::FailedPreconditionError(advice);
      return absl::InvalidArgumentError(
          absl::StrCat(input.path,
                       ": the layout cannot be told from the names; give --source=. "
                       "Layouts: ",
                       LayoutList()));
    }
  }
  const bool told = !arguments.label_from.empty() || !arguments.image_from.empty();
  for (const Layout& layout : kLayouts) {
    if (layout.source != source) continue;
    if (told && source != DatasetLayout::CSV && source != DatasetLayout::WEBDATASET) {
      return absl::InvalidArgumentError(
          absl::StrCat("--label_from and --image_from are for tables and archives; the layout is ",
                       layout.name));
    }
    *layout_name = layout.name;
    return layout.open(arguments);
  }
  return absl::InternalError("a source without a line in the table of layouts");
}

}  // namespace cassle
