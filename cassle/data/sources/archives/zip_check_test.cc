// Zips that were joined, cut, or stand in other files.
#include "cassle/data/sources/archives/zip_check.h"

#include <archive.h>
#include <archive_entry.h>

#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

// options: of libarchive, e.g. "zip64" or "compression=store".
std::string Zip(const std::vector<std::string>& names, const std::string& content = "text",
                const std::string& options = "") {
  std::string out(1 << 20, '\0');
  size_t used = 0;
  struct archive* writer = archive_write_new();
  archive_write_set_format_zip(writer);
  if (!options.empty()) {
    EXPECT_EQ(archive_write_set_options(writer, options.c_str()), ARCHIVE_OK);
  }
  archive_write_set_bytes_in_last_block(writer, 1);
  EXPECT_EQ(archive_write_open_memory(writer, &out[0], out.size(), &used), ARCHIVE_OK);
  for (const std::string& name : names) {
    struct archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_size(entry, static_cast<int64_t>(content.size()));
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK);
    archive_write_data(writer, content.data(), content.size());
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

class ZipCheckTest : public ::testing::Test {
 protected:
  absl::Status Check(const std::string& bytes) {
    tally_ = Tally();
    const std::string path = JoinPath(::testing::TempDir(), "a.zip");
    EXPECT_OK(WriteFile(path, bytes));
    return CheckZip(path, "a.zip", &tally_);
  }

  Tally tally_;
};

TEST_F(ZipCheckTest, AWholeZipHasNothingToSay) {
  for (const char* options : {"", "zip:zip64", "zip:compression=store"}) {
    EXPECT_OK(Check(Zip({"a", "b/c", "d"}, "text", options))) << options;
    EXPECT_THAT(tally_.Sentences(), IsEmpty()) << options;
  }
  EXPECT_OK(Check(Zip({})));
  // Zips inside of it are content.
  EXPECT_OK(Check(Zip({"a.zip", "b.zip"}, Zip({"c"}), "zip:compression=store")));
  EXPECT_THAT(tally_.Sentences(), IsEmpty());
}

TEST_F(ZipCheckTest, JoinedZipsAreNoZip) {
  const std::string one = Zip({"cat/0.png", "cat/1.png"}), two = Zip({"fox/0.png"});
  EXPECT_THAT(Check(one + two),
              StatusIs(kDamaged, AllOf(HasSubstr("a.zip: "), HasSubstr("not 'cat/0.png' for one"),
                                       HasSubstr("joined"))));
  EXPECT_THAT(Check("stub" + one + two), StatusIs(kDamaged, HasSubstr("'cat/0.png'")));
  // Of which one was cut short.
  const size_t directory = one.find("PK\1\2");
  EXPECT_THAT(Check(one.substr(0, directory) + two), StatusIs(kDamaged, HasSubstr("cat/0.png")));
  EXPECT_THAT(Check(two + one.substr(0, directory)), StatusIs(kDamaged, HasSubstr("cat/0.png")));
}

TEST_F(ZipCheckTest, BytesBeforeAndBehindAreSaid) {
  const std::string zip = Zip({"a", "b"});
  for (const char* options : {"", "zip:zip64"}) {
    EXPECT_OK(Check("#!/bin/sh" + Zip({"a", "b"}, "text", options) + "junk")) << options;
    EXPECT_THAT(tally_.Sentences(), ElementsAre("a.zip: 9 bytes before the zip are not read",
                                                "a.zip: 4 bytes behind the zip are not read"));
  }
}

TEST_F(ZipCheckTest, ADirectoryThatIsCutShortIsNamed) {
  const std::string zip = Zip({"a", "b", "c"});
  for (size_t size = zip.find("PK\1\2"); size < zip.size(); ++size) {
    EXPECT_THAT(Check(zip.substr(0, size)),
                StatusIs(kDamaged, HasSubstr("the directory at the end of the zip is missing")))
        << size;
  }
  std::string count = zip;
  count[zip.size() - 12] = 4;
  EXPECT_THAT(Check(count), StatusIs(kDamaged, HasSubstr("damaged behind 3 of 4 members")));
  std::string part = zip;
  part[zip.size() - 18] = 2;
  EXPECT_THAT(Check(part), StatusIs(kDamaged, HasSubstr("is part 3 of a zip in several")));
}

}  // namespace
}  // namespace cassle
