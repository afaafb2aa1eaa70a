// Archives of any kind, with labels in any form: listed, placed, labelled; and read to their end.
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

void CheckArchive(const std::string& path, const std::string& label_from) {
  SourceArguments arguments;
  arguments.inputs = {{"", path}};
  arguments.label_from = label_from;
  std::string layout;
  const auto source = OpenSource(v1::DatasetLayout::WEBDATASET, arguments, &layout);
  if (!source.ok()) {
    // No images, or not what --label_from asks for.
    CASSLE_FUZZ_CHECK(absl::IsFailedPrecondition(source.status()) || BlamesInput(source.status()));
    return;
  }
  int split = 0;
  int64_t items = 0;
  for (;;) {
    SourceItem item;
    const absl::StatusOr<bool> more = (*source)->Next(&item);
    if (!more.ok()) {
      CASSLE_FUZZ_CHECK(BlamesInput(more.status()));
      return;
    }
    if (!*more) break;
    ++items;
    CASSLE_FUZZ_CHECK(item.split >= split && item.split < int((*source)->splits().size()));
    split = item.split;
    CASSLE_FUZZ_CHECK(!item.file.empty() || !item.problem.empty());
    CASSLE_FUZZ_CHECK(!item.label.has_value() || *item.label >= 0);
  }
  CASSLE_FUZZ_CHECK(items == (*source)->size());
  v1::DatasetInfo info;
  CASSLE_FUZZ_CHECK((*source)->Describe(&info).ok());
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // libarchive seeks in files; /dev/shm keeps the disk out of it.
  static const std::string path = [] {
    const char* folder = cassle::IsDirectory("/dev/shm") ? "/dev/shm" : "/tmp";
    return absl::StrCat(folder, "/cassle_archive_fuzzer.", getpid());
  }();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  for (const char* label_from : {"", "json:a.b", "folder"}) cassle::CheckArchive(path, label_from);
  return 0;
}
