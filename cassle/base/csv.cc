#include "cassle/base/csv.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_file.h"

namespace cassle {
namespace {

constexpr char kByteOrderMark[] = "\xef\xbb\xbf";

// Of the three kinds: \n, \r\n and \r.
int LineEnds(absl::string_view text) {
  int ends = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool before_newline = i + 1 < text.size() && text[i + 1] == '\n';
    if (text[i] == '\n' || (text[i] == '\r' && !before_newline)) ++ends;
  }
  return ends;
}

// Takes row after row off the front of a text.
class Parser {
 public:
  Parser(absl::string_view text, const std::string& path, CsvComments comments, char separator)
      : rest_(text), path_(path), comments_(comments), separator_(separator) {}

  // False at the end of the text.
  absl::StatusOr<bool> Next(CsvRow* row) {
    SkipLinesWithoutCells();
    if (rest_.empty()) return false;
    row->line = line_;
    row->cells.clear();
    do {
      row->cells.emplace_back();
      CASSLE_RETURN_IF_ERROR(TakeCell(&row->cells.back()));
    } while (absl::ConsumePrefix(&rest_, absl::string_view(&separator_, 1)));
    TakeLineEnd();
    begun_ = true;
    return true;
  }

  // Lines that were skipped so far since they begin with #.
  int comments() const { return comments_skipped_; }

 private:
  void TakeLineEnd() {
    if (rest_.empty()) return;
    if (!absl::ConsumePrefix(&rest_, "\r\n")) rest_.remove_prefix(1);
    ++line_;
  }

  void SkipLinesWithoutCells() {
    while (!rest_.empty()) {
      const size_t end = std::min(rest_.find_first_of("\r\n"), rest_.size());
      const absl::string_view line = rest_.substr(0, end);
      const bool comment =
          absl::StartsWith(line, "#") &&
          (comments_ == CsvComments::kSkipped || (comments_ == CsvComments::kAtTop && !begun_));
      if (!comment && !absl::StripAsciiWhitespace(line).empty()) return;
      if (comment) ++comments_skipped_;
      rest_.remove_prefix(end);
      TakeLineEnd();
    }
  }

  // Up to the separator or the end of the line.
  absl::string_view TakeUnquoted() {
    const char ends[] = {separator_, '\r', '\n'};
    const size_t end =
        std::min(rest_.find_first_of(absl::string_view(ends, sizeof(ends))), rest_.size());
    const absl::string_view taken = rest_.substr(0, end);
    rest_.remove_prefix(end);
    return absl::StripAsciiWhitespace(taken);
  }

  absl::Status TakeCell(std::string* cell) {
    const size_t begin = rest_.find_first_not_of(separator_ == '\t' ? " \v\f" : " \t\v\f");
    if (begin == absl::string_view::npos || rest_[begin] != '"') {
      const absl::string_view text = TakeUnquoted();
      if (absl::StrContains(text, '"')) return Misplaced();
      *cell = std::string(text);
      return absl::OkStatus();
    }
    rest_.remove_prefix(begin + 1);
    const int first_line = line_;
    for (;;) {
      const size_t quote = rest_.find('"');
      if (quote == absl::string_view::npos) {
        return absl::DataLossError(absl::StrCat(path_, ":", first_line, ": a quote is not closed"));
      }
      const absl::string_view part = rest_.substr(0, quote);
      line_ += LineEnds(part);
      absl::StrAppend(cell, part);
      rest_.remove_prefix(quote + 1);
      if (!absl::ConsumePrefix(&rest_, "\"")) break;
      cell->push_back('"');
    }
    return TakeUnquoted().empty() ? absl::OkStatus() : Misplaced();
  }

  absl::Status Misplaced() const {
    return absl::DataLossError(absl::StrCat(
        path_, ":", line_,
        ": a quote in the middle of a cell: put the whole cell in quotes and double those inside"));
  }

