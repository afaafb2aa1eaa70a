#include "cassle/base/build_facts.h"

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

TEST(BuildFactsTest, NamesVersionCompilerAndKernelsButNoLibTorchThatIsNotLinked) {
  EXPECT_THAT(BuildFacts("spectrum", "/nowhere/bin"),
              MatchesRegex("spectrum \\(cassle\\) [0-9.]+\ncompiler: [^\n]*[0-9]+\\.[0-9]+[^\n]*\n"
                           "vector kernels: (AVX-512|AVX2|before AVX2)\n"));
}

TEST(BuildFactsTest, TheCommitIsWhatStandsInTheFolderAboveTheProgram) {
  const std::string root = JoinPath(::testing::TempDir(), "bundle");
  ASSERT_OK(MakeDirectories(JoinPath(root, "bin")));
  EXPECT_THAT(BuildFacts("spectrum", JoinPath(root, "bin")), Not(HasSubstr("commit")));
  ASSERT_OK(WriteFile(JoinPath(root, "commit.txt"), "76679d8 with changes\nand more\n"));
  EXPECT_THAT(BuildFacts("spectrum", JoinPath(root, "bin")),
              HasSubstr("\ncommit: 76679d8 with changes\ncompiler"));
}

TEST(ProgramFolderTest, HoldsTheProgram) {
  EXPECT_TRUE(FileExists(JoinPath(ProgramFolder(), "build_facts_test")));
}

}  // namespace
}  // namespace cassle
