#include "cassle/base/file.h"

#include <sys/stat.h>

#include <string>
#include <vector>

#include "cassle/base/fingerprint.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Temp(const std::string& name) { return JoinPath(::testing::TempDir(), name); }

TEST(PathTest, PartsOfAPath) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("a", "/b"), "/b");
  EXPECT_EQ(BaseName("/a/b/"), "b");
  EXPECT_EQ(DirName("/a/b/"), "/a");
  EXPECT_EQ(DirName("b"), ".");
  EXPECT_EQ(DirName("/b"), "/");
}

TEST(FileTest, WhatIsWrittenIsRead) {
  const std::string bytes("with\0zero", 9);
  ASSERT_OK(WriteFileAtomically(Temp("w"), bytes));
  ASSERT_OK_AND_ASSIGN(std::string read, ReadFile(Temp("w")));
  EXPECT_EQ(read, bytes);
  ASSERT_OK_AND_ASSIGN(auto mapped, MapFile(Temp("w")));
  EXPECT_EQ(std::string(mapped->bytes()), bytes);
}

TEST(FileTest, LargeAppendsAndSmallOnesKeepTheirOrder) {
  ASSERT_OK_AND_ASSIGN(auto writer, FileWriter::Open(Temp("large")));
  std::string expected;
  for (size_t size : {10u, 3u << 20, 7u, 1u << 20, 1u}) {
    const std::string part(size, static_cast<char>('a' + size % 26));
    expected += part;
    ASSERT_OK(writer->Append(part));
  }
  EXPECT_EQ(writer->size(), static_cast<int64_t>(expected.size()));
  ASSERT_OK(writer->Close());
  ASSERT_OK_AND_ASSIGN(std::string read, ReadFile(Temp("large")));
  EXPECT_TRUE(read == expected);
}

TEST(FileTest, PipesAndDevicesAreNotWaitedFor) {
  const std::string pipe = Temp("pipe");
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  for (const std::string& special : {pipe, std::string("/dev/zero")}) {
    const std::string said =
        "cannot read " + special + ": it is a pipe, socket or device, not a file";
    EXPECT_THAT(ReadFile(special), StatusIs(absl::StatusCode::kNotFound, said));
    EXPECT_THAT(MapFile(special), StatusIs(absl::StatusCode::kNotFound, said));
    EXPECT_THAT(FingerprintFile(special), StatusIs(absl::StatusCode::kNotFound, said));
  }
}

TEST(FileTest, MissingFilesAndFoldersAreNotFoundAndNamed) {
  EXPECT_THAT(ReadFile(Temp("missing")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(Temp("missing"))));
  EXPECT_THAT(ReadFile(::testing::TempDir()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("Is a directory")));
  EXPECT_THAT(ListDirectory(Temp("missing")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));
}

TEST(FileTest, AFullDiskIsAWriteErrorThatNamesTheFile) {
  EXPECT_THAT(WriteFile("/dev/full", "bytes"), StatusIs(absl::StatusCode::kResourceExhausted,
                                                        HasSubstr("/dev/full: No space left")));
  ASSERT_OK_AND_ASSIGN(auto writer, FileWriter::Open("/dev/full"));
  EXPECT_THAT(writer->Append(std::string(2 << 20, 'x')),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("No space left")));
  // The error sticks.
  EXPECT_THAT(writer->Close(),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("No space")));
}

TEST(FileTest, AWriteThatFailsLeavesNothingBeside) {
  const std::string folder = Temp("a_folder");
  ASSERT_OK(MakeDirectories(folder));
  EXPECT_THAT(
      WriteFileAtomically(folder, "bytes"),
      StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("a_folder: Is a directory")));
  EXPECT_FALSE(FileExists(folder + ".tmp"));
}

TEST(FileTest, FilesBelowAFolderAreListedSorted) {
  const std::string root = Temp("tree");
  ASSERT_OK(MakeDirectories(JoinPath(root, "b/c")));
  for (const char* name : {"b/c/2", "b/1", "a"}) ASSERT_OK(WriteFile(JoinPath(root, name), name));
  ASSERT_OK_AND_ASSIGN(auto files, ListFilesBelow(root));
  EXPECT_THAT(files, ElementsAre("a", "b/1", "b/c/2"));
  ASSERT_OK(RemoveAll(root));
  EXPECT_FALSE(FileExists(root));
}

// The digest that `xxh128sum` prints for an empty file.
TEST(FingerprintTest, EqualsXxh128sum) {
  EXPECT_EQ(FingerprintBytes(""), "99aa06d3014798d86001c324468d497f");
}

TEST(FingerprintTest, ALargeFileIsLeftWhenInterruptedAndASmallOneIsRead) {
  const std::string path = JoinPath(::testing::TempDir(), "large");
  const std::function<bool()> interrupted = [] { return true; };
  ASSERT_OK(WriteFile(path, std::string(1 << 20, 'x')));
  EXPECT_EQ(FingerprintFile(path).value(), FingerprintBytes(std::string(1 << 20, 'x')));
  EXPECT_THAT(FingerprintFile(path, interrupted),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("interrupted while " + path)));
  ASSERT_OK(WriteFile(path, "small"));
  EXPECT_EQ(FingerprintFile(path, interrupted).value(), FingerprintBytes("small"));
}

TEST(FingerprintTest, PartsAndWholeAgreeButFieldsAreKeptApart) {
  Fingerprinter parts, fields_a, fields_b;
  parts.Update("ab");
  parts.Update("c");
  EXPECT_EQ(parts.Hex(), FingerprintBytes("abc"));
  fields_a.UpdateField("ab");
  fields_a.UpdateField("c");
  fields_b.UpdateField("a");
  fields_b.UpdateField("bc");
  EXPECT_NE(fields_a.Hex(), fields_b.Hex());
}

}  // namespace
}  // namespace cassle
