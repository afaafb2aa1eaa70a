// Text files as other people's programs save them, as UTF-8.
#ifndef CASSLE_BASE_TEXT_FILE_H_
#define CASSLE_BASE_TEXT_FILE_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

// Is it UTF-8 throughout (RFC 3629: no surrogates, no overlong forms)?
bool IsUtf8(absl::string_view text);

// The text without blanks at its ends: those of ASCII, those of other alphabets (U+00A0, U+3000,
// ...) and what nobody sees (U+200B, a byte order mark, ...).
absl::string_view StripBlanks(absl::string_view text);

// What to do with bytes that are no UTF-8 in a text that is otherwise one of 8-bit characters.
enum class ForeignBytes { kRefused, kKept };

// The text of a file: UTF-8, its byte order marks left out; or UTF-16, told by its mark or by its
// zero bytes, converted. Line ends stay as they are. `path` is for errors.
// \error kDataLoss, one line with the remedy, if it is neither (UTF-32, no text at all; Latin-1,
// unless foreign bytes are kept).
absl::StatusOr<std::string> DecodeText(absl::string_view bytes, const std::string& path,
                                       ForeignBytes foreign = ForeignBytes::kRefused);

// \error kNotFound if the file cannot be read, else as DecodeText.
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace cassle

#endif  // CASSLE_BASE_TEXT_FILE_H_
