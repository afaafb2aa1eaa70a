#include "cassle/ssl/training/computed_by.h"

#include <c10/core/DeviceType.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

constexpr char kUsual[] = "one process on the processor";

}  // namespace

std::string DescribePlace(int ranks, c10::Device device) {
  if (ranks == 1 && device.is_cpu()) return kUsual;
  return absl::StrCat(
      ranks == 1 ? "one process" : absl::StrCat(ranks, " ranks"), " on ",
      device.is_cpu() ? "the processor" : c10::DeviceTypeName(device.type(), /*lower_case=*/true));
}

std::string LastPlace(const v1::TrainState& state) {
  if (state.step() == 0) return "";
  const int places = state.computed_by_size();
  return places == 0 ? kUsual : state.computed_by(places - 1);
}

void AddPlace(const std::string& place, v1::TrainState* state) {
  const std::string last = LastPlace(*state);
  if (place == (last.empty() ? kUsual : last)) return;
  if (!last.empty() && state->computed_by_size() == 0) state->add_computed_by(last);
  state->add_computed_by(place);
}

std::string ComputedBySentence(const v1::TrainState& state) {
  const auto& places = state.computed_by();
  if (places.empty()) return "";
  return absl::StrCat("computed by ", absl::StrJoin(places, ", then by "),
                      places.size() == 1 ? ": last bits depend on that"
                                         : ": last bits are those of none of them alone");
}

}  // namespace cassle
