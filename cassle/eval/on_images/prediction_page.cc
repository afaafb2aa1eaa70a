#include "cassle/eval/on_images/prediction_page.h"

#include <algorithm>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

constexpr char kStyle[] = R"(<style>
:root { color-scheme: light dark; --soft: #6a6a66; --rule: #9995; --bar: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --soft: #aaa79e; --bar: #4aa8e8; } }
body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
  overflow-wrap: anywhere; }
p, small, li { color: var(--soft); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
a { color: var(--bar); }
h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; border-bottom: 1px solid var(--rule); }
.images { display: flex; flex-wrap: wrap; gap: 14px; }
figure { margin: 0; width: 164px; }
img { display: block; width: 160px; height: 160px; object-fit: contain; background: #8881; border-radius: 4px; }
meter { width: 160px; height: .6rem; }
</style>)";

std::string PerCent(double probability) {
  return absl::StrFormat("%.1f&nbsp;%%", 100 * probability);
}

std::string Count(int64_t images) {
  return absl::StrCat(images, images == 1 ? " image" : " images");
}

// A name, whose direction (of Hebrew, Arabic) is not that of the numbers beside it.
std::string Name(const std::string& name) {
  return absl::StrCat("<bdi>", EscapeHtml(name), "</bdi>");
}

std::string Figure(const PredictionHead& head, const Prediction& prediction) {
  const std::string name = EscapeHtml(prediction.image);
  const auto& [c, probability] = prediction.top[0];
  std::string further;
  for (size_t i = 1; i < prediction.top.size(); ++i) {
    // For which no neighbour voted.
    if (prediction.top[i].second == 0) break;
    absl::StrAppend(&further, "<br>", Name(head.class_names[prediction.top[i].first]), " ",
                    PerCent(prediction.top[i].second));
  }
  return absl::StrCat(
      "<figure><img alt=\"", name, "\" src=\"data:image/jpeg;base64,",
      absl::Base64Escape(prediction.picture), "\"><meter value=\"", ProbabilityText(probability),
      "\"></meter><figcaption>", Name(prediction.image), "<br><strong>", Name(head.class_names[c]),
      " ", PerCent(probability), "</strong><small>", further, "</small></figcaption></figure>\n");
}

std::string DamagedList(const std::vector<std::pair<std::string, std::string>>& damaged) {
  if (damaged.empty()) return "";
  std::string html = absl::StrCat("<h2>Not readable: ", Count(damaged.size()), "</h2>\n<ul>\n");
  for (const auto& [name, reason] : damaged) {
    absl::StrAppend(&html, "<li>", Name(name), ": ", EscapeHtml(reason), "</li>\n");
  }
  return absl::StrCat(html, "</ul>\n");
}

}  // namespace

std::string PredictionPage(const PredictionHead& head, const std::vector<Prediction>& predictions,
                           const std::map<int, int64_t>& not_shown,
                           const std::vector<std::pair<std::string, std::string>>& damaged) {
  std::map<int, std::vector<const Prediction*>> by_class;
  for (const Prediction& prediction : predictions) {
    by_class[prediction.top[0].first].push_back(&prediction);
  }
  int64_t all_not_shown = 0;
  for (const auto& [c, count] : not_shown) {
    by_class[c];
    all_not_shown += count;
  }
  const auto total = [&](int c) {
    const auto more = not_shown.find(c);
    return static_cast<int64_t>(by_class[c].size()) + (more == not_shown.end() ? 0 : more->second);
  };
  const std::string title = EscapeHtml(absl::StrCat("Predictions: ", head.target));
  std::string page = absl::StrCat(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">",
      "<meta name=\"viewport\" content=\"width=device-width\"><title>", title, "</title>\n", kStyle,
      "</head>\n<body>\n<h1>", title, "</h1>\n<p>", Count(predictions.size()),
      all_not_shown > 0 ? absl::StrCat(" shown, ", all_not_shown, " more predicted") : "", "; by ",
      EscapeHtml(head.origin), ".</p>\n<nav>\n");
  for (const auto& [c, images] : by_class) {
    absl::StrAppend(&page, "<a href=\"#class-", c, "\">", Name(head.class_names[c]), " (", total(c),
                    ")</a>\n");
  }
  absl::StrAppend(&page, "</nav>\n");
  for (auto& [c, images] : by_class) {
    std::stable_sort(images.begin(), images.end(), [](const Prediction* a, const Prediction* b) {
      return a->top[0].second > b->top[0].second;
    });
    absl::StrAppend(&page, "<h2 id=\"class-", c, "\">", Name(head.class_names[c]), ": ",
                    not_shown.count(c) == 0 ? "" : absl::StrCat(images.size(), " of "),
                    Count(total(c)), "</h2>\n<div class=\"images\">\n");
    for (const Prediction* prediction : images) absl::StrAppend(&page, Figure(head, *prediction));
    absl::StrAppend(&page, "</div>\n");
  }
  return absl::StrCat(page, DamagedList(damaged), "</body>\n</html>\n");
}

}  // namespace cassle
