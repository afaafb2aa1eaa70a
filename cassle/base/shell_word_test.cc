#include "cassle/base/shell_word.h"

#include <cstdio>
#include <string>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

// What `sh` makes of a word.
std::string SaidByShell(const std::string& word) {
  FILE* shell = popen(absl::StrCat("printf %s ", word).c_str(), "r");
  std::string said;
  for (int c = fgetc(shell); c != EOF; c = fgetc(shell)) said.push_back(static_cast<char>(c));
  EXPECT_EQ(pclose(shell), 0);
  return said;
}

TEST(ShellWordTest, PlainPathsStayAsTheyAre) {
  EXPECT_EQ(ShellWord("/data/model_2.partial"), "/data/model_2.partial");
  EXPECT_EQ(ShellWord("host:a,b=c@d%e+f-g"), "host:a,b=c@d%e+f-g");
}

TEST(ShellWordTest, TheShellReadsEveryTextBack) {
  for (const std::string text :
       {"my photos", "it's", "$HOME `ls` \"q\" \\ *", "", "~", "a;b", "'"}) {
    EXPECT_EQ(SaidByShell(ShellWord(text)), text);
  }
}

}  // namespace
}  // namespace cassle
