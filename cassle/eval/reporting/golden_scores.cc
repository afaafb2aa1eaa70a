#include "cassle/eval/reporting/golden_scores.h"

#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/reporting/report_text.h"

namespace cassle {
namespace {

constexpr char kUsage[] =
    "usage: golden-scores compare|refresh TABLE GOLDEN BOUNDS CLAIMS "
    "(cassle/eval/reporting/golden_scores.h)";
constexpr char kOtherRows[] = "*";
// Of decimal fractions in floating point.
constexpr double kRounding = 1e-9;

// Stage, row, column.
using Key = std::array<std::string, 3>;

std::string Shown(const Key& key) { return absl::StrJoin(key, ", "); }

// Numbers by their keys, in the order in which they came.
class Numbers {
 public:
  // `origin` is for errors.
  absl::Status Add(const std::string& origin, const Key& key, double value) {
    if (!std::isfinite(value)) {
      return absl::DataLossError(absl::StrCat(origin, ": ", Shown(key), " is ", value));
    }
    if (!values_.emplace(key, value).second) {
      return absl::DataLossError(absl::StrCat(origin, ": ", Shown(key), " is there twice"));
    }
    keys_.push_back(key);
    return absl::OkStatus();
  }

  const std::vector<Key>& keys() const { return keys_; }
  // Null if there is none.
  const double* Find(const Key& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }

 private:
  std::map<Key, double> values_;
  std::vector<Key> keys_;
};

absl::StatusOr<double> NumberIn(const CsvTable& table, const CsvRow& row, int column) {
  double value;
  if (absl::SimpleAtod(row.cells[column], &value) && std::isfinite(value)) return value;
  return absl::DataLossError(absl::StrCat(table.Origin(row), ": ", table.header.cells[column], " '",
                                          row.cells[column], "' is not a number"));
}

// The lines stage, row, column, NAME of a table.
absl::StatusOr<Numbers> NumbersOf(const CsvTable& table, absl::string_view name) {
  CASSLE_ASSIGN_OR_RETURN(const int stage, table.Column("stage"));
  CASSLE_ASSIGN_OR_RETURN(const int row, table.Column("row"));
  CASSLE_ASSIGN_OR_RETURN(const int column, table.Column("column"));
  CASSLE_ASSIGN_OR_RETURN(const int value, table.Column(name));
  Numbers numbers;
  for (const CsvRow& line : table.rows) {
    CASSLE_ASSIGN_OR_RETURN(const double number, NumberIn(table, line, value));
    CASSLE_RETURN_IF_ERROR(numbers.Add(
        table.Origin(line), {line.cells[stage], line.cells[row], line.cells[column]}, number));
  }
  return numbers;
}

absl::StatusOr<Numbers> ScoresOf(const v1::ReportTable& report) {
  Numbers scores;
  for (const v1::StageTable& table : TablesOf(report)) {
    for (const v1::ReportRow& row : table.rows()) {
      for (int c = 0; c < row.cells_size(); ++c) {
        for (const v1::ReportRun& run : row.cells(c).runs()) {
          CASSLE_RETURN_IF_ERROR(scores.Add(
              "the report", {table.stage(), row.name(), table.columns(c).name()}, run.value()));
        }
      }
    }
  }
  if (scores.keys().empty()) return absl::DataLossError("the report has no scores");
  return scores;
}

// As GOLDEN has it.
double Rounded(double score) {
  return std::strtod(absl::StrFormat("%.4f", score).c_str(), nullptr);
}

std::string Line(absl::string_view name, absl::string_view golden, absl::string_view now,
                 absl::string_view change, absl::string_view within, absl::string_view verdict) {
  return absl::StrFormat("%-64s %9s %9s %9s %8s  %s\n", name, golden, now, change, within, verdict);
}

// What the claim on `line` says of `key`, whose score is missing.
absl::Status NoScore(const std::string& origin, const Numbers& scores, const Key& key) {
  constexpr const char* kParts[] = {"stage", "row", "column"};
  for (int part = 0; part < 3; ++part) {
    // Parts of the scores of this stage; stages themselves are those of all.
    std::vector<std::string> known;
    for (const Key& score : scores.keys()) {
      const bool is_new = std::find(known.begin(), known.end(), score[part]) == known.end();
      if (is_new && (part == 0 || score[0] == key[0])) known.push_back(score[part]);
    }
    if (std::find(known.begin(), known.end(), key[part]) == known.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat(origin, ": there is no ", kParts[part], " '", key[part], "'",
                       part == 0 ? "" : absl::StrCat(" in ", key[0]), "; there are ",
                       absl::StrJoin(known, "; ")));
    }
  }
  return absl::FailedPreconditionError(absl::StrCat(origin, ": there is no score ", Shown(key)));
}

class Comparison {
 public:
  Comparison(Numbers scores, Numbers golden, Numbers bounds)
      : scores_(std::move(scores)), golden_(std::move(golden)), bounds_(std::move(bounds)) {
    result_.text = Line("score", "golden", "now", "change", "within", "");
    result_.csv = CsvLine({"stage", "row", "column", "value"});
  }

