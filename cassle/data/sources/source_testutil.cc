#include "cassle/data/sources/source_testutil.h"

#include <archive.h>
#include <archive_entry.h>

#include <cstdio>
#include <cstring>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/sources/sources.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

RgbImage Flat(int height, int width, uint8_t red, uint8_t green, uint8_t blue) {
  RgbImage image;
  image.Resize(height, width);
  for (size_t i = 0; i < image.pixels.size(); i += 3) {
    image.pixels[i] = red;
    image.pixels[i + 1] = green;
    image.pixels[i + 2] = blue;
  }
  return image;
}

}  // namespace

std::string FreshFolder(const std::string& name) {
  const std::string folder = JoinPath(testing::TempDir(), name);
  EXPECT_TRUE(RemoveAll(folder).ok());
  EXPECT_TRUE(MakeDirectories(folder).ok());
  return folder;
}

void PutFile(const std::string& path, const std::string& bytes) {
  ASSERT_TRUE(MakeDirectories(DirName(path)).ok());
  // Not WriteFile, whose fsync makes many small files slow.
  std::ofstream file(path, std::ios::binary);
  ASSERT_TRUE(file.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush()) << path;
}

std::string FlatPng(int height, int width, uint8_t red, uint8_t green, uint8_t blue) {
  return EncodePng(Flat(height, width, red, green, blue)).value();
}

std::string FlatJpeg(int height, int width, uint8_t red, uint8_t green, uint8_t blue) {
  return EncodeJpeg(Flat(height, width, red, green, blue), 95).value();
}

std::string MakeTar(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string tar;
  for (const auto& [name, bytes] : members) {
    char header[512] = {};
    std::snprintf(header, 100, "%s", name.c_str());
    std::snprintf(header + 100, 8, "%07o", 0644);
    std::snprintf(header + 108, 8, "%07o", 0);
    std::snprintf(header + 116, 8, "%07o", 0);
    std::snprintf(header + 124, 12, "%011o", static_cast<unsigned>(bytes.size()));
    std::snprintf(header + 136, 12, "%011o", 0);
    std::memset(header + 148, ' ', 8);
    header[156] = '0';
    std::memcpy(header + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (char c : header) sum += static_cast<uint8_t>(c);
    std::snprintf(header + 148, 8, "%06o", sum);
    tar.append(header, sizeof(header));
    tar += bytes;
    tar.append((512 - bytes.size() % 512) % 512, '\0');
  }
  tar.append(1024, '\0');
  return tar;
}

namespace {

std::string Packed(const std::string& bytes, int (*add_filter)(struct archive*)) {
  std::string out(bytes.size() * 2 + 4096, '\0');
  size_t used = 0;
  struct archive* writer = archive_write_new();
  add_filter(writer);
  archive_write_set_format_raw(writer);
  archive_write_set_bytes_per_block(writer, 0);
  EXPECT_EQ(archive_write_open_memory(writer, &out[0], out.size(), &used), ARCHIVE_OK);
  struct archive_entry* entry = archive_entry_new();
  archive_entry_set_filetype(entry, AE_IFREG);
  archive_entry_set_pathname(entry, "data");
  EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
  EXPECT_EQ(archive_write_data(writer, bytes.data(), bytes.size()),
            static_cast<ssize_t>(bytes.size()));
  archive_entry_free(entry);
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

}  // namespace

std::string Gzip(const std::string& bytes) { return Packed(bytes, archive_write_add_filter_gzip); }
std::string Bzip2(const std::string& bytes) {
  return Packed(bytes, archive_write_add_filter_bzip2);
}

absl::StatusOr<SourceContent> ReadSource(const SourceArguments& arguments,
                                         v1::DatasetLayout::Source source) {
  SourceContent content;
  CASSLE_ASSIGN_OR_RETURN(const auto opened, OpenSource(source, arguments, &content.layout));
  content.splits = opened->splits();
  while (true) {
    SourceItem item;
    CASSLE_ASSIGN_OR_RETURN(const bool more, opened->Next(&item));
    if (!more) break;
    if (item.load) {
      const absl::Status loaded = item.load(&item);
      if (!loaded.ok()) item.problem = std::string(loaded.message());
    }
    content.items.push_back(std::move(item));
  }
  CASSLE_RETURN_IF_ERROR(opened->Describe(&content.info));
  content.sentences = arguments.tally->Sentences();
  return content;
}

std::vector<std::string> KeysAndLabels(const SourceContent& content) {
  std::vector<std::string> result;
  for (const SourceItem& item : content.items) {
    result.push_back(absl::StrCat(
        item.key, "=", item.label.has_value() ? absl::StrCat(*item.label) : std::string("-")));
  }
  return result;
}

absl::StatusOr<SourceContent> ReadSource(const std::string& input) {
  SourceArguments arguments;
  arguments.inputs = {{"", input}};
  return ReadSource(arguments);
}

}  // namespace cassle
