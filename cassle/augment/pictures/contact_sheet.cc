#include "cassle/augment/pictures/contact_sheet.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/pictures/drawing.h"
#include "cassle/augment/pictures/fit_image.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr int kCell = 256;
constexpr int kGap = 18;
constexpr int kMargin = 28;
// More make a picture that nobody can look at.
constexpr size_t kMostViews = 16;
constexpr int kTextScale = 2;
constexpr int kLine = kLetterHeight * kTextScale + 4;
constexpr int kTitleLine = 46;
// Columns inside a caption, pixels from the left of the cell.
constexpr int kValueLeft = 10 * kLetterWidth * kTextScale + 8;
constexpr int kScaleLeft = kValueLeft + 5 * kLetterWidth * kTextScale + 4;

constexpr Color kPaper = {250, 250, 248};
constexpr Color kInk = {32, 33, 36};
constexpr Color kQuiet = {108, 110, 114};
constexpr Color kTrack = {232, 233, 236};
// Of views 0, 1, ...: colours that also differ for the colour-blind and are seen on white paper,
// those of the reports (cassle/eval/reporting/report_style.h).
constexpr Color kViewColors[] = {{213, 94, 0},   {0, 114, 178},   {0, 137, 106},  {182, 77, 140},
                                 {180, 120, 60}, {130, 140, 180}, {110, 80, 200}, {80, 80, 80}};

Color ViewColor(size_t view) { return kViewColors[view % (sizeof(kViewColors) / sizeof(Color))]; }

// Where a view and its captions stand, pixels from the top left corner of its image's block.
struct Cell {
  int top;
  int left;
  int side;
  int caption_top;
  int caption_left;
};

// What is the same for every image of the sheet.
struct Plan {
  // One per view.
  std::vector<v1::Policy> policies;
  std::vector<Cell> cells;
  // Operations that some view has: all views show them in the same lines.
  std::vector<const Operation*> operations;
  int lines = 0;
  int block_height = 0;
  int block_width = 0;
};

// The source, then the views of about the largest size side by side with their captions below;
// small ones (multi-crop) in two rows, true to scale, with their captions beside them.
Plan PlanSheet(std::vector<v1::Policy> policies, const ContactSheetRow& row) {
  Plan plan;
  plan.policies = std::move(policies);
  int largest = 0;
  for (const v1::Policy& policy : plan.policies) largest = std::max(largest, policy.size());
  plan.lines = 1;
  for (const Operation& operation : Operations()) {
    int lines = 0;
    for (size_t v = 0; v < plan.policies.size(); ++v) {
      if (!operation.in_policy(plan.policies[v])) continue;
      lines = static_cast<int>(operation.captions(plan.policies[v], row.records[v]).size());
    }
    if (lines > 0) plan.operations.push_back(&operation);
    plan.lines += lines;
  }
  const int caption_height = plan.lines * kLine;
  const auto is_small = [&](const v1::Policy& policy) { return 2 * policy.size() <= largest; };
  const int small_count =
      static_cast<int>(std::count_if(plan.policies.begin(), plan.policies.end(), is_small));
  const int small_columns = (small_count + 1) / 2;
  plan.block_height = kCell + 10 + std::max(4 * kLine, caption_height);
  int left = kCell + kGap;
  for (const v1::Policy& policy : plan.policies) {
    if (!is_small(policy)) left += kCell + kGap;
  }
  const int small_left = left;
  int next_left = kCell + kGap;
  int next_small = 0;
  for (const v1::Policy& policy : plan.policies) {
    const int side = std::max(1, kCell * policy.size() / largest);
    if (!is_small(policy)) {
      plan.cells.push_back({0, next_left, side, kCell + 10, next_left});
      next_left += kCell + kGap;
      continue;
    }
    const int height = std::max(side, caption_height) + kGap;
    const int top = next_small / small_columns * height;
    const int cell_left = small_left + next_small % small_columns * (side + 10 + kCell + kGap);
    plan.cells.push_back({top, cell_left, side, top, cell_left + side + 10});
    plan.block_height = std::max(plan.block_height, top + height);
    left = std::max(left, cell_left + side + 10 + kCell + kGap);
    ++next_small;
  }
  plan.block_width = left;
  return plan;
}

