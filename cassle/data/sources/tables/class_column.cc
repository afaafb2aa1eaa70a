#include "cassle/data/sources/tables/class_column.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

// The value of a decimal number; nothing for any other text (words of infinity, hexadecimals).
std::optional<double> Number(absl::string_view cell) {
  const bool decimal = !cell.empty() && std::all_of(cell.begin(), cell.end(), [](char c) {
    return absl::ascii_isdigit(c) || absl::StrContains("+-.eE", c);
  });
  double value = 0;
  if (!decimal || !absl::SimpleAtod(cell, &value) || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Up to 2^53 doubles are exact.
std::optional<int64_t> WholeNumber(absl::string_view cell) {
  const std::optional<double> value = Number(cell);
  if (!value.has_value() || std::floor(*value) != *value || std::abs(*value) > 9007199254740992.0) {
    return std::nullopt;
  }
  return static_cast<int64_t>(*value);
}

// The name of a cell among names: whole numbers as they are counted, codes like 007 as they stand.
std::string NameOf(const std::string& cell) {
  const std::optional<int64_t> number = WholeNumber(cell);
  const bool code = cell.size() > 1 && cell[0] == '0' && absl::ascii_isdigit(cell[1]);
  return number.has_value() && !code ? absl::StrCat(*number) : cell;
}

bool IsNoClass(const std::string& cell) { return IsEmptyOrNan(cell) || NameOf(cell) == "-1"; }

// Would numbering 0 .. largest leave most of the classes without an image?
bool AreCodes(const std::set<int64_t>& numbers) {
  return !numbers.empty() && *numbers.rbegin() >= 100 &&
         static_cast<int64_t>(numbers.size()) < *numbers.rbegin() / 10;
}

}  // namespace

bool IsEmptyOrNan(absl::string_view cell) {
  return cell.empty() || absl::EqualsIgnoreCase(cell, "nan");
}

bool IsWordForNothing(absl::string_view cell) {
  for (const char* word : {"na", "n/a", "#n/a", "<na>", "none", "null"}) {
    if (absl::EqualsIgnoreCase(cell, word)) return true;
  }
  return false;
}

void ClassColumn::Add(const std::string& cell, const std::string& origin) {
  if (!IsNoClass(cell)) cells_.emplace(cell, origin);
}

bool ClassColumn::AreNumbers() const {
  return std::all_of(cells_.begin(), cells_.end(), [](const auto& cell) {
    return Number(cell.first).has_value() || IsWordForNothing(cell.first);
  });
}

bool ClassColumn::HasFractions() const {
  return AreNumbers() && std::any_of(cells_.begin(), cells_.end(), [](const auto& cell) {
           return !IsWordForNothing(cell.first) && !WholeNumber(cell.first).has_value();
         });
}

absl::Status ClassColumn::Settle(const std::string& name, std::vector<std::string> given,
                                 Codes codes, v1::DatasetLayout::ClassOrder order, Tally* tally) {
  if (!given.empty()) {
    if (order != v1::DatasetLayout::BYTES) {
      return absl::InvalidArgumentError(
          "--class_order: the classes are named in a file, in an order of their own");
    }
    classes_.SettleAs(std::move(given));
    numbers_ = std::any_of(cells_.begin(), cells_.end(), [&](const auto& cell) {
      return WholeNumber(cell.first).has_value() && classes_.Index(cell.first) < 0 &&
             classes_.Index(NameOf(cell.first)) < 0;
    });
    return absl::OkStatus();
  }
  if (AreNumbers()) {
    std::set<int64_t> numbers;
    for (const auto& [cell, origin] : cells_) {
      if (IsWordForNothing(cell)) continue;
      const std::optional<int64_t> number = WholeNumber(cell);
      if (!number.has_value()) {
        return absl::DataLossError(
            absl::StrCat(origin, ": '", cell,
                         "' is no class number; a column of one number a row "
                         "is called NAME:1, and names of classes are given with --classes"));
      }
      if (*number < 0) {
        return absl::DataLossError(absl::StrCat(origin, ": '", cell, "' is no class number"));
      }
      numbers.insert(*number);
    }
    numbers_ = codes == Codes::kNumbers || !AreCodes(numbers);
    if (numbers_) return absl::OkStatus();
    std::vector<std::string> names;
    for (const int64_t number : numbers) names.push_back(absl::StrCat(number));
    classes_.SettleAs(std::move(names));
    tally->Decide(absl::StrCat(name, ": ", numbers.size(), " numbers up to ", *numbers.rbegin(),
                               " are taken for codes: they are the classes, in their order "
                               "(--classes names other ones)"));
    return absl::OkStatus();
  }
  for (const auto& [cell, origin] : cells_) {
    if (IsWordForNothing(cell)) {
      tally->Decide(absl::StrCat(name, ": '", cell,
                                 "' is taken for a class; a row without one "
                                 "has an empty cell"));
    }
    classes_.Add(NameOf(cell), tally);
  }
  classes_.Settle(order, tally);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ClassColumn::Index(const std::string& cell,
                                           const std::string& origin) const {
  if (IsNoClass(cell)) return -1;
  if (numbers_) {
    const std::optional<int64_t> number = WholeNumber(cell);
    if (number.has_value()) return *number;
  }
  int64_t index = classes_.Index(cell);
  if (index < 0) index = classes_.Index(NameOf(cell));
  // A word for nothing that is a class was added to the names.
  if (index < 0 && !IsWordForNothing(cell)) {
    return absl::DataLossError(
        absl::StrCat(origin, origin.empty() ? "'" : ": '", cell, "' is not among the classes"));
  }
  return index;
}

}  // namespace cassle
