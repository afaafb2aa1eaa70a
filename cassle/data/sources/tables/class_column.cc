#include "cassle/data/sources/tables/class_column.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/tables/cell_number.h"
#include "cassle/data/sources/tables/several_classes.h"

namespace cassle {
namespace {

// The name of a cell among names: whole numbers as they are counted, codes like 007 as they stand.
std::string NameOf(const std::string& cell) {
  const std::optional<int64_t> number = CellWholeNumber(cell);
  const bool code = cell.size() > 1 && cell[0] == '0' && absl::ascii_isdigit(cell[1]);
  return number.has_value() && !code ? absl::StrCat(*number) : cell;
}

// Answers to a question, in any case.
bool IsYesOrNo(absl::string_view cell) {
  for (const char* word : {"true", "false", "yes", "no"}) {
    if (absl::EqualsIgnoreCase(cell, word)) return true;
  }
  return false;
}

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

bool ClassColumn::IsNoClass(const std::string& cell) const {
  return IsEmptyOrNan(cell) || (!signs_ && NameOf(cell) == "-1");
}

void ClassColumn::Add(const std::string& cell, const std::string& origin) {
  minus_one_ = minus_one_ || NameOf(cell) == "-1";
  if (IsNoClass(cell)) return;
  cells_.emplace(cell, origin);
  ++added_;
}

bool ClassColumn::EveryCellDiffers() const {
  return added_ >= kFewRows && static_cast<int64_t>(cells_.size()) == added_;
}

int64_t ClassColumn::LargestNumber() const {
  int64_t largest = -1;
  if (!numbers_) return largest;
  for (const auto& [cell, origin] : cells_) {
    largest = std::max(largest, CellWholeNumber(cell).value_or(-1));
  }
  return largest;
}

bool ClassColumn::AreNumbers() const {
  return std::all_of(cells_.begin(), cells_.end(), [](const auto& cell) {
    return CellNumber(cell.first).has_value() || IsWordForNothing(cell.first);
  });
}

bool ClassColumn::AreMeasures() const {
  return AreNumbers() && std::any_of(cells_.begin(), cells_.end(), [](const auto& cell) {
           if (IsWordForNothing(cell.first)) return false;
           const std::optional<int64_t> whole = CellWholeNumber(cell.first);
           return !whole.has_value() || *whole < 0;
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
      return CellWholeNumber(cell.first).has_value() && classes_.Index(cell.first) < 0 &&
             classes_.Index(NameOf(cell.first)) < 0;
    });
    return absl::OkStatus();
  }
  signs_ = minus_one_ && !cells_.empty() &&
           std::all_of(cells_.begin(), cells_.end(),
                       [](const auto& cell) { return NameOf(cell.first) == "1"; });
  if (signs_) {
    tally->Decide(absl::StrCat(name, ": -1 and 1 are taken for two classes"));
    classes_.SettleAs({"-1", "1"});
    return absl::OkStatus();
  }
  return AreNumbers() ? SettleNumbers(name, codes, tally) : SettleNames(name, order, tally);
}

absl::Status ClassColumn::SettleNumbers(const std::string& name, Codes codes, Tally* tally) {
  std::set<int64_t> numbers;
  for (const auto& [cell, origin] : cells_) {
    if (IsWordForNothing(cell)) continue;
    const std::optional<int64_t> number = CellWholeNumber(cell);
    if (!number.has_value() && std::all_of(cell.begin(), cell.end(), absl::ascii_isdigit)) {
      return absl::DataLossError(
          absl::StrCat(origin, ": ", name, " '", cell,
                       "' has too many digits for a number: if these are codes, put a letter in "
                       "front of each"));
    }
    if (!number.has_value() || HasDecimalComma(cell)) {
      return absl::DataLossError(absl::StrCat(
          origin, ": ", name, " '", cell,
          "' is no class: classes are whole numbers from 0, or names; measured numbers belong into "
          "a column of another name, as a further target"));
    }
    if (*number < 0) {
      return absl::DataLossError(absl::StrCat(
          origin, ": ", name, " '", cell,
          "' is no class: they are numbered from 0, and -1 or an empty cell means none"));
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

absl::Status ClassColumn::SettleNames(const std::string& name, v1::DatasetLayout::ClassOrder order,
                                      Tally* tally) {
  const bool numeric = std::all_of(cells_.begin(), cells_.end(), [](const auto& cell) {
    return CellNumber(cell.first).has_value() || IsUnclearNumber(cell.first);
  });
  if (numeric) {
    const auto unclear = std::find_if(cells_.begin(), cells_.end(),
                                      [](const auto& cell) { return IsUnclearNumber(cell.first); });
    return absl::DataLossError(absl::StrCat(
        unclear->second, ": ", name, " '", unclear->first,
        "' can be read as one number or several: write numbers with a decimal point and nothing "
        "between thousands (several in a column ",
        name, ":COUNT, with blanks between them)"));
  }
  CASSLE_RETURN_IF_ERROR(CheckOneClassPerCell(cells_, name, tally));
  CASSLE_RETURN_IF_ERROR(CheckOddCells(name, tally));
  FoldYesAndNo(name, tally);
  for (const auto& [cell, origin] : cells_) {
    if (IsWordForNothing(cell)) {
      tally->Decide(absl::StrCat(name, ": '", cell,
                                 "' is taken for a class; a row without one "
                                 "has an empty cell"));
    }
    classes_.Add(ClassOf(cell), tally);
  }
  classes_.Settle(order, tally);
  return absl::OkStatus();
}

absl::Status ClassColumn::CheckOddCells(const std::string& name, Tally* tally) const {
  int64_t numbers = 0;
  const std::pair<const std::string, std::string>*fraction = nullptr, *word = nullptr;
  for (const auto& cell : cells_) {
    if (!CellNumber(cell.first).has_value()) {
      if (word == nullptr) word = &cell;
      continue;
    }
    ++numbers;
    if (!CellWholeNumber(cell.first).has_value()) fraction = &cell;
  }
  if (word == nullptr || numbers == 0) return absl::OkStatus();
  if (fraction != nullptr) {
    return absl::DataLossError(absl::StrCat(word->second, ": ", name, " '", word->first,
                                            "' is no number, but '", fraction->first,
                                            "' is one: leave the cell empty where there is none"));
  }
  if (2 * numbers >= static_cast<int64_t>(cells_.size())) {
    tally->Decide(absl::StrCat(name, ": '", word->first, "' is no number (", word->second,
                               "), so the numbers are names of classes too"));
  }
  return absl::OkStatus();
}

void ClassColumn::FoldYesAndNo(const std::string& name, Tally* tally) {
  std::set<std::string> folded;
  for (const auto& [cell, origin] : cells_) {
    if (!IsYesOrNo(cell)) return;
    folded.insert(absl::AsciiStrToLower(cell));
  }
  fold_case_ = folded.size() < cells_.size();
  if (!fold_case_) return;
  tally->Decide(absl::StrCat(name, ": ", cells_.begin()->first, ", ",
                             std::next(cells_.begin())->first,
                             ", ... are written in several cases and taken for ", *folded.begin(),
                             folded.size() > 1 ? absl::StrCat(" and ", *folded.rbegin()) : ""));
}

std::string ClassColumn::ClassOf(const std::string& cell) const {
  return fold_case_ ? absl::AsciiStrToLower(cell) : NameOf(cell);
}

absl::StatusOr<int64_t> ClassColumn::Index(const std::string& cell,
                                           const std::string& origin) const {
  if (IsNoClass(cell)) return -1;
  if (numbers_) {
    const std::optional<int64_t> number = CellWholeNumber(cell);
    if (number.has_value()) return *number;
  }
  int64_t index = classes_.Index(cell);
  if (index < 0) index = classes_.Index(ClassOf(cell));
  // A word for nothing that is a class was added to the names.
  if (index < 0 && !IsWordForNothing(cell)) {
    return absl::DataLossError(
        absl::StrCat(origin, origin.empty() ? "'" : ": '", cell, "' is not among the classes"));
  }
  return index;
}

}  // namespace cassle
