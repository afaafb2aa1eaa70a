#include "cassle/eval/curves/kept_links.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "google/protobuf/util/json_util.h"

namespace cassle {
namespace {

absl::Status ReadJson(const std::string& path, const std::string& what, bool known_fields_only,
                      google::protobuf::Message* message) {
  CASSLE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = !known_fields_only;
  const auto parsed = google::protobuf::util::JsonStringToMessage(text, message, options);
  if (parsed.ok()) return absl::OkStatus();
  // Its first line; the others draw where in the text.
  const absl::string_view reason(parsed.message().data(), parsed.message().size());
  return absl::DataLossError(
      absl::StrCat(path, " is no ", what, ": ", reason.substr(0, reason.find('\n'))));
}

int ValueOf(char digit) { return absl::ascii_isdigit(digit) ? digit - '0' : digit - 'a' + 10; }

// What is wrong with the probe in itself; empty: nothing.
std::string ProblemOf(const v1::KeptProbe& probe) {
  const size_t digits = (static_cast<size_t>(std::max(probe.num_test(), 0)) + 3) / 4;
  if (probe.num_test() < 1) return "it has no test images";
  if (probe.right().size() != digits) {
    return absl::StrCat("\"right\" has ", probe.right().size(), " digits, expected ", digits,
                        " for ", probe.num_test(), " images");
  }
  for (const char digit : probe.right()) {
    if (!absl::ascii_isdigit(digit) && !(digit >= 'a' && digit <= 'f')) {
      return "\"right\" has a character that is none of 0 to 9 and a to f";
    }
  }
  const std::vector<int8_t> right = RightAnswers(probe);
  const auto count = std::count(right.begin(), right.end(), 1);
  const int unused = static_cast<int>(4 * digits) - probe.num_test();
  if ((ValueOf(probe.right().back()) & ((1 << unused) - 1)) != 0) {
    return absl::StrCat("\"right\" has answers behind those of its ", probe.num_test(), " images");
  }
  if (count == probe.num_right()) return "";
  return absl::StrCat("\"right\" has ", count, " right answers, \"num_right\" says ",
                      probe.num_right());
}

template <class Values>
bool Ascends(const Values& values) {
  return std::adjacent_find(values.begin(), values.end(),
                            [](const auto& a, const auto& b) { return !(a < b); }) == values.end();
}

std::string ProblemOf(const v1::TrainingPlan& plan) {
  std::set<std::string> keys, titles, columns(plan.columns().begin(), plan.columns().end());
  for (const v1::PlannedRow& row : plan.rows()) {
    keys.insert(row.key());
    titles.insert(row.title());
  }
  const auto rows = static_cast<size_t>(plan.rows_size());
  // The empty key is no baseline's.
  if (rows == 0 || keys.size() != rows || titles.size() != rows || keys.count("") > 0) {
    return "it needs rows, each with a key and a title of its own";
  }
  if (columns.empty() || columns.size() != static_cast<size_t>(plan.columns_size())) {
    return "it needs columns, each once";
  }
  if (plan.epochs().empty() || plan.epochs(0) < 1 || !Ascends(plan.epochs())) {
    return "it needs epochs, ascending from 1 on";
  }
  if (plan.seeds().empty() || !Ascends(plan.seeds())) return "it needs seeds, ascending";
  for (const v1::PlannedRow& row : plan.rows()) {
    if (!Ascends(row.seeds()) || !std::includes(plan.seeds().begin(), plan.seeds().end(),
                                                row.seeds().begin(), row.seeds().end())) {
      return absl::StrCat("the seeds of row '", row.key(),
                          "' are not some of the plan's, ascending");
    }
    if (row.baseline().empty()) continue;
    if (row.baseline() != row.key() && keys.count(row.baseline()) > 0) continue;
    return absl::StrCat("the baseline '", row.baseline(), "' of row '", row.key(),
                        "' is no other row");
  }
  return "";
}

// What is wrong with the link in itself; empty: nothing.
std::string ProblemOf(const v1::KeptLink& link) {
  for (const double cost :
       {link.cpu_seconds(), link.wall_seconds(), link.energy_joules(), link.probe_cpu_seconds()}) {
    if (!(cost >= 0 && std::isfinite(cost))) return absl::StrCat("a cost is ", cost);
  }
  for (const v1::KeptProbe& probe : link.probes()) {
    const std::string problem = ProblemOf(probe);
    if (problem.empty()) continue;
    return absl::StrCat("the probe of '", probe.column(), "': ", problem);
  }
  return "";
}

// What is wrong with the link in this plan.
std::string ProblemOf(const v1::TrainingPlan& plan, const v1::KeptLink& link) {
  const auto row = std::find_if(plan.rows().begin(), plan.rows().end(),
                                [&](const v1::PlannedRow& r) { return r.key() == link.row(); });
  if (row == plan.rows().end()) return absl::StrCat("no row '", link.row(), "' is planned");
  const auto has = [](const auto& values, auto value) {
    return std::find(values.begin(), values.end(), value) != values.end();
  };
  if (!has(SeedsOf(plan, *row), link.seed())) {
    return absl::StrCat("no seed ", link.seed(), " of '", link.row(), "' is planned");
  }
  if (!has(plan.epochs(), link.epochs())) {
    return absl::StrCat("no measurement after ", link.epochs(), " epochs is planned");
  }
  if (link.flags() != row->flags()) {
    return absl::StrCat("it was trained with other flags (", link.flags(), ") than are planned (",
                        row->flags(), "); remove it, or plan them again");
  }
  for (const std::string& column : plan.columns()) {
    const auto count =
        std::count_if(link.probes().begin(), link.probes().end(),
                      [&](const v1::KeptProbe& probe) { return probe.column() == column; });
    if (count != 1) return absl::StrCat("it has ", count, " probes of '", column, "'; expected 1");
  }
  return "";
}

}  // namespace

absl::StatusOr<v1::TrainingPlan> ReadTrainingPlan(const std::string& path) {
  v1::TrainingPlan plan;
  CASSLE_RETURN_IF_ERROR(ReadJson(path, "plan", /*known_fields_only=*/false, &plan));
  const std::string problem = ProblemOf(plan);
  if (problem.empty()) return plan;
  return absl::DataLossError(absl::StrCat(path, " is no plan: ", problem));
}

absl::StatusOr<v1::KeptLink> ReadKeptLink(const std::string& path) {
  v1::KeptLink link;
  CASSLE_RETURN_IF_ERROR(ReadJson(path, "kept link", /*known_fields_only=*/true, &link));
  const std::string problem = ProblemOf(link);
  if (problem.empty()) return link;
  return absl::DataLossError(absl::StrCat(path, ": ", problem));
}

absl::StatusOr<std::vector<v1::KeptLink>> ReadKeptLinks(const v1::TrainingPlan& plan,
                                                        const std::vector<std::string>& paths) {
  std::vector<v1::KeptLink> links;
  std::map<std::tuple<std::string, int, int>, std::string> files;
  // Column -> the images of its first probe, and whose that is.
  std::map<std::string, std::pair<std::string, std::string>> images;
  for (const std::string& path : paths) {
    CASSLE_ASSIGN_OR_RETURN(v1::KeptLink link, ReadKeptLink(path));
    const std::string problem = ProblemOf(plan, link);
    if (!problem.empty()) return absl::DataLossError(absl::StrCat(path, ": ", problem));
    // tools/length.sh goes by the names.
    const std::string name =
        absl::StrCat(link.row(), "_", link.seed(), "_at_", link.epochs(), ".json");
    if (BaseName(path) != name) {
      return absl::DataLossError(
          absl::StrCat(path, " is of another link than its name says: rename it to ", name));
    }
    const auto [other, is_new] =
        files.emplace(std::make_tuple(link.row(), link.seed(), link.epochs()), path);
    if (!is_new) {
      return absl::DataLossError(
          absl::StrCat(path, " and ", other->second, " are of one link: remove one"));
    }
    for (const v1::KeptProbe& probe : link.probes()) {
      const std::string own =
          absl::StrCat(probe.num_test(), " images of data set ", probe.dataset_fingerprint());
      const auto& [first, whose] =
          images.emplace(probe.column(), std::make_pair(own, path)).first->second;
      if (first == own) continue;
      return absl::DataLossError(absl::StrCat(path, " and ", whose, ": '", probe.column(),
                                              "' was tested on different images (", own, "; ",
                                              first, "), which cannot be compared"));
    }
    links.push_back(std::move(link));
  }
  return links;
}

std::vector<int8_t> RightAnswers(const v1::KeptProbe& probe) {
  std::vector<int8_t> right(probe.num_test());
  for (size_t i = 0; i < right.size(); ++i) {
    right[i] = ValueOf(probe.right()[i / 4]) >> (3 - i % 4) & 1;
  }
  return right;
}

const google::protobuf::RepeatedField<int32_t>& SeedsOf(const v1::TrainingPlan& plan,
                                                        const v1::PlannedRow& row) {
  return row.seeds().empty() ? plan.seeds() : row.seeds();
}

const v1::KeptLink* FindLink(const std::vector<v1::KeptLink>& links, const std::string& row,
                             int seed, int epochs) {
  for (const v1::KeptLink& link : links) {
    if (link.row() == row && link.seed() == seed && link.epochs() == epochs) return &link;
  }
  return nullptr;
}

const v1::KeptProbe& ProbeOf(const v1::KeptLink& link, const std::string& column) {
  return *std::find_if(link.probes().begin(), link.probes().end(),
                       [&](const v1::KeptProbe& probe) { return probe.column() == column; });
}

}  // namespace cassle
