// The page as a browser shows it: headless Chromium lays it out, a script that only this test adds
// measures it. Skipped where there is no chromium (tools/install_deps.sh --browser).
#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "cassle/data/images/codec.h"
#include "cassle/eval/reporting/report_page_testutil.h"
#include "cassle/stage/folder_lock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace cassle {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kBrowser[] = "/usr/bin/chromium";

// Measures when everything is loaded; the answer goes to the page itself or to the frame around it.
constexpr char kMeasure[] = R"js(<script>
addEventListener('load', () => {
  const box = e => { const b = e.getBoundingClientRect(); return [b.width, b.height]; };
  const all = s => [...document.querySelectorAll(s)];
  const found = {
    charts: all('svg').map(e => [...box(e), e.getAttribute('aria-label').length]),
    type_px: all('svg.chart').map(e => 12 * box(e)[0] / e.viewBox.baseVal.width),
    lines: all('svg path.series').map(e => e.getTotalLength()),
    bars: all('svg rect').map(e => e.getBBox().height),
    pictures: all('img').map(e => [e.naturalWidth, e.naturalHeight, ...box(e)]),
    cells: all('td[data-value]').map(e => [e.closest('table').dataset.stage, e.dataset.value,
      e.textContent, getComputedStyle(e).fontWeight]),
    first_numbers: all('tr').map(e => e.querySelector('td[data-value]')).filter(e => e)
      .map(e => e.getBoundingClientRect().right),
    requests: performance.getEntriesByType('resource').map(e => e.name)
      .filter(n => !n.startsWith('data:')),
    scripts: all('script').length,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    width: innerWidth,
    background: getComputedStyle(document.body).backgroundColor,
  };
  const text = 'MEASURED[' + btoa(unescape(encodeURIComponent(JSON.stringify(found)))) + ']';
  if (parent !== window) parent.postMessage(text, '*');
  else document.body.append(text);
});
</script></body>)js";

class ReportBrowserTest : public ReportTest {
 protected:
  void SetUp() override {
    if (!FileExists(kBrowser)) GTEST_SKIP() << kBrowser << " is not installed";
    ReportTest::SetUp();
    // A sandbox that forbids what any page needs says nothing about this one.
    const std::string blank = Path("blank.html");
    ASSERT_OK(WriteFile(blank, "<body>a page</body>"));
    if (std::system(Command(blank, "--dump-dom").c_str()) != 0) {
      GTEST_SKIP() << kBrowser << " cannot run here: " << ReadFile(Path("log")).value_or("");
    }
    for (const auto& [encoder, shift] :
         {std::pair<const char*, double>{"plain", 0.25}, {"conditioned", 0.7}}) {
      AddResult(absl::StrCat("probe ", encoder),
                MadeUpProbe(encoder, {{"shape", shift}, {"hue", 1 - shift}}));
      v1::Evaluation knn = MadeUpEvaluation("knn", encoder);
      AddMadeUpScore("label, k = 20", shift / 3, &knn)->set_half_width(0.01);
      AddResult(absl::StrCat("knn ", encoder), knn, "knn");
      v1::Evaluation invariance = MadeUpEvaluation("invariance", encoder);
      for (int i = 0; i < 15; ++i) AddMadeUpScore(absl::StrCat("s", i), i / 15., &invariance);
      AddMadeUpCharts(shift, &invariance);
      AddResult(absl::StrCat("invariance ", encoder), invariance, "invariance");
      v1::Evaluation retrieval = MadeUpEvaluation("retrieval", encoder);
      retrieval.add_pictures()->set_file("grid.png");
      retrieval.add_pictures()->set_file("map.svg");
      AddResult(absl::StrCat("retrieval ", encoder), retrieval, "retrieval",
                {{"grid.png", MadeUpPng()}, {"map.svg", MadeUpSvg()}});
      AddFolder("pretrain", absl::StrCat("model ", encoder), MadeUpTraining(encoder, shift));
    }
    ASSERT_OK(Run());
  }

  // Writes the browser's output on a page into out, what it complains of into log. A profile of its
  // own every time; no network.
  std::string Command(const std::string& page, const std::string& flags) {
    return absl::StrCat(
        "HOME='", root_, "' timeout -k 5 200 ", kBrowser,
        " --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run"
        " --disable-background-networking --disable-component-update --disable-sync"
        " --proxy-server=127.0.0.1:9 --host-resolver-rules='MAP * ~NOTFOUND'"
        " --virtual-time-budget=4000 --hide-scrollbars --user-data-dir='",
        Path(absl::StrCat("profile ", ++profiles_)), "' ", flags, " 'file://",
        absl::StrReplaceAll(page, {{" ", "%20"}}), "' >'", Path("out"), "' 2>'", Path("log"),
        "' </dev/null");
  }

