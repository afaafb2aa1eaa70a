#include "cassle/eval/charts/scatter_plot.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

constexpr int kSide = 640;
constexpr int kTop = 48;
constexpr int kLeft = 32;
constexpr int kBottom = 36;
constexpr int kLegendWidth = 200;
constexpr int kLegendLine = 17;
constexpr size_t kLegendEntries = 40;
constexpr int kLegendLetters = 24;

// As the charts of the report (report_style.h).
constexpr const char* kColors[] = {"#0072b2", "#d55e00", "#00896a", "#b64d8c",
                                   "#b4783c", "#828cb4", "#6e50c8", "#505050"};
constexpr int kNumColors = 8;
// About (0, 0): disc, square, triangle, diamond, cross.
constexpr const char* kShapes[] = {"<circle r=\"2.6\"/>", "<path d=\"M-2.4-2.4h4.8v4.8h-4.8z\"/>",
                                   "<path d=\"M0-3.2L3 2.2H-3z\"/>",
                                   "<path d=\"M0-3.5L3.5 0L0 3.5L-3.5 0z\"/>",
                                   "<path d=\"M-3-1h2v-2h2v2h2v2h-2v2h-2v-2h-2z\"/>"};
constexpr int kNumShapes = 5;

// Names only appear as text, so a file cannot break out of it.
std::string Text(double x, double y, const char* attributes, const std::string& text) {
  return absl::StrFormat("<text x=\"%g\" y=\"%g\"%s>%s</text>\n", x, y, attributes,
                         EscapeHtml(text));
}

// Of the classes behind those that can be told apart.
constexpr char kOtherColor[] = "#868b91";

std::string Definition(int shown, const std::string& id) {
  const bool own = shown < kNumColors * kNumShapes;
  return absl::StrCat("<g id=\"", id, "\" fill=\"", own ? kColors[shown % kNumColors] : kOtherColor,
                      "\" stroke=\"#ffffff\" stroke-width=\"0.6\">",
                      kShapes[own ? shown / kNumColors : 0], "</g>\n");
}

std::string Legend(const ScatterPlot& plot, const std::set<int>& present) {
  std::string svg;
  double y = kTop + 10;
  size_t shown = 0;
  for (int c : present) {
    if (shown++ == kLegendEntries) {
      absl::StrAppend(
          &svg, Text(kLeft + kSide + 20, y + 4, "",
                     absl::StrCat("and ", present.size() - kLegendEntries, " more, in gray")));
      break;
    }
    absl::StrAppendFormat(&svg, "<use href=\"#k%d\" x=\"%d\" y=\"%g\"/>\n", c, kLeft + kSide + 24,
                          y);
    absl::StrAppend(&svg, Text(kLeft + kSide + 36, y + 4, "",
                               ShortenedInside(plot.class_names[c], kLegendLetters)));
    y += kLegendLine;
  }
  return svg;
}

}  // namespace

std::string ScatterSvg(const ScatterPlot& plot) {
  const int64_t n = static_cast<int64_t>(plot.points.size()) / 2;
  const std::set<int> present(plot.classes.begin(), plot.classes.end());
  double low[2] = {INFINITY, INFINITY}, high[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < 2 * n; ++i) {
    low[i % 2] = std::min(low[i % 2], plot.points[i]);
    high[i % 2] = std::max(high[i % 2], plot.points[i]);
  }
  const double extent = std::max({high[0] - low[0], high[1] - low[1], 1e-300});
  const double scale = (kSide - 24) / extent;
  const double middle_x = (low[0] + high[0]) / 2, middle_y = (low[1] + high[1]) / 2;
  const int legend_lines = static_cast<int>(std::min(present.size(), kLegendEntries + 1));
  const int width = 2 * kLeft + kSide + (present.empty() ? 0 : kLegendWidth);
  const int height = std::max(kTop + kSide + kBottom, kTop + legend_lines * kLegendLine + 20);
  std::string svg = absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height,
      "\" viewBox=\"0 0 ", width, " ", height,
      "\" font-family=\"system-ui, sans-serif\" font-size=\"13\" fill=\"#202124\">\n<title>",
      EscapeHtml(plot.title), "</title>\n<defs>\n");
  if (present.empty()) absl::StrAppend(&svg, Definition(0, "k0"));
  // By its number a class looks the same in all plots; a few of a hundred would all be gray.
  const bool by_place = !present.empty() && *present.rbegin() >= kNumColors * kNumShapes;
  int place = 0;
  for (int c : present) {
    absl::StrAppend(&svg, Definition(by_place ? place++ : c, absl::StrCat("k", c)));
  }
  absl::StrAppend(&svg, "</defs>\n<rect width=\"", width, "\" height=\"", height,
                  "\" fill=\"#ffffff\"/>\n",
                  Text(kLeft, 30, " font-size=\"17\" font-weight=\"600\"", plot.title),
                  "<rect x=\"", kLeft, "\" y=\"", kTop, "\" width=\"", kSide, "\" height=\"", kSide,
                  "\" fill=\"none\" stroke=\"#d0cfca\"/>\n");
  if (!plot.x_label.empty()) {
    absl::StrAppend(
        &svg, Text(kLeft + kSide / 2, kTop + kSide + 22, " text-anchor=\"middle\"", plot.x_label));
  }
  if (!plot.y_label.empty()) {
    absl::StrAppend(&svg, "<g transform=\"translate(20 ", kTop + kSide / 2, ") rotate(-90)\">",
                    Text(0, 0, " text-anchor=\"middle\"", plot.y_label), "</g>\n");
  }
  for (int64_t i = 0; i < n; ++i) {
    absl::StrAppendFormat(&svg, "<use href=\"#k%d\" x=\"%.1f\" y=\"%.1f\"/>\n",
                          plot.classes.empty() ? 0 : plot.classes[i],
                          kLeft + kSide / 2 + (plot.points[2 * i] - middle_x) * scale,
                          kTop + kSide / 2 - (plot.points[2 * i + 1] - middle_y) * scale);
  }
  if (!present.empty()) absl::StrAppend(&svg, Legend(plot, present));
  absl::StrAppend(&svg, "</svg>\n");
  return svg;
}

}  // namespace cassle
