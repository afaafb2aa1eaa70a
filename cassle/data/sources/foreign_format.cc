#include "cassle/data/sources/foreign_format.h"

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"
#include "cassle/data/images/image_file.h"
#include "cassle/data/sources/image_files.h"

namespace cassle {
namespace {

struct Format {
  absl::string_view begins_with;
  absl::string_view advice;
};

constexpr Format kFormats[] = {
    {"PAR1",
     "is Parquet, which is not read: python3 tools/parquet_to_webdataset.py makes a tar of it "
     "(docs/datasets.md)"},
    {"ARROW1", "is an Arrow file, which is not read: save it as Parquet or WebDataset"},
    // A dictionary, as CIFAR's are.
    {"\x80\x02}q",
     "is a pickle for Python, which is not read: of CIFAR, download the binary version "
     "(docs/datasets.md); of others, write the images as files or WebDataset"},
    {"\x89HDF", "is HDF5, which is not read: write its images as files or WebDataset"},
    {"\x93NUMPY", "is a NumPy array, which is not read: write its images as files or WebDataset"},
    {"7z\xbc\xaf", "is a 7z archive, which is not read: unpack it, or pack it again as tar"},
    {"Rar!", "is a rar archive, which is not read: unpack it, or pack it again as tar"},
    {"SQLite format 3",
     "is an SQLite data base, which is not read: write its images as files, and "
     "a CSV with the columns path,label"},
    {"version https://git-lfs", "is a pointer of Git LFS: fetch the file with git lfs pull"},
};

// Of files that begin as others do, or as anything.
struct Ending {
  absl::string_view ending;
  absl::string_view advice;
};

// What stands beside images or other files that hold them.
constexpr Ending kBesideImages[] = {
    {".jsonl", "is JSON in lines, which is not read: make a CSV of it with the columns path,label"},
    {".ndjson",
     "is JSON in lines, which is not read: make a CSV of it with the columns path,label"},
    {".json", "is JSON, which is not read: make a CSV of it with the columns path,label"},
};

constexpr Ending kEndings[] = {
    {".arrow", "is an Arrow file, which is not read: save it as Parquet or WebDataset"},
    {"batches.meta",
     "is of CIFAR-10 as pickles for Python: download the binary version (docs/datasets.md)"},
    {"idx3-ubyte", "is IDX, the format of MNIST: give the folder that it lies in as --input"},
    {"idx3-ubyte.gz", "is IDX, the format of MNIST: give the folder that it lies in as --input"},
    {".png.gz", "is a compressed image: unpack such files first (gunzip)"},
    {".jpg.gz", "is a compressed image: unpack such files first (gunzip)"},
    {".jpeg.gz", "is a compressed image: unpack such files first (gunzip)"},
    {".csv.gz", "is a compressed table: unpack it first"},
    {".tsv.gz", "is a compressed table: unpack it first"},
    {".txt", "is a text: it is read as a CSV, with a first line path,label (docs/inputs.md)"},
    {".xlsx", "is an Excel workbook, which is not read: save it as CSV"},
    {".xls", "is an Excel workbook, which is not read: save it as CSV"},
    {".ods", "is a spreadsheet, which is not read: save it as CSV"},
    {".npz", "is NumPy arrays, which are not read: write the images as files or WebDataset"},
    {".pkl", "is a pickle, which is not read: write its images as files or WebDataset"},
    {".pickle", "is a pickle, which is not read: write its images as files or WebDataset"},
    {".pt", "is a file of PyTorch, which is not read: write its images as files or WebDataset"},
    {".pth", "is a file of PyTorch, which is not read: write its images as files or WebDataset"},
    {".mdb", "is an LMDB, which is not read: write its images as files or WebDataset"},
    {".lmdb", "is an LMDB, which is not read: write its images as files or WebDataset"},
    {".tfrecord",
     "is TFRecord, of which only cassle's own is read (by the stages behind "
     "shard-encoder): write its images as files or WebDataset"},
    {".tfrecords",
     "is TFRecord, of which only cassle's own is read (by the stages behind "
     "shard-encoder): write its images as files or WebDataset"},
    {".mp4", "is a film, which is not read: write its frames as images"},
    {".avi", "is a film, which is not read: write its frames as images"},
    {".mov", "is a film, which is not read: write its frames as images"},
    {".pdf", "is a PDF, which is not read: write its pictures as images"},
};

template <size_t kCount>
std::string AdviceOnEnding(const std::string& path, const Ending (&endings)[kCount]) {
  for (const Ending& known : endings) {
    if (absl::EndsWithIgnoreCase(path, known.ending)) return absl::StrCat(path, " ", known.advice);
  }
  return "";
}

// Of a file that holds images, or may, in a format that is not read.
std::string AdviceOnFile(const std::string& path) {
  const std::string begin = ReadStart(path, kImageStartBytes);
  for (const Format& format : kFormats) {
    if (absl::StartsWith(begin, format.begins_with)) return absl::StrCat(path, " ", format.advice);
  }
  const absl::string_view text = absl::StripLeadingAsciiWhitespace(begin);
  for (const char* tag : {"<!DOCTYPE html", "<html", "<head"}) {
    if (absl::StartsWithIgnoreCase(text, tag)) {
      return absl::StrCat(path, " is a web page: the download went wrong");
    }
  }
  return AdviceOnEnding(path, kEndings);
}

// Of a file that is read as a part of its folder.
std::string AdviceOnImage(const std::string& path) {
  if (FormatOfImageStart(ReadStart(path, kImageStartBytes)).empty()) return "";
  return absl::StrCat(path, " is one image: give the folder that it lies in, or a list (CSV)");
}

// Levels of folders that are looked into.
constexpr int kDepth = 2;

std::string AdviceOnFolder(const std::string& folder, int depth,
                           std::string (*advice_on_file)(const std::string&)) {
  const auto names = ListDirectory(folder);
  if (!names.ok()) return "";
  for (const std::string& name : *names) {
    const std::string path = JoinPath(folder, name);
    std::string advice;
    if (IsSpecial(path)) continue;
    if (!IsDirectory(path)) {
      // A list of labels is one of the images that are missed; a text may be anything.
      if (absl::EndsWithIgnoreCase(name, ".txt")) continue;
      // The folder that it lies in is given.
      if (depth == kDepth && absl::StrContains(name, "idx3-ubyte")) continue;
      advice = advice_on_file(path);
    } else if (depth > 0) {
      advice = AdviceOnFolder(path, depth - 1, advice_on_file);
    }
    if (!advice.empty()) return advice;
  }
  return "";
}

}  // namespace

std::string ForeignFormatAdvice(const std::string& path) {
  const auto beside = [](const std::string& file) { return AdviceOnEnding(file, kBesideImages); };
  const bool folder = IsDirectory(path);
  const std::string advice =
      folder ? AdviceOnFolder(path, kDepth, AdviceOnFile) : AdviceOnFile(path);
  if (!advice.empty()) return advice;
  if (!folder) {
    const std::string image = AdviceOnImage(path);
    return image.empty() ? beside(path) : image;
  }
  const std::string archive = AdviceOnFolder(path, kDepth, [](const std::string& file) {
    return IsArchiveName(BaseName(file))
               ? absl::StrCat(file,
                              " is an archive in a folder of its own: give that folder, or one for "
                              "each split (--train=, --test=)")
               : "";
  });
  return archive.empty() ? AdviceOnFolder(path, kDepth, beside) : archive;
}

}  // namespace cassle
