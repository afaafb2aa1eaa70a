#include "cassle/data/sources/tables/cell_number.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"

namespace cassle {
namespace {

bool IsOf(absl::string_view cell, absl::string_view characters) {
  return !cell.empty() && std::all_of(cell.begin(), cell.end(), [&](char c) {
    return absl::ascii_isdigit(c) || absl::StrContains(characters, c);
  });
}

}  // namespace

bool HasDecimalComma(absl::string_view cell) {
  const size_t comma = cell.find(',');
  if (comma == absl::string_view::npos || !IsOf(cell, "+-,eE")) return false;
  const absl::string_view behind = cell.substr(comma + 1);
  const size_t digits = std::min(behind.find_first_not_of("0123456789"), behind.size());
  const bool thousands = digits == 3 && !absl::StartsWith(cell, "0,");
  return digits > 0 && !thousands && !absl::StrContains(behind, ',');
}

std::optional<double> CellNumber(absl::string_view cell) {
  double value = 0;
  if (HasDecimalComma(cell)) return CellNumber(absl::StrReplaceAll(cell, {{",", "."}}));
  if (!IsOf(cell, "+-.eE") || !absl::SimpleAtod(cell, &value) || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<int64_t> CellWholeNumber(absl::string_view cell) {
  // Codes may have more digits than a double holds.
  int64_t digits = 0;
  if (IsOf(cell, "+-") && absl::SimpleAtoi(cell, &digits)) return digits;
  const std::optional<double> value = CellNumber(cell);
  // Below 2^53 doubles are exact.
  if (!value.has_value() || std::floor(*value) != *value ||
      std::abs(*value) >= 9007199254740992.0) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*value);
}

bool IsUnclearNumber(absl::string_view cell) {
  return IsOf(cell, "+-.,'") && absl::ascii_isdigit(cell.back()) &&
         (absl::StrContains(cell, ',') || absl::StrContains(cell, '\'')) &&
         !CellNumber(cell).has_value();
}

}  // namespace cassle
