#include "cassle/models/weights/state_difference.h"

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {
namespace {

constexpr size_t kShown = 8;

std::string Shape(const std::vector<int64_t>& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ", "), "]");
}

struct Pair {
  const TensorSignature* expected;
  const TensorSignature* found;
};

struct Difference {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
  std::vector<Pair> changed;

  bool empty() const { return missing.empty() && unexpected.empty() && changed.empty(); }
};

// "3 missing: a, b, ..." with at most `room` names.
void Append(const std::string& what, const std::vector<std::string>& entries, size_t room,
            std::vector<std::string>* parts) {
  if (entries.empty()) return;
  const size_t shown = std::min(entries.size(), std::max<size_t>(room, 1));
  parts->push_back(absl::StrCat(
      entries.size(), " ", what, ": ",
      absl::StrJoin(entries.begin(), entries.begin() + shown, ", "),
      shown < entries.size() ? absl::StrCat(" and ", entries.size() - shown, " more") : ""));
}

bool Mentions(const std::vector<std::string>& names, absl::string_view part) {
  return std::any_of(names.begin(), names.end(),
                     [part](const std::string& name) { return absl::StrContains(name, part); });
}

// Only the kernel of the first convolution of a residual network.
bool IsStem(const Pair& pair) {
  const std::string& name = pair.expected->name;
  const std::vector<int64_t>& a = pair.expected->shape;
  const std::vector<int64_t>& b = pair.found->shape;
  return (name == "conv1.weight" || absl::EndsWith(name, "backbone.conv1.weight")) &&
         a.size() == 4 && b.size() == 4 && a[0] == b[0] && a[1] == b[1] && a[2] != b[2];
}

std::string Reason(const Difference& difference) {
  std::vector<std::string> lone = difference.missing;
  lone.insert(lone.end(), difference.unexpected.begin(), difference.unexpected.end());
  std::vector<std::string> changed;
  for (const Pair& pair : difference.changed) {
    if (pair.expected->shape != pair.found->shape) changed.push_back(pair.expected->name);
  }
  std::vector<std::string> reasons;
  if (std::any_of(difference.changed.begin(), difference.changed.end(), IsStem)) {
    reasons.push_back("another stem");
  }
  if (Mentions(changed, "patch_embed.proj.weight") || Mentions(changed, "pos_embed")) {
    reasons.push_back("another patch size, image size or width");
  }
  if (Mentions(lone, "layer") || Mentions(lone, "blocks.") || Mentions(lone, "cls_token")) {
    reasons.push_back("another architecture");
  } else if (Mentions(changed, "layer") || Mentions(changed, "blocks.")) {
    reasons.push_back("another width");
  }
  if (Mentions(lone, "conditioner.") || Mentions(changed, "conditioner.") ||
      Mentions(changed, "projector.mlp.0.")) {
    reasons.push_back("another conditioning");
  }
  if (Mentions(lone, "projector.") || Mentions(lone, "predictor.") || Mentions(lone, "momentum_")) {
    reasons.push_back("another method or conditioning");
  }
  if (Mentions(lone, "optimizer.")) reasons.push_back("another optimiser");
  if (Mentions(changed, "queue")) reasons.push_back("another size of the queue");
  if (reasons.empty()) return "";
  return absl::StrCat(". Likely ", absl::StrJoin(reasons, ", or "));
}

}  // namespace

std::string DescribeDifference(const std::vector<TensorSignature>& expected,
                               const std::vector<TensorSignature>& found) {
  std::map<std::string, const TensorSignature*> left;
  for (const TensorSignature& tensor : found) left[tensor.name] = &tensor;
  Difference difference;
  for (const TensorSignature& tensor : expected) {
    const auto match = left.find(tensor.name);
    if (match == left.end()) {
      difference.missing.push_back(tensor.name);
      continue;
    }
    if (match->second->shape != tensor.shape || match->second->dtype != tensor.dtype) {
      difference.changed.push_back({&tensor, match->second});
    }
    left.erase(match);
  }
  for (const auto& [name, tensor] : left) difference.unexpected.push_back(name);
  if (difference.empty()) return "";

  std::vector<std::string> changed;
  for (const auto& [wanted, got] : difference.changed) {
    const bool types = wanted->dtype != got->dtype;
    changed.push_back(absl::StrCat(wanted->name, " is ", types ? DTypeName(got->dtype) : "",
                                   types ? " " : "", Shape(got->shape), " and should be ",
                                   types ? DTypeName(wanted->dtype) : "", types ? " " : "",
                                   Shape(wanted->shape)));
  }
  const int groups =
      !difference.missing.empty() + !difference.unexpected.empty() + !difference.changed.empty();
  const size_t room = kShown / groups;
  std::vector<std::string> parts;
  Append("missing", difference.missing, room, &parts);
  Append("unexpected", difference.unexpected, room, &parts);
  Append("of another shape or type", changed, room, &parts);
  return absl::StrCat(absl::StrJoin(parts, "; "), Reason(difference));
}

}  // namespace cassle
