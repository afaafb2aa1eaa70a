// Policies as text protos: parsing, checking, and that whatever passes the check makes views.
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "cassle/augment/pixels/float_image.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"

namespace cassle {
namespace {

// Larger views are only slower.
constexpr int kLargest = 64;

v1::ImageRecord Jpeg(int height, int width) {
  RgbImage pixels;
  pixels.Resize(height, width);
  for (size_t i = 0; i < pixels.pixels.size(); ++i) pixels.pixels[i] = static_cast<uint8_t>(i * 31);
  v1::ImageRecord image;
  image.set_format(v1::JPEG);
  image.set_height(height);
  image.set_width(width);
  const auto encoded = EncodeJpeg(pixels, 90);
  CASSLE_FUZZ_CHECK(encoded.ok());
  image.set_encoded(*encoded);
  return image;
}

// One after the other, as a loader's thread uses them.
struct Worker {
  Canvas canvas;
  ViewDecoder decoder;
};

void CheckViews(const v1::Policy& policy, const v1::ImageRecord& image) {
  static Worker* const worker = new Worker;
  const int fixed = NumViews(policy);
  const auto views = ViewPolicies(policy, fixed > 0 ? fixed : 3);
  CASSLE_FUZZ_CHECK(views.ok());
  const auto layout = DescriptorLayout::Create(policy, DescriptorGroupsOf(policy));
  CASSLE_FUZZ_CHECK(layout.ok());
  std::vector<float> descriptor(layout->size());
  // Of many views the first and the last ones.
  for (uint32_t view = 0; view < views->size(); ++view) {
    const v1::Policy& of_view = (*views)[view];
    if ((view > 4 && view + 2 < views->size()) || of_view.size() > kLargest ||
        of_view.evaluation_crop().resize_px() > kLargest) {
      continue;
    }
    v1::ViewRecord record = SampleView(of_view, {5, 1, 7, view}, image.height(), image.width());
    RgbImage pixels;
    CASSLE_FUZZ_CHECK(worker->decoder.Decode(image, {&record, 1}).ok());
    CASSLE_FUZZ_CHECK(ApplyView(worker->decoder.source(0), &record, &worker->canvas, &pixels).ok());
    CASSLE_FUZZ_CHECK(pixels.height == of_view.size() && pixels.width == of_view.size());
    layout->Describe(record, absl::MakeSpan(descriptor));
    for (float value : descriptor) CASSLE_FUZZ_CHECK(std::isfinite(value));
    FloatImage input;
    input.Resize(pixels.height, pixels.width);
    Normalize(pixels, {policy.mean(0), policy.mean(1), policy.mean(2)},
              {policy.std(0), policy.std(1), policy.std(2)}, input.values.data());
    for (float value : input.values) CASSLE_FUZZ_CHECK(std::isfinite(value));
  }
}

void CheckPolicyText(const std::string& text) {
  v1::Policy policy;
  const absl::Status parsed = ParseTextProto(text, "fuzz", &policy);
  if (!parsed.ok()) {
    CASSLE_FUZZ_CHECK(absl::IsInvalidArgument(parsed) && !parsed.message().empty());
    return;
  }
  const absl::Status checked = CheckPolicy(policy);
  CASSLE_FUZZ_CHECK(checked.ok() || absl::IsInvalidArgument(checked));
  if (!checked.ok()) return;
  v1::Policy printed;
  CASSLE_FUZZ_CHECK(ParseTextProto(PrintTextProto(policy), "printed", &printed).ok());
  CASSLE_FUZZ_CHECK(printed.SerializeAsString() == policy.SerializeAsString());
  CASSLE_FUZZ_CHECK(SameViews(policy, printed));
  if (policy.evaluation_crop().resize_px() > kLargest) {
    policy.mutable_evaluation_crop()->set_resize_px(kLargest);
  }
  if (policy.size() > kLargest) policy.set_size(policy.size() % kLargest + 1);
  // A smaller view may be too small for the blur.
  if (!CheckPolicy(policy).ok()) return;
  static const auto* const images =
      new std::vector<v1::ImageRecord>{Jpeg(24, 30), Jpeg(1, 1), Jpeg(3, 70), Jpeg(160, 130)};
  for (const v1::ImageRecord& image : *images) CheckViews(policy, image);
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cassle::CheckPolicyText(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