  // Standard output of the browser on a page.
  std::string Browse(const std::string& page, const std::string& flags) {
    const std::string command = Command(page, flags);
    EXPECT_EQ(std::system(command.c_str()), 0) << command << "\n"
                                               << ReadFile(Path("log")).value_or("");
    return ReadFile(Path("out")).value_or("");
  }

  nlohmann::json Measured(const std::string& dom) {
    const std::string begin = "MEASURED[";
    const size_t from = dom.rfind(begin);
    std::string text;
    if (from == std::string::npos ||
        !absl::Base64Unescape(
            dom.substr(from + begin.size(), dom.find(']', from) - from - begin.size()), &text)) {
      ADD_FAILURE() << "nothing measured in: " << dom.substr(0, 2000);
      return nlohmann::json::object();
    }
    return nlohmann::json::parse(text);
  }

  // A copy of the page with the measuring script.
  std::string MeasuredPage() {
    const std::string path = Path("measured.html");
    EXPECT_OK(WriteFile(path, absl::StrReplaceAll(Read("report.html"), {{"</body>", kMeasure}})));
    return path;
  }

  // Browsers have a smallest width of windows, frames have not.
  nlohmann::json MeasuredOnATelephone() {
    MeasuredPage();
    const std::string around = Path("around.html");
    EXPECT_OK(WriteFile(around,
                        "<body><iframe width=360 height=700 src=\"measured.html\"></iframe><script>"
                        "addEventListener('message', e => document.body.append(e.data))</script>"));
    return Measured(Browse(around, "--dump-dom"));
  }

  RgbImage Screenshot(const std::string& flags) {
    const std::string path = Path("screenshot.png");
    Browse(Path("report/report.html"), absl::StrCat("--screenshot='", path, "' ", flags));
    RgbImage image;
    EXPECT_OK(DecodeImage(ReadFile(path).value_or(""), &image));
    return image;
  }

  int profiles_ = 0;
};

int CountColor(const RgbImage& image, int red, int green, int blue) {
  int count = 0;
  for (size_t i = 0; i + 2 < image.pixels.size(); i += 3) {
    count += image.pixels[i] == red && image.pixels[i + 1] == green && image.pixels[i + 2] == blue;
  }
  return count;
}

TEST_F(ReportBrowserTest, ChartsAreDrawnAndNumbersAreThoseOfTheResults) {
  const nlohmann::json page = Measured(Browse(MeasuredPage(), "--dump-dom --window-size=1200,900"));
  // The grid and the classes of two probed targets; a joint spectrum; lines, bars and maps of two
  // encoders; four of training.
  ASSERT_THAT(page["charts"], SizeIs(2 * 2 + 1 + 3 * 2 + 4));
  for (const auto& chart : page["charts"]) {
    EXPECT_GT(chart[0].get<double>(), 200);
    EXPECT_GT(chart[1].get<double>(), 100);
    EXPECT_GT(chart[2].get<int>(), 5);
  }
  EXPECT_THAT(page["lines"], SizeIs(2 * 2 + 2 + 2 * 2 + 4 * 2));
  for (const auto& length : page["lines"]) EXPECT_GT(length.get<double>(), 20);
  for (const auto& height : page["bars"]) EXPECT_GT(height.get<double>(), 0);
  ASSERT_THAT(page["pictures"], SizeIs(4));
  EXPECT_EQ(page["pictures"][0][0], 64);
  EXPECT_EQ(page["pictures"][1][0], 200);

  std::vector<std::pair<std::string, double>> expected;
  const auto add = [&](const std::string& stage, const v1::ReportColumn& column,
                       const v1::ReportCell& cell) {
    ASSERT_TRUE(cell.has_value());
    expected.emplace_back(stage, cell.value());
    ASSERT_LE(expected.size(), page["cells"].size());
    const auto& shown = page["cells"][expected.size() - 1];
    EXPECT_EQ(shown[0], stage);
    EXPECT_EQ(std::stod(shown[1].get<std::string>()), cell.value());
    const double scale = column.is_fraction() ? 100 : 1;
    EXPECT_NEAR(std::stod(shown[2].get<std::string>()), scale * cell.value(), 0.051)
        << column.name();
    EXPECT_EQ(std::stoi(shown[3].get<std::string>()) > 500, cell.best());
  };
  for (const v1::StageTable& table : table_.stages()) {
    // The table of many scores stands with its scores downwards.
    const bool turned = table.stage() == "invariance";
    const int rows = table.rows_size(), columns = table.columns_size();
    for (int i = 0; i < rows * columns; ++i) {
      const int r = turned ? i % rows : i / columns, c = turned ? i / rows : i % columns;
      add(table.stage(), table.columns(c), table.rows(r).cells(c));
    }
  }
  EXPECT_THAT(page["cells"], SizeIs(expected.size()));

  EXPECT_THAT(page["requests"], IsEmpty()) << page["requests"];
  EXPECT_EQ(page["scripts"], 1) << "the page has scripts beside this test's";
  EXPECT_EQ(page["overflow"], 0);
}

