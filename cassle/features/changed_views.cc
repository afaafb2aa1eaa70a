#include "cassle/features/changed_views.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/epoch_order.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

const google::protobuf::FieldDescriptor& FieldOf(absl::string_view operation) {
  // Operations are named as their fields (operation.h).
  return *v1::Policy::descriptor()->FindFieldByName(std::string(operation));
}

// Switches on in `policy` what `from` has of the operation, at probability 1.
void CopyAlways(const v1::Policy& from, absl::string_view operation, v1::Policy* policy) {
  const google::protobuf::FieldDescriptor& field = FieldOf(operation);
  google::protobuf::Message* message = policy->GetReflection()->MutableMessage(policy, &field);
  message->CopyFrom(from.GetReflection()->GetMessage(from, &field));
  const auto* probability = message->GetDescriptor()->FindFieldByName("probability");
  if (probability != nullptr) message->GetReflection()->SetDouble(message, probability, 1);
}

}  // namespace

v1::Policy UnchangedPolicy(const v1::Policy& policy, int size) {
  v1::Policy unchanged;
  unchanged.set_name(policy.name());
  unchanged.set_size(size);
  *unchanged.mutable_mean() = policy.mean();
  *unchanged.mutable_std() = policy.std();
  unchanged.mutable_evaluation_crop()->set_resize_px(size);
  return unchanged;
}

absl::StatusOr<std::vector<SingleOperation>> SingleOperations(const v1::Policy& policy, int size) {
  const std::vector<v1::Policy> views = DistinctViewPolicies(policy);
  const v1::Policy unchanged = UnchangedPolicy(policy, size);
  std::vector<SingleOperation> singles;
  for (const Operation& operation : Operations()) {
    const auto has = std::find_if(views.begin(), views.end(), operation.in_policy);
    if (has == views.end() || operation.in_policy(unchanged)) continue;
    SingleOperation single;
    single.name = std::string(operation.name);
    single.view = static_cast<int>(has - views.begin());
    single.policy = unchanged;
    // A view begins with one of them.
    if (operation.fill.has_value()) single.policy.clear_evaluation_crop();
    CopyAlways(*has, operation.name, &single.policy);
    CASSLE_RETURN_IF_ERROR(CheckPolicy(single.policy));
    singles.push_back(std::move(single));
  }
  if (singles.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("policy ", policy.name(), " has no operation that could be measured"));
  }
  return singles;
}

absl::StatusOr<std::vector<ViewSet>> ViewMaker::Make(absl::Span<const int64_t> indices) const {
  std::vector<ViewSet> sets;
  ViewDecoder decoder;
  Canvas canvas;
  RgbImage view;
  v1::ImageRecord image;
  for (size_t i = 0; i < indices.size(); ++i) {
    CASSLE_RETURN_IF_ERROR(images_->Read(indices[i], &image));
    std::vector<v1::ViewRecord> records = records_(image);
    sets.resize(records.size());
    CASSLE_RETURN_IF_ERROR(Annotate(decoder.Decode(image, records), images_->folder()));
    for (size_t v = 0; v < records.size(); ++v) {
      ViewSet& set = sets[v];
      CASSLE_RETURN_IF_ERROR(
          ApplyView(decoder.source(static_cast<int>(v)), &records[v], &canvas, &view));
      set.pixels.insert(set.pixels.end(), view.pixels.begin(), view.pixels.end());
      set.descriptors.resize((i + 1) * layout_.size());
      layout_.Describe(records[v], absl::MakeSpan(set.descriptors).subspan(i * layout_.size()));
      set.records.push_back(std::move(records[v]));
    }
  }
  return sets;
}

std::vector<int64_t> ChooseImages(const Dataset& images, int64_t count, uint64_t seed) {
  const int64_t size = images.size();
  const EpochOrder order(size, seed, /*epoch=*/0);
  std::vector<int64_t> chosen;
  const int64_t wanted = count == 0 ? size : std::min(count, size);
  for (int64_t i = 0; i < wanted; ++i) chosen.push_back(order.ImageAt(i));
  return chosen;
}

}  // namespace cassle
