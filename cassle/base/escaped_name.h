// Names that other people's files hold, and sentences that quote them, as text on one line.
#ifndef CASSLE_BASE_ESCAPED_NAME_H_
#define CASSLE_BASE_ESCAPED_NAME_H_

#include <string>

#include "absl/strings/string_view.h"

namespace cassle {

// The name as records, lists and messages hold it: valid UTF-8 on one line. A byte that is not
// UTF-8 and a control character become \xE9 (two capital digits); a backslash becomes \x5C where it
// would otherwise read as one of these. All other names stay as they are, and no two names become
// the same.
std::string EscapedName(absl::string_view name);

// The name of which EscapedName made `escaped`.
std::string UnescapedName(absl::string_view escaped);

// The same of a sentence, whatever it quotes; names in it that are escaped already stay so.
std::string OneLine(absl::string_view sentence);

}  // namespace cassle

#endif  // CASSLE_BASE_ESCAPED_NAME_H_
