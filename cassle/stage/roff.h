// Text for man pages (roff with the macros of man(7)).
#ifndef CASSLE_STAGE_ROFF_H_
#define CASSLE_STAGE_ROFF_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

// Text that means nothing to roff: no escapes, no macro at its beginning, and no dash that becomes
// a hyphen, which could not be pasted into a shell.
std::string Roff(absl::string_view text);

// Lines that stay lines.
std::string RoffLines(const std::vector<std::string>& lines);

// The title line of NAME(1), with version and its date.
std::string RoffTitle(absl::string_view name);

}  // namespace cassle

#endif  // CASSLE_STAGE_ROFF_H_
