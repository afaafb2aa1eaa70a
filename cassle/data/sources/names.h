// Names of files and classes as other people's disks have them: any bytes, in any normal form.
// How messages and records hold them: cassle/base/escaped_name.h.
#ifndef CASSLE_DATA_SOURCES_NAMES_H_
#define CASSLE_DATA_SOURCES_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Phrase of the tally for names that EscapedName (cassle/base/escaped_name.h) changed.
inline constexpr char kNamesEscaped[] =
    "names escaped, which are not UTF-8 or have control characters";

// Unicode's composed form (NFC): the same for all ways to encode what reads the same. Bytes that
// are not UTF-8 stay.
std::string NormalForm(absl::string_view name);

// Unicode's decomposed form (NFD), in which macOS keeps names, likewise.
std::string DecomposedForm(absl::string_view name);

// "2" before "10": digits count by their value, everything else by its bytes.
bool NaturalLess(const std::string& a, const std::string& b);

// For the class names of a data set, whatever its layout. Names that differ in case
// alone, or in what nobody sees (blanks, dashes, characters without a shape), are classes of their
// own; the tally has them.
// \error kFailedPrecondition naming two that differ in Unicode's normal form alone.
absl::Status CheckClassNames(const std::vector<std::string>& names, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_NAMES_H_
