#include "cassle/stage/roff.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/build_facts.h"

namespace cassle {

std::string Roff(absl::string_view text) {
  const std::string escaped = absl::StrReplaceAll(text, {{"\\", "\\e"}, {"-", "\\-"}});
  const bool macro = !escaped.empty() && (escaped[0] == '.' || escaped[0] == '\'');
  return absl::StrCat(macro ? "\\&" : "", escaped);
}

std::string RoffLines(const std::vector<std::string>& lines) {
  std::string text = ".nf\n";
  for (const std::string& line : lines) {
    absl::StrAppend(&text, line.empty() ? std::string("\\&") : Roff(line), "\n");
  }
  return absl::StrCat(text, ".fi\n");
}

std::string RoffTitle(absl::string_view name) {
  return absl::StrCat(".TH ", Roff(absl::AsciiStrToUpper(name)), " 1 ", kVersionDate, " \"cassle ",
                      kVersion, "\" cassle\n");
}

}  // namespace cassle
