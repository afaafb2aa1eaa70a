// CSV (RFC 4180) whose first line names the columns: reading with messages that name file and line,
// and writing what reads back the same.
//
//   CASSLE_ASSIGN_OR_RETURN(const CsvTable table, ReadCsv(path));
//   CASSLE_ASSIGN_OR_RETURN(const int label, table.Column("label"));
//   for (const CsvRow& row : table.rows) Use(row.cells[label], table.Origin(row));
//
// Cells may be quoted: "a, ""b""", line breaks too. White space around a cell is no part of it,
// unless it is quoted. Lines end with \n, \r\n or \r; empty ones are skipped. The text is UTF-8 or
// UTF-16, with a byte order mark or without (cassle/base/text_file.h).
#ifndef CASSLE_BASE_CSV_H_
#define CASSLE_BASE_CSV_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

struct CsvRow {
  // Of its beginning, from 1.
  int line = 0;
  // As many as there are columns.
  std::vector<std::string> cells;
};

struct CsvTable {
  std::string path;
  // Lines before the header that were skipped, since they begin with #.
  int comments = 0;
  CsvRow header;
  std::vector<CsvRow> rows;

  // "PATH:LINE", for errors.
  std::string Origin(const CsvRow& row) const;
  // Index of a column.
  // \error kFailedPrecondition naming the columns that there are.
  absl::StatusOr<int> Column(absl::string_view name) const;
};

// Which lines that begin with # are skipped, as in files that people write: none, all, those before
// the header.
enum class CsvComments { kNone, kSkipped, kAtTop };

// `path` is for errors.
// \error kDataLoss, naming path and line: no lines, a quote that is not closed or not around its
// whole cell, another number of cells than of columns, no text.
absl::StatusOr<CsvTable> ParseCsv(absl::string_view text, const std::string& path,
                                  CsvComments comments = CsvComments::kNone);

// \error kNotFound if the file cannot be read, else as ParseCsv.
absl::StatusOr<CsvTable> ReadCsv(const std::string& path,
                                 CsvComments comments = CsvComments::kNone);

// A table whose cells may also be separated by ; | or tabs: by what makes most columns of the first
// line; by commas where that does not tell; or as a first line "sep=;" says. Lines at the top that
// begin with # are skipped and counted. Bytes that are no UTF-8 stay in the cells as they are.
// interrupted: asked before every row; true ends the reading. May be empty.
// \error as ParseCsv; kCancelled.
absl::StatusOr<CsvTable> ParseSeparatedCsv(absl::string_view text, const std::string& path,
                                           const std::function<bool()>& interrupted = nullptr);

// A cell as it stands in a file: in quotes where it needs them, or always.
std::string CsvCell(absl::string_view text);
std::string QuotedCsvCell(absl::string_view text);

// The line of these cells (at least one), with its end.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace cassle

#endif  // CASSLE_BASE_CSV_H_