  absl::string_view rest_;
  const std::string& path_;
  const CsvComments comments_;
  const char separator_;
  int line_ = 1;
  bool begun_ = false;
  int comments_skipped_ = 0;
};

absl::StatusOr<CsvTable> ParseDecoded(absl::string_view text, const std::string& path,
                                      CsvComments comments, char separator,
                                      const std::function<bool()>& interrupted = nullptr) {
  CsvTable table;
  table.path = path;
  Parser parser(text, path, comments, separator);
  CASSLE_ASSIGN_OR_RETURN(const bool any, parser.Next(&table.header));
  if (!any) return absl::DataLossError(absl::StrCat(path, ": the file has no lines"));
  table.comments = parser.comments();
  for (;;) {
    if (interrupted && interrupted()) {
      return absl::CancelledError(
          absl::StrCat("interrupted while ", path, " was read; start again to redo"));
    }
    CsvRow row;
    CASSLE_ASSIGN_OR_RETURN(const bool more, parser.Next(&row));
    if (!more) return table;
    if (row.cells.size() != table.header.cells.size()) {
      return absl::DataLossError(
          absl::StrCat(table.Origin(row), ": ", row.cells.size(), " cells, but line ",
                       table.header.line, " names ", table.header.cells.size(), " columns",
                       row.cells.size() > table.header.cells.size()
                           ? absl::StrCat("; a cell that holds '", absl::string_view(&separator, 1),
                                          "' has to stand in quotes")
                           : "; an absent cell is empty, but its separator is there"));
    }
    table.rows.push_back(std::move(row));
  }
}

}  // namespace

std::string CsvTable::Origin(const CsvRow& row) const { return absl::StrCat(path, ":", row.line); }

absl::StatusOr<int> CsvTable::Column(absl::string_view name) const {
  const auto found = std::find(header.cells.begin(), header.cells.end(), name);
  if (found != header.cells.end()) return static_cast<int>(found - header.cells.begin());
  return absl::FailedPreconditionError(
      absl::StrCat(Origin(header), ": no column is called '", name,
                   "'; the first line names the columns: ", absl::StrJoin(header.cells, ", ")));
}

absl::StatusOr<CsvTable> ParseCsv(absl::string_view text, const std::string& path,
                                  CsvComments comments) {
  CASSLE_ASSIGN_OR_RETURN(const std::string decoded, DecodeText(text, path));
  return ParseDecoded(decoded, path, comments, ',');
}

absl::StatusOr<CsvTable> ReadCsv(const std::string& path, CsvComments comments) {
  CASSLE_ASSIGN_OR_RETURN(const std::string text, ReadTextFile(path));
  return ParseDecoded(text, path, comments, ',');
}

absl::StatusOr<CsvTable> ParseSeparatedCsv(absl::string_view text, const std::string& path,
                                           const std::function<bool()>& interrupted) {
  CASSLE_ASSIGN_OR_RETURN(const std::string decoded, DecodeText(text, path, ForeignBytes::kKept));
  char best = ',';
  size_t most = 1;
  // Excel's own first line: "sep=;".
  absl::string_view told = decoded;
  absl::ConsumePrefix(&told, kByteOrderMark);
  if (told.size() > 5 && absl::StartsWithIgnoreCase(told, "sep=") &&
      (told[5] == '\n' || told[5] == '\r')) {
    // Its line end stays, so that lines are counted as they stand in the file.
    return ParseDecoded(told.substr(5), path, CsvComments::kAtTop, told[4], interrupted);
  }
  for (const char separator : {',', ';', '\t', '|'}) {
    CsvRow header;
    const absl::StatusOr<bool> any =
        Parser(decoded, path, CsvComments::kAtTop, separator).Next(&header);
    if (!any.ok() || !*any || header.cells.size() <= most) continue;
    most = header.cells.size();
    best = separator;
  }
  return ParseDecoded(decoded, path, CsvComments::kAtTop, best, interrupted);
}

std::string QuotedCsvCell(absl::string_view text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

std::string CsvCell(absl::string_view text) {
  const bool plain = text.find_first_of(",\"\r\n") == absl::string_view::npos &&
                     absl::StripAsciiWhitespace(text) == text &&
                     !absl::StartsWith(text, kByteOrderMark);
  return plain ? std::string(text) : QuotedCsvCell(text);
}

std::string CsvLine(const std::vector<std::string>& cells) {
  // Else it would be an empty line.
  if (cells.size() == 1 && cells[0].empty()) return "\"\"\n";
  return absl::StrCat(absl::StrJoin(cells, ",",
                                    [](std::string* out, const std::string& cell) {
                                      absl::StrAppend(out, CsvCell(cell));
                                    }),
                      "\n");
}

}  // namespace cassle
