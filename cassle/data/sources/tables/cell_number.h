// Numbers as cells of other people's tables hold them: 3, 3.0, 1e3, and 3,5 where commas are
// decimal points (German, French, Brazilian spreadsheets).
#ifndef CASSLE_DATA_SOURCES_TABLES_CELL_NUMBER_H_
#define CASSLE_DATA_SOURCES_TABLES_CELL_NUMBER_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace cassle {

// The value of a decimal number, with a point or a comma; nothing for any other text: words of
// infinity, hexadecimals, and commas that may stand between thousands (1,500 and 1.234,5).
std::optional<double> CellNumber(absl::string_view cell);

// Of whole numbers: those of 64 bits if written as digits alone, else those below 2^53, however
// they are written.
std::optional<int64_t> CellWholeNumber(absl::string_view cell);

// Is it a number with a decimal comma?
bool HasDecimalComma(absl::string_view cell);

// Does it look like a number, but could be several or another one: 1,500 or 1.234,5 or 1,2,3?
bool IsUnclearNumber(absl::string_view cell);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_CELL_NUMBER_H_