  void CompareScores() {
    for (const Key& key : scores_.keys()) {
      const double score = *scores_.Find(key);
      Compare(key, score);
      result_.csv += CsvLine({key[0], key[1], key[2], absl::StrFormat("%.4f", score)});
    }
    for (const Key& key : golden_.keys()) {
      if (scores_.Find(key) == nullptr) NotAsGolden(key, golden_.Find(key), "-", "GONE");
    }
    result_.text += "\n";
  }

  absl::Status CheckClaims(const CsvTable& claims) {
    CASSLE_ASSIGN_OR_RETURN(const int stage, claims.Column("stage"));
    CASSLE_ASSIGN_OR_RETURN(const int column, claims.Column("column"));
    CASSLE_ASSIGN_OR_RETURN(const int more, claims.Column("more"));
    CASSLE_ASSIGN_OR_RETURN(const int less, claims.Column("less"));
    CASSLE_ASSIGN_OR_RETURN(const int by, claims.Column("by"));
    for (const CsvRow& line : claims.rows) {
      const auto score = [&](int row) -> absl::StatusOr<double> {
        const Key key = {line.cells[stage], line.cells[row], line.cells[column]};
        const double* const found = scores_.Find(key);
        if (found == nullptr) return NoScore(claims.Origin(line), scores_, key);
        return *found;
      };
      CASSLE_ASSIGN_OR_RETURN(const double high, score(more));
      CASSLE_ASSIGN_OR_RETURN(const double low, score(less));
      CASSLE_ASSIGN_OR_RETURN(const double wanted, NumberIn(claims, line, by));
      const bool holds = high - low >= wanted;
      if (!holds) ++result_.broken_claims;
      absl::StrAppendFormat(&result_.text,
                            "%s, %s: %s is %+.4f from %s, claimed at least %+.4f: %s\n",
                            line.cells[stage], line.cells[column], line.cells[more], high - low,
                            line.cells[less], wanted, holds ? "holds" : "DOES NOT HOLD");
    }
    absl::StrAppendFormat(&result_.text,
                          "\n%d scores, %d not as golden, %d of them beyond bounds or unknown; %d "
                          "of %d claims do not "
                          "hold\n",
                          scores_.keys().size(), moved_, result_.beyond, result_.broken_claims,
                          claims.rows.size());
    return absl::OkStatus();
  }

  GoldenComparison TakeResult() { return std::move(result_); }

 private:
  void Compare(const Key& key, double score) {
    const std::string now = absl::StrFormat("%.4f", score);
    const double* within = bounds_.Find(key);
    if (within == nullptr) within = bounds_.Find({key[0], kOtherRows, key[2]});
    const double* const golden = golden_.Find(key);
    if (within == nullptr) return NotAsGolden(key, golden, now, "NO BOUND");
    if (golden == nullptr) return NotAsGolden(key, golden, now, "NEW");
    // What golden.csv rounded is no change.
    const double change = Rounded(score) - *golden;
    const bool beyond = std::fabs(change) > *within + kRounding;
    if (change != 0) ++moved_;
    if (beyond) ++result_.beyond;
    result_.text +=
        Line(Name(key), absl::StrFormat("%.4f", *golden), now, absl::StrFormat("%+.4f", change),
             absl::StrCat(*within), beyond ? "BEYOND" : "ok");
  }

