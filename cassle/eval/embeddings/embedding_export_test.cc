#include "cassle/eval/embeddings/embedding_export.h"

#include <archive.h>
#include <archive_entry.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/embeddings/embeddings_testutil.h"
#include "cassle/eval/embeddings/pictures.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class EmbeddingExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = JoinPath(::testing::TempDir(),
                       ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(folder_));
    // Two rows of image 3, one of image 5.
    rows_.columns = 2;
    rows_.ids = {3, 3, 5};
    rows_.features = {0.1f, -2, 1e-9f, 3, 0, 16777216};
    rows_.classes = {{"labels", {1, 1, -1}}};
    rows_.vectors = {{"target.eyes", {0.5f, 0.25f, 0.5f, 0.25f, std::nanf(""), std::nanf("")}}};
    rows_.metadata = {{"classes", "[\"cat\",\"dog, \\\"old\\\"\"]"}};
    ASSERT_OK(rows_.Write(folder_));
    // As of a data set without hashes.
    ASSERT_OK(WritePictures({3, 5}, {}, {"a,1.png", "d/\xC3\xA9\xF0\x9F\x90\x88.png"}, folder_));
  }

  std::string Read(const std::string& name) const {
    return ReadFile(JoinPath(folder_, name)).value();
  }

  // Name and bytes of every member.
  std::map<std::string, std::string> Members() const {
    std::map<std::string, std::string> members;
    struct archive* reader = archive_read_new();
    archive_read_support_format_zip(reader);
    EXPECT_EQ(archive_read_open_filename(reader, JoinPath(folder_, "embeddings.npz").c_str(), 4096),
              ARCHIVE_OK);
    struct archive_entry* entry = nullptr;
    while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
      std::string& bytes = members[archive_entry_pathname(entry)];
      char block[4096];
      la_ssize_t size = 0;
      while ((size = archive_read_data(reader, block, sizeof(block))) > 0)
        bytes.append(block, size);
    }
    archive_read_free(reader);
    return members;
  }

  std::string folder_;
  EmbeddingsFixture rows_;
};

TEST_F(EmbeddingExportTest, CsvHasALinePerRowWithNamesAndNumbersThatReadBackExactly) {
  ASSERT_OK(WriteEmbeddingsCsv(folder_));
  EXPECT_EQ(Read("embeddings.csv"),
            "image,id,label,eyes_0,eyes_1,f0,f1\n"
            "\"a,1.png\",3,\"dog, \"\"old\"\"\",0.5,0.25,0.100000001,-2\n"
            "\"a,1.png\",3,\"dog, \"\"old\"\"\",0.5,0.25,9.99999972e-10,3\n"
            "d/\xC3\xA9\xF0\x9F\x90\x88.png,5,,,,0,16777216\n");
}

TEST_F(EmbeddingExportTest, NpzHasNumPysHeadersAndTheBytesOfTheTensors) {
  ASSERT_OK(WriteEmbeddingsNpz(folder_));
  const auto members = Members();
  ASSERT_EQ(members.size(), 6);
  const std::string& features = members.at("features.npy");
  EXPECT_THAT(features, StartsWith(std::string("\x93NUMPY\x01\x00\x76\x00", 10) +
                                   "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), } "));
  ASSERT_EQ(features.size(), 128 + 6 * 4);
  EXPECT_EQ(features[127], '\n');
  EXPECT_EQ(features.substr(128),
            std::string(reinterpret_cast<const char*>(rows_.features.data()), 6 * 4));
  EXPECT_THAT(members.at("labels.npy"),
              HasSubstr("'<i8', 'fortran_order': False, 'shape': (3,), }"));
  // d/, e with an accent, a cat, .png: eight characters; and the key of every row.
  const std::string& keys = members.at("keys.npy");
  EXPECT_THAT(keys, HasSubstr("'<U8', 'fortran_order': False, 'shape': (3,), }"));
  EXPECT_EQ(keys.substr(128 + 2 * 32 + 2 * 4, 8), std::string("\xE9\0\0\0\x08\xF4\x01\0", 8));
  EXPECT_THAT(members.at("classes.npy"), HasSubstr("'shape': (2,), }"));
  const std::string bytes = Read("embeddings.npz");
  // Signs are those of POSIX: east and west of Greenwich.
  for (const char* zone : {"UTC0", "IST-5:30", "LINT-14", "PST8"}) {
    setenv("TZ", zone, /*overwrite=*/1);
    tzset();
    ASSERT_OK(WriteEmbeddingsNpz(folder_));
    EXPECT_EQ(Read("embeddings.npz"), bytes) << zone;
  }
  unsetenv("TZ");
  tzset();
}

TEST_F(EmbeddingExportTest, NamesOfMembersAreMarkedAsUtf8WhereTheyAreNotAscii) {
  const std::string name =
      "target.gr\xC3\xB6\xC3\x9F"
      "e";
  rows_.vectors[name] = {1, 2, 3};
  ASSERT_OK(rows_.Write(folder_));
  ASSERT_OK(WritePictures({3, 5}, {}, {"a", "b"}, folder_));
  ASSERT_OK(WriteEmbeddingsNpz(folder_));
  const std::string bytes = Read("embeddings.npz");
  // Bit 11 of the flags of a local header (APPNOTE 4.4.4).
  const auto marked = [&](const std::string& member) {
    const size_t at = bytes.find("PK\x03\x04");
    for (size_t header = at; header != std::string::npos;
         header = bytes.find("PK\x03\x04", header + 1)) {
      if (bytes.compare(header + 30, member.size(), member) == 0) {
        return (bytes[header + 7] & 8) != 0;
      }
    }
    ADD_FAILURE() << "no " << member;
    return false;
  };
  EXPECT_TRUE(marked(name + ".npy"));
  EXPECT_FALSE(marked("features.npy"));
}

TEST_F(EmbeddingExportTest, NamesThatAreNotThoseOfTheRowsAreRefused) {
  ASSERT_OK(WritePictures({3}, {}, {"a"}, folder_));
  EXPECT_THAT(WriteEmbeddingsCsv(folder_),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("lacks the image 5")));
}

}  // namespace
}  // namespace cassle
