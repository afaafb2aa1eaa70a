#include "cassle/data/sources/tables/list_table.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/tables/mat_table.h"

namespace cassle {
namespace {

// A line's fields and what separates them.
ListRow SplitLine(absl::string_view line, std::string origin) {
  ListRow row;
  row.origin = std::move(origin);
  bool single_blanks = true;
  size_t at = 0;
  while (true) {
    const size_t start = line.find_first_not_of(" \t", at);
    if (start == absl::string_view::npos) break;
    const size_t end = std::min(line.find_first_of(" \t", start), line.size());
    row.gaps.emplace_back(line.substr(at, start - at));
    single_blanks = single_blanks && (row.fields.empty() || row.gaps.back() == " ");
    absl::string_view field = line.substr(start, end - start);
    // As find writes paths; what a class is called after has no such folder.
    while (absl::ConsumePrefix(&field, "./")) {
    }
    row.fields.emplace_back(field);
    at = end;
  }
  if (single_blanks) row.gaps.clear();
  return row;
}

}  // namespace

std::string ListRow::Rest(size_t first) const {
  if (gaps.empty()) return absl::StrJoin(fields.begin() + first, fields.end(), " ");
  std::string rest;
  for (size_t i = first; i < fields.size(); ++i) {
    absl::StrAppend(&rest, i == first ? "" : i < gaps.size() ? gaps[i] : " ", fields[i]);
  }
  return rest;
}

absl::StatusOr<std::vector<ListRow>> ReadListTable(const std::string& list,
                                                   const SourceArguments& arguments,
                                                   EmptyLines empty) {
  const std::string& root = arguments.inputs[0].path;
  const std::string path = JoinPath(root, list);
  std::vector<ListRow> rows;
  if (absl::EndsWith(list, "/")) {
    const std::string prefix = list == "./" ? "" : list;
    CASSLE_ASSIGN_OR_RETURN(const ImageFiles files,
                            ListImageFiles(path, prefix, arguments, OtherFiles::kIgnore));
    for (const std::string& file : files.images) {
      rows.push_back({absl::StrCat(path, file), {JoinPath(prefix, file)}, {}});
    }
    return rows;
  }
  const size_t variable = path.rfind(".mat:");
  if (variable != std::string::npos) {
    return ReadMatTable(path.substr(0, variable + 4), path.substr(variable + 5));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> lines,
                          ReadLines(path, ForeignBytes::kKept));
  for (size_t i = 0; i < lines.size(); ++i) {
    ListRow row = SplitLine(lines[i], absl::StrCat(path, ":", i + 1));
    if (row.fields.empty() && empty == EmptyLines::kSkipped) continue;
    rows.push_back(std::move(row));
  }
  return rows;
}

absl::StatusOr<std::vector<std::string>> ReadListClasses(const std::string& list,
                                                         const SourceArguments& arguments) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ListRow> rows,
                          ReadListTable(list, arguments, EmptyLines::kRows));
  std::vector<std::string> names;
  std::set<std::string> known;
  for (const ListRow& row : rows) {
    names.push_back(row.fields.empty() ? "" : EscapedName(row.fields.back()));
    CASSLE_RETURN_IF_ERROR(CheckClassName(names.back(), row.origin, &known));
  }
  return names;
}

}  // namespace cassle
