#include "cassle/data/images/xmp.h"

#include "absl/strings/strip.h"

namespace cassle {

int ReadXmpOrientation(absl::string_view packet) {
  constexpr absl::string_view kName = "tiff:Orientation";
  for (size_t at = packet.find(kName); at != absl::string_view::npos; at = packet.find(kName)) {
    packet.remove_prefix(at + kName.size());
    absl::string_view value = packet;
    if (!absl::ConsumePrefix(&value, "=\"") && !absl::ConsumePrefix(&value, ">")) continue;
    if (value.empty() || value[0] < '0' || value[0] > '9') continue;
    return value[0] >= '1' && value[0] <= '8' ? value[0] - '0' : 1;
  }
  return 1;
}

}  // namespace cassle
