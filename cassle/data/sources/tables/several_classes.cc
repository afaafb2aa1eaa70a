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

// Two or more of the cells, joined by one of the separators.
bool IsJoinedOfOthers(const std::string& cell, const std::map<std::string, std::string>& cells) {
  for (const char separator : {';', '|', ',', '/', '+', ' '}) {
    const std::vector<std::string> parts = absl::StrSplit(cell, separator);
    if (parts.size() > 1 && std::all_of(parts.begin(), parts.end(), [&](const std::string& part) {
          return cells.count(std::string(absl::StripAsciiWhitespace(part))) > 0;
        })) {
      return true;
    }
  }
  return false;
}

}  // namespace

absl::Status CheckOneClassPerCell(const std::map<std::string, std::string>& cells,
                                  const std::string& column, Tally* tally) {
  for (const auto& [cell, origin] : cells) {
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
