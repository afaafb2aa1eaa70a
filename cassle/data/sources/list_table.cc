#include "cassle/data/sources/list_table.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/mat_table.h"
#include "cassle/data/sources/source.h"

namespace cassle {
namespace {

bool IsImageName(const std::string& name) {
  const std::string lower = absl::AsciiStrToLower(name);
  return absl::EndsWith(lower, ".jpg") || absl::EndsWith(lower, ".jpeg") ||
         absl::EndsWith(lower, ".png");
}

}  // namespace

absl::StatusOr<std::vector<ListRow>> ReadListTable(const std::string& root,
                                                   const std::string& list) {
  const std::string path = JoinPath(root, list);
  std::vector<ListRow> rows;
  if (absl::EndsWith(list, "/")) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFilesBelow(path));
    for (const std::string& file : files) {
      if (!IsImageName(file) || file[0] == '.') continue;
      const std::string name = list == "./" ? file : absl::StrCat(list, file);
      rows.push_back({absl::StrCat(path, file), {name}});
    }
    return rows;
  }
  const size_t variable = path.rfind(".mat:");
  if (variable != std::string::npos) {
    return ReadMatTable(path.substr(0, variable + 4), path.substr(variable + 5));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> lines, ReadLines(path));
  for (size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::string> fields =
        absl::StrSplit(lines[i], absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (!fields.empty()) rows.push_back({absl::StrCat(path, ":", i + 1), std::move(fields)});
  }
  return rows;
}

}  // namespace cassle
