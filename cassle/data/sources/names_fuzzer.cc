// Names: escaping is reversible and makes UTF-8 of one line; the normal form is one.
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/data/sources/names.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string name(reinterpret_cast<const char*>(data), size);
  const std::string escaped = cassle::EscapedName(name);
  CASSLE_FUZZ_CHECK(cassle::UnescapedName(escaped) == name);
  for (char c : escaped) CASSLE_FUZZ_CHECK(!absl::ascii_iscntrl(c));
  CASSLE_FUZZ_CHECK(cassle::EscapedName(cassle::UnescapedName(escaped)) == escaped);
  const std::string normal = cassle::NormalForm(escaped);
  CASSLE_FUZZ_CHECK(cassle::NormalForm(normal) == normal);
  CASSLE_FUZZ_CHECK(!cassle::NaturalLess(name, name));
  CASSLE_FUZZ_CHECK(!(cassle::NaturalLess(name, escaped) && cassle::NaturalLess(escaped, name)));
  cassle::Tally tally;
  // The status is the one of two names that may be the same in another form.
  cassle::CheckClassNames({escaped, normal}, &tally).IgnoreError();
  return 0;
}
