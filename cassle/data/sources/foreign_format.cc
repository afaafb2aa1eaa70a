#include "cassle/data/sources/foreign_format.h"

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"

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
    {"\x89HDF", "is HDF5, which is not read: write its images as files or WebDataset"},
    {"\x93NUMPY", "is a NumPy array, which is not read: write its images as files or WebDataset"},
    {"7z\xbc\xaf", "is a 7z archive, which is not read: unpack it, or pack it again as tar"},
    {"Rar!", "is a rar archive, which is not read: unpack it, or pack it again as tar"},
    {"<!DOCTYPE html", "is a web page: the download went wrong"},
    {"<html", "is a web page: the download went wrong"},
    {"version https://git-lfs", "is a pointer of Git LFS: fetch the file with git lfs pull"},
};

std::string AdviceOnFile(const std::string& path) {
  std::string begin(32, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(&begin[0], static_cast<std::streamsize>(begin.size()));
  begin.resize(static_cast<size_t>(file.gcount()));
  for (const Format& format : kFormats) {
    if (absl::StartsWith(begin, format.begins_with)) return absl::StrCat(path, " ", format.advice);
  }
  return "";
}

std::string AdviceOnFolder(const std::string& folder, int depth) {
  const auto names = ListDirectory(folder);
  if (!names.ok()) return "";
  for (const std::string& name : *names) {
    const std::string path = JoinPath(folder, name);
    std::string advice;
    if (!IsDirectory(path)) {
      advice = AdviceOnFile(path);
    } else if (depth > 0) {
      advice = AdviceOnFolder(path, depth - 1);
    }
    if (!advice.empty()) return advice;
  }
  return "";
}

}  // namespace

std::string ForeignFormatAdvice(const std::string& path) {
  return IsDirectory(path) ? AdviceOnFolder(path, 1) : AdviceOnFile(path);
}

}  // namespace cassle