void DrawScale(int top, int left, const Caption& caption, Color color, RgbImage* sheet) {
  const int width = kCell - kScaleLeft;
  const auto at = [&](double value) {
    const double fraction = (value - caption.low) / (caption.high - caption.low);
    return left +
           static_cast<int>(std::lround(std::min(std::max(fraction, 0.0), 1.0) * (width - 1)));
  };
  FillRectangle(top + 4, left, 6, width, kTrack, sheet);
  if (!caption.value.empty()) {
    const int from = std::min(at(caption.neutral), at(caption.position));
    const int to = std::max(at(caption.neutral), at(caption.position));
    FillRectangle(top + 4, from, 6, std::max(2, to - from + 1), color, sheet);
  }
  FillRectangle(top + 1, at(caption.neutral) - 1, 12, 2, kQuiet, sheet);
}

// The view's number, then its parameters; lines of operations that this view never has stay empty.
void DrawCaptions(int top, int left, const Plan& plan, const v1::ViewRecord& record, size_t view,
                  RgbImage* sheet) {
  const v1::Policy& policy = plan.policies[view];
  // The colour is that of the frames; letters in it would be too pale.
  constexpr int kSwatch = 7 * kTextScale;
  FillRectangle(top, left, kSwatch, kSwatch, ViewColor(view), sheet);
  DrawText(top, left + kSwatch + kTextScale * kLetterWidth / 2, kTextScale, kInk,
           absl::StrCat("view ", view, ", ", policy.size(), " px"), sheet);
  top += kLine;
  for (const Operation* operation : plan.operations) {
    const std::vector<Caption> captions = operation->captions(policy, record);
    for (const Caption& caption : captions) {
      const bool applied = !caption.value.empty();
      if (operation->in_policy(policy)) {
        const Color ink = applied ? kInk : kQuiet;
        DrawText(top, left, kTextScale, ink, caption.label, sheet);
        DrawText(top, left + kValueLeft, kTextScale, ink, applied ? caption.value : "-", sheet);
        if (caption.high > caption.low) {
          DrawScale(top, left + kScaleLeft, caption, ViewColor(view), sheet);
        }
      }
      top += kLine;
    }
  }
}

// "crop, flip 0.5, color_jitter 0.8": the operations with their probabilities.
std::string OperationsInWords(const v1::Policy& policy) {
  std::vector<std::string> words;
  for (const Operation& operation : Operations()) {
    if (!operation.in_policy(policy)) continue;
    const google::protobuf::Message& settings = SettingsOf(operation, policy);
    const auto* probability = settings.GetDescriptor()->FindFieldByName("probability");
    words.push_back(probability == nullptr
                        ? std::string(operation.name)
                        : absl::StrCat(operation.name, " ",
                                       settings.GetReflection()->GetDouble(settings, probability)));
  }
  return absl::StrJoin(words, ", ");
}

// One line per group of views.
std::vector<std::string> PolicyInWords(const v1::Policy& policy,
                                       const std::vector<v1::Policy>& policies) {
  if (policy.views_size() == 0) return {absl::StrCat("all views: ", OperationsInWords(policy))};
  std::vector<std::string> lines;
  size_t first = 0;
  for (const v1::ViewGroup& group : policy.views()) {
    if (first >= policies.size()) break;
    const size_t last = std::min(first + group.count(), policies.size()) - 1;
    lines.push_back(absl::StrCat(
        first == last ? absl::StrCat("view ", first) : absl::StrCat("views ", first, "-", last),
        group.change().name().empty() ? "" : absl::StrCat(" (", group.change().name(), ")"), ": ",
        OperationsInWords(policies[first])));
    first = last + 1;
  }
  return lines;
}