  void NotAsGolden(const Key& key, const double* golden, absl::string_view now,
                   absl::string_view verdict) {
    ++moved_;
    ++result_.beyond;
    result_.text += Line(Name(key), golden == nullptr ? "-" : absl::StrFormat("%.4f", *golden), now,
                         "-", "-", verdict);
  }

  static std::string Name(const Key& key) { return absl::StrJoin(key, ": "); }

  const Numbers scores_;
  const Numbers golden_;
  const Numbers bounds_;
  int moved_ = 0;
  GoldenComparison result_;
};

absl::StatusOr<v1::ReportTable> ReadReport(const std::string& folder) {
  const std::string path = JoinPath(folder, "table.json");
  CASSLE_ASSIGN_OR_RETURN(const std::string json, ReadFile(path));
  v1::ReportTable report;
  const auto parsed = google::protobuf::util::JsonStringToMessage(json, &report);
  if (!parsed.ok()) return absl::DataLossError(absl::StrCat(path, ": ", parsed.ToString()));
  return report;
}

}  // namespace

absl::StatusOr<GoldenComparison> CompareWithGolden(const v1::ReportTable& report,
                                                   const std::optional<CsvTable>& golden,
                                                   const CsvTable& bounds, const CsvTable& claims) {
  CASSLE_ASSIGN_OR_RETURN(Numbers scores, ScoresOf(report));
  Numbers old;
  if (golden.has_value()) {
    CASSLE_ASSIGN_OR_RETURN(old, NumbersOf(*golden, "value"));
  }
  CASSLE_ASSIGN_OR_RETURN(Numbers within, NumbersOf(bounds, "within"));
  Comparison comparison(std::move(scores), std::move(old), std::move(within));
  comparison.CompareScores();
  CASSLE_RETURN_IF_ERROR(comparison.CheckClaims(claims));
  return comparison.TakeResult();
}

absl::StatusOr<bool> RunGoldenScores(const std::vector<std::string>& arguments,
                                     const std::string& source_tree, std::ostream& out) {
  if (arguments.size() != 5 || (arguments[0] != "compare" && arguments[0] != "refresh")) {
    return absl::InvalidArgumentError(kUsage);
  }
  const bool refresh = arguments[0] == "refresh";
  const std::string path = refresh ? JoinPath(source_tree, arguments[2]) : arguments[2];
  CASSLE_ASSIGN_OR_RETURN(const v1::ReportTable report, ReadReport(arguments[1]));
  std::optional<CsvTable> golden;
  if (!refresh || FileExists(path)) {
    CASSLE_ASSIGN_OR_RETURN(golden, ReadCsv(path, CsvComments::kSkipped));
  }
  CASSLE_ASSIGN_OR_RETURN(const CsvTable bounds, ReadCsv(arguments[3], CsvComments::kSkipped));
  CASSLE_ASSIGN_OR_RETURN(const CsvTable claims, ReadCsv(arguments[4], CsvComments::kSkipped));
  CASSLE_ASSIGN_OR_RETURN(const GoldenComparison comparison,
                          CompareWithGolden(report, golden, bounds, claims));
  out << comparison.text;
  if (comparison.broken_claims > 0) {
    out << "Claims hold on any machine (" << arguments[4]
        << "): refreshing does not help. What the change broke has to be mended.\n";
    return false;
  }
  if (!refresh) {
    if (comparison.beyond == 0) return true;
    out << "Is the change meant? bazel run //" << DirName(path) << ":refresh shows it and writes "
        << path << "; commit that with the reason.\n";
    return false;
  }
  if (golden.has_value()) {
    CASSLE_ASSIGN_OR_RETURN(const std::string old, ReadFile(path));
    if (old == comparison.csv) {
      out << path << " is up to date\n";
      return true;
    }
  }
  CASSLE_RETURN_IF_ERROR(WriteFileAtomically(path, comparison.csv));
  out << "wrote " << path << "\n";
  return true;
}

}  // namespace cassle