TEST_F(ReportBrowserTest, ATelephoneNeedsNoSidewaysScrolling) {
  const nlohmann::json page = MeasuredOnATelephone();
  EXPECT_EQ(page["width"], 360);
  EXPECT_EQ(page["overflow"], 0);
  for (const auto& chart : page["charts"]) EXPECT_GT(chart[1].get<double>(), 100);
}

TEST_F(ReportBrowserTest, LongNamesOfEncodersLeaveRoomForNumbers) {
  const std::string name = "simclr, conditioning mlp (color, color_diff, crop, flip, grayscale), ";
  options_.clear_results();
  for (const char* epochs : {"2 epochs", "300 epochs"}) {
    AddResult(epochs, MadeUpProbe(name + epochs, {{"shape", 0.5}, {"hue", 0.25}}));
  }
  ASSERT_OK(Run());
  const nlohmann::json page = MeasuredOnATelephone();
  ASSERT_THAT(page["first_numbers"], SizeIs(2));
  for (const auto& right : page["first_numbers"]) EXPECT_LT(right.get<double>(), 360);
}

TEST_F(ReportBrowserTest, LongNamesLeaveTheTypeOfChartsReadableAndThePageAsWideAsTheScreen) {
  const std::string words = "simclr, conditioning mlp (color, color_diff, crop, flip, grayscale), ";
  options_.clear_results();
  int epochs = 0;
  for (const std::string& name : {words, std::string(120, 'x')}) {
    v1::Evaluation evaluation = MadeUpEvaluation("invariance", name);
    AddMadeUpCharts(0.5, &evaluation);
    for (v1::ChartLine& row : *evaluation.mutable_charts(3)->mutable_series()) row.set_name(name);
    evaluation.add_warnings(name);
    AddResult(absl::StrCat("invariance ", ++epochs), evaluation, "invariance");
  }
  ASSERT_OK(Run());
  for (const nlohmann::json& page :
       {MeasuredOnATelephone(), Measured(Browse(MeasuredPage(), "--dump-dom"))}) {
    EXPECT_EQ(page["overflow"], 0);
    EXPECT_THAT(page["type_px"], SizeIs(1 + 3 * 2));
    for (const auto& type_px : page["type_px"]) {
      EXPECT_GE(type_px.get<double>(), 8.99);
      EXPECT_LE(type_px.get<double>(), 16.3);
    }
  }
}

TEST_F(ReportBrowserTest, TheScreenshotShowsLinesInTheirColours) {
  const RgbImage light = Screenshot("--window-size=1200,4000");
  ASSERT_EQ(light.width, 1200);
  // --page, --c1 and --c2 of report_style.h.
  EXPECT_GT(CountColor(light, 0xfc, 0xfc, 0xfb), 500000);
  EXPECT_GT(CountColor(light, 0x00, 0x72, 0xb2), 500);
  EXPECT_GT(CountColor(light, 0xd5, 0x5e, 0x00), 500);
  const RgbImage dark =
      Screenshot("--window-size=1200,4000 --blink-settings=preferredColorScheme=0");
  EXPECT_GT(CountColor(dark, 0x17, 0x17, 0x15), 500000);
  EXPECT_GT(CountColor(dark, 0x4a, 0xa8, 0xe8), 500);
  EXPECT_EQ(CountColor(dark, 0xfc, 0xfc, 0xfb), 0);
}

// How often the page in a frame is loaded within some seconds.
constexpr char kCountLoads[] =
    "<body><script>let loads = 0; setTimeout(() => document.body.append(`LOADS[${loads}]`), 3500)"
    "</script><iframe src=\"page.html\" onload=\"loads++\"></iframe>";

TEST_F(ReportBrowserTest, ThePageOfARunThatGoesOnLoadsItselfAgainAndThatOfAFinishedOneDoesNot) {
  auto files = MadeUpTraining("going on", 0);
  ASSERT_OK(WriteStoppedStage("pretrain", Path("model"), files));
  options_.clear_results();
  options_.add_results(Path("model.partial"));
  options_.set_follow(Path("page.html"));
  options_.set_follow_seconds(1);
  const std::atomic<bool> interrupted = true;
  settings_.interrupted = &interrupted;
  ASSERT_OK(WriteFile(Path("around.html"), kCountLoads));
  const auto loads = [&] {
    const std::string dom = Browse(Path("around.html"), "--dump-dom");
    const size_t at = dom.rfind("LOADS[");
    return at == std::string::npos ? 0 : std::atoi(dom.c_str() + at + 6);
  };
  {
    FolderLock running;
    ASSERT_OK(running.Take(Path("model.partial"), "model"));
    ExpectFailure(75, {"interrupted"});
    EXPECT_GE(loads(), 2);
  }
  ExpectFailure(75, {"is not finished"});
  EXPECT_EQ(loads(), 1);
}

}  // namespace
}  // namespace cassle
