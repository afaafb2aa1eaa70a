#include "cassle/models/exchange/whole_blocks.h"

#include <map>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// "layer3", 0 of "layer3.0.bn1.bias"; "blocks", 7 of "blocks.7.norm1.bias"; -1: of no block.
std::pair<std::string, int> BlockOf(absl::string_view name) {
  const std::pair<absl::string_view, absl::string_view> first =
      absl::StrSplit(name, absl::MaxSplits('.', 1));
  int number = -1;
  const bool stage = absl::StartsWith(first.first, "layer") || first.first == "blocks";
  if (!stage || !absl::SimpleAtoi(first.second.substr(0, first.second.find('.')), &number)) {
    number = -1;
  }
  return {std::string(first.first), number};
}

}  // namespace

absl::Status CheckBlocks(const BackboneTensors& tensors) {
  const bool transformer = tensors.arrays.count("conv1.weight") == 0;
  // A tensor of each block, by its name in the file.
  std::map<std::pair<std::string, int>, absl::string_view> blocks;
  bool bottleneck = false;
  for (const auto& [name, array] : tensors.arrays) {
    const std::pair<std::string, int> block = BlockOf(name);
    if (block.second >= 0) blocks.emplace(block, array->name);
    bottleneck =
        bottleneck || (absl::StartsWith(name, "layer") && absl::EndsWith(name, ".conv3.weight"));
  }
  const auto check = [&](const std::string& name, absl::string_view beside) -> absl::Status {
    if (tensors.arrays.count(name) > 0) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("there is no ", name, ", which a block with ", beside, " has here"));
  };
  for (const auto& [block, beside] : blocks) {
    const std::string name = absl::StrCat(block.first, ".", block.second, ".");
    if (block.second > 0 && blocks.count({block.first, block.second - 1}) == 0) {
      return absl::DataLossError(absl::StrCat("there is a block ", name, " (", beside,
                                              "), and none ", block.second - 1, " before it"));
    }
    if (transformer) {
      CASSLE_RETURN_IF_ERROR(check(name + "norm1.weight", beside));
      continue;
    }
    CASSLE_RETURN_IF_ERROR(check(name + "conv1.weight", beside));
    if (bottleneck) CASSLE_RETURN_IF_ERROR(check(name + "conv3.weight", beside));
  }
  return absl::OkStatus();
}

}  // namespace cassle