// The source with the crops of its views.
absl::Status DrawSource(int top, int left, const ContactSheetRow& row, size_t views,
                        RgbImage* sheet) {
  const uint64_t id = row.records.empty() ? 0 : row.records[0].image_id();
  if (row.source.pixels.empty()) {
    DrawText(top, left, kTextScale, kInk, absl::StrCat("image ", id), sheet);
    return absl::OkStatus();
  }
  CASSLE_ASSIGN_OR_RETURN(const RgbImage fitted, FitImage(row.source, kCell));
  DrawImage(top, left, fitted, sheet);
  const double scale_y = static_cast<double>(fitted.height) / row.source.height;
  const double scale_x = static_cast<double>(fitted.width) / row.source.width;
  for (size_t view = views; view-- > 0;) {
    const v1::CropParameters& box = row.records[view].crop();
    const auto pixel = [](double position, double scale) {
      return static_cast<int>(std::lround(position * scale));
    };
    const int y = top + pixel(box.top(), scale_y);
    const int x = left + pixel(box.left(), scale_x);
    const int height = top + pixel(box.top() + box.height(), scale_y) - y;
    const int width = left + pixel(box.left() + box.width(), scale_x) - x;
    // Two frames of which one stands out on any image.
    DrawFrame(y, x, height, width, 4, kPaper, sheet);
    DrawFrame(y, x, height, width, 3, ViewColor(view), sheet);
  }
  int line = top + fitted.height + 10;
  constexpr size_t kLetters = kCell / (kLetterWidth * kTextScale);
  DrawText(line, left, kTextScale, kInk, absl::StrCat("image ", id), sheet);
  line += kLine;
  // The end of a long key says more than its beginning.
  std::string key = DrawableText(row.key);
  if (key.size() > kLetters) key = absl::StrCat("..", key.substr(key.size() - kLetters + 2));
  DrawText(line, left, kTextScale, kQuiet, key, sheet);
  line += kLine;
  DrawText(line, left, kTextScale, kQuiet,
           absl::StrCat(row.source.width, " x ", row.source.height, " px"), sheet);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RgbImage> DrawContactSheet(const std::string& title, const v1::Policy& policy,
                                          const std::vector<ContactSheetRow>& rows) {
  if (rows.empty() || rows[0].records.empty()) {
    return absl::InvalidArgumentError("a contact sheet needs at least one image with one view");
  }
  const size_t views = std::min(rows[0].records.size(), kMostViews);
  CASSLE_ASSIGN_OR_RETURN(std::vector<v1::Policy> policies,
                          ViewPolicies(policy, static_cast<int>(views)));
  const Plan plan = PlanSheet(std::move(policies), rows[0]);
  // Two images side by side as long as the sheet stays readable on a screen.
  const int across = plan.block_width <= 3 * (kCell + kGap) && rows.size() > 1 ? 2 : 1;
  const int down = (static_cast<int>(rows.size()) + across - 1) / across;
  const int width = 2 * kMargin + across * plan.block_width + (across - 1) * 2 * kGap - kGap;
  std::vector<std::string> head = PolicyInWords(policy, plan.policies);
  head.push_back(
      "Source with the crops of its views, then the views. Bars: place in the policy's range, from "
      "the tick that changes nothing; -: not applied.");
  if (views < rows[0].records.size()) {
    head.push_back(absl::StrCat("The first ", views, " of ", rows[0].records.size(), " views."));
  }
  const auto wrapped = [&](absl::string_view text, int scale) {
    return WrappedText(text, (width - 2 * kMargin) / (kLetterWidth * scale));
  };
  const std::vector<std::string> titles = wrapped(title, 2 * kTextScale);
  std::vector<std::string> head_lines;
  for (const std::string& line : head) {
    for (std::string& part : wrapped(line, kTextScale)) head_lines.push_back(std::move(part));
  }
  const int title_height = static_cast<int>(titles.size()) * kTitleLine;
  const int head_height =
      kMargin + title_height + static_cast<int>(head_lines.size()) * kLine + kMargin;
  RgbImage sheet;
  sheet.Resize(head_height + down * (plan.block_height + kMargin), width);
  FillRectangle(0, 0, sheet.height, sheet.width, kPaper, &sheet);
  for (size_t i = 0; i < titles.size(); ++i) {
    DrawText(kMargin + static_cast<int>(i) * kTitleLine, kMargin, 2 * kTextScale, kInk, titles[i],
             &sheet);
  }
  for (size_t i = 0; i < head_lines.size(); ++i) {
    DrawText(kMargin + title_height + static_cast<int>(i) * kLine, kMargin, kTextScale, kInk,
             head_lines[i], &sheet);
  }
  for (size_t r = 0; r < rows.size(); ++r) {
    const ContactSheetRow& row = rows[r];
    const int top = head_height + static_cast<int>(r) / across * (plan.block_height + kMargin);
    const int left = kMargin + static_cast<int>(r) % across * (plan.block_width + 2 * kGap);
    CASSLE_RETURN_IF_ERROR(DrawSource(top, left, row, views, &sheet));
    for (size_t v = 0; v < plan.cells.size() && v < row.views.size(); ++v) {
      const Cell& cell = plan.cells[v];
      CASSLE_ASSIGN_OR_RETURN(const RgbImage fitted, FitImage(row.views[v], cell.side));
      DrawImage(top + cell.top, left + cell.left, fitted, &sheet);
      DrawFrame(top + cell.top - 4, left + cell.left - 4, fitted.height + 8, fitted.width + 8, 4,
                ViewColor(v), &sheet);
      DrawCaptions(top + cell.caption_top, left + cell.caption_left, plan, row.records[v], v,
                   &sheet);
    }
  }
  return sheet;
}

}  // namespace cassle
