#include "cassle/data/sources/tables/several_classes.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace cassle {
namespace {

bool IsBracketed(const std::string& cell) {
  return (absl::StartsWith(cell, "[") && absl::EndsWith(cell, "]")) ||
         (absl::StartsWith(cell, "{") && absl::EndsWith(cell, "}"));
}

// Two or more of the cells, joined by one of the separators; of ; and |, which few names have, one
// of the parts tells.
bool IsJoinedOfOthers(const std::string& cell, const std::map<std::string, std::string>& cells) {
  for (const char separator : {';', '|', ',', '/', '+', ' '}) {
    const std::vector<std::string> parts = absl::StrSplit(cell, separator);
    const auto known = std::count_if(parts.begin(), parts.end(), [&](const std::string& part) {
      return cells.count(std::string(absl::StripAsciiWhitespace(part))) > 0;
    });
    const bool rare = separator == ';' || separator == '|';
    if (parts.size() > 1 && known >= (rare ? 1 : static_cast<int64_t>(parts.size()))) return true;
  }
  return false;
}

// A list of one: ['cat'].
bool IsOneInBrackets(const std::string& cell) {
  return IsBracketed(cell) && cell.size() > 2 && cell.find(',') == std::string::npos;
}

}  // namespace

absl::Status CheckOneClassPerCell(const std::map<std::string, std::string>& cells,
                                  const std::string& column, Tally* tally) {
  for (const auto& [cell, origin] : cells) {
    if (IsOneInBrackets(cell)) {
      return absl::DataLossError(absl::StrCat(
          origin, ": '", cell, "' is a list, and ", column,
          " the name of a class: write the name alone (if it is called so, name it in --classes)"));
    }
    if (IsBracketed(cell) || IsJoinedOfOthers(cell, cells)) {
      return absl::DataLossError(absl::StrCat(
          origin, ": '", cell, "' names several classes, but an image has one of ", column,
          ": leave one (if it is the name of one class, name it in --classes)"));
    }
    if (absl::StrContains(cell, ';') || absl::StrContains(cell, '|')) {
      tally->Count(absl::StrCat("names with ; or | in ", column, " taken for one class each"),
                   cell);
    }
  }
  return absl::OkStatus();
}

}  // namespace cassle
