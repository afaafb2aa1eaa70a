#include "cassle/stage/moving_line.h"

#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "cassle/stage/progress.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

// What `work` writes to stderr on a terminal of that width. Little enough for a terminal's buffer.
template <typename Work>
std::string OnTerminal(int columns, const char* kind, const Work& work) {
  const winsize size = {24, static_cast<unsigned short>(columns), 0, 0};
  int shown = -1, terminal = -1;
  EXPECT_EQ(openpty(&shown, &terminal, nullptr, nullptr, &size), 0);
  setenv("TERM", kind, 1);
  const int before = dup(STDERR_FILENO);
  dup2(terminal, STDERR_FILENO);
  work();
  dup2(before, STDERR_FILENO);
  close(before);
  // Its last writer: reading ends behind what was written.
  close(terminal);
  std::string text;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(shown, buffer, sizeof(buffer))) > 0;) text.append(buffer, n);
  close(shown);
  return text;
}

void SaySomethingMeanwhile() {
  Progress progress("training", 200, "images");
  for (int i = 1; i <= 3; ++i) {
    usleep(110000);
    progress.Set(60 * i, "epoch 1 of 3, loss 3.9789, and what else there is to be said of it");
    WriteStderrLine("pretrain: something");
  }
}

TEST(MovingLineTest, ProgressStaysOnOneRowAndMessagesOnRowsOfTheirOwn) {
  for (const int columns : {40, 80, 200}) {
    const std::string text = OnTerminal(columns, "xterm", SaySomethingMeanwhile);
    std::vector<std::string> rows = absl::StrSplit(text, '\n');
    ASSERT_THAT(rows, SizeIs(5)) << text;
    for (int i = 0; i < 3; ++i) {
      // What is seen of a row is behind its last clearing.
      const std::string seen = rows[i].substr(rows[i].rfind("\x1b[K") + 3);
      EXPECT_EQ(seen, "pretrain: something\r") << columns;
    }
    EXPECT_THAT(rows[3], HasSubstr("180/200 images (90%)"));
    const std::vector<std::string> drawn = absl::StrSplit(text, absl::ByAnyChar("\r\n"));
    for (const std::string& line : drawn) EXPECT_LT(line.size(), columns + 3) << line;
    EXPECT_EQ(text.find("[####") != std::string::npos, columns == 200) << text;
  }
}

// Everything that was drawn on the row, in its order.
std::vector<std::string> Drawn(const std::string& text) {
  std::vector<std::string> drawn = absl::StrSplit(text, "\x1b[K");
  drawn.erase(drawn.begin());
  return drawn;
}

TEST(MovingLineTest, TheBarStaysWhereLinesDifferInLength) {
  const std::string text = OnTerminal(80, "xterm", [] {
    Progress progress("training", 200, "images");
    for (const char* note : {"short", "a longer note", "short"}) {
      usleep(110000);
      progress.Set(100, note);
    }
  });
  const std::vector<std::string> drawn = Drawn(text);
  ASSERT_THAT(drawn, SizeIs(4)) << text;
  for (const std::string& line : drawn) EXPECT_THAT(line, HasSubstr("[####")) << text;
}

TEST(MovingLineTest, LinesAreCutBetweenLetters) {
  const std::string text = OnTerminal(20, "xterm", [] {
    Progress progress("\u043f\u0440\u043e\u0431\u044b \u0446\u0432\u0435\u0442\u0430", 200,
                      "images");
    progress.Set(100);
  });
  EXPECT_THAT(
      Drawn(text),
      ElementsAre("\u043f\u0440\u043e\u0431\u044b \u0446\u0432\u0435\u0442\u0430 100/200\r\n"));
}

TEST(MovingLineTest, AHundredPerCentIsTheEnd) {
  const auto said = [](int done) {
    return OnTerminal(200, "xterm", [&] { Progress("training", 200, "images").Set(done); });
  };
  EXPECT_THAT(said(199), HasSubstr("199/200 images (99%)"));
  EXPECT_THAT(said(200), HasSubstr("200/200 images (100%)"));
}

TEST(RateTextTest, SlowWorkIsCountedByTheMinute) {
  EXPECT_EQ(RateText(0), "0.00/s");
  EXPECT_EQ(RateText(984.4), "984/s");
  EXPECT_EQ(RateText(0.77), "0.77/s");
  EXPECT_EQ(RateText(0.004), "0.24/min");
}

TEST(MovingLineTest, ADumbTerminalGetsLines) {
  EXPECT_THAT(OnTerminal(80, "dumb", SaySomethingMeanwhile), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace cassle
