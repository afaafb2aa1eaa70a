// Records of views, as a damaged or foreign view shard may hold them: parsing, making the view,
// describing it, its stored pixels.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "cassle/augment/operations/operations.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/data/images/codec.h"

namespace cassle {
namespace {

// Larger sizes are only slower.
constexpr uint32_t kLargest = 96;

// A gradient with some detail.
RgbImage Source(uint32_t height, uint32_t width) {
  RgbImage image;
  image.Resize(static_cast<int>(height), static_cast<int>(width));
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(i * 7 + i / 64 * (i % 3 + 1));
  }
  return image;
}

std::string JpegOf(const RgbImage& image) {
  const absl::StatusOr<std::string> jpeg = EncodeJpeg(image, 80);
  CASSLE_FUZZ_CHECK(jpeg.ok());
  return *jpeg;
}

const DescriptorLayout& Layout() {
  static const DescriptorLayout* const layout = [] {
    // Every operation, for all groups.
    absl::StatusOr<v1::Policy> policy = LoadPolicy("stl10");
    CASSLE_FUZZ_CHECK(policy.ok());
    for (const Operation& operation : Operations()) {
      const std::string field(operation.name);
      policy->GetReflection()->MutableMessage(&*policy,
                                              v1::Policy::descriptor()->FindFieldByName(field));
    }
    auto created = DescriptorLayout::Create(*policy, DescriptorGroupsOf(*policy));
    CASSLE_FUZZ_CHECK(created.ok());
    return new DescriptorLayout(*std::move(created));
  }();
  return *layout;
}

void CheckParsedRecord(const v1::ViewRecord& parsed) {
  v1::ViewRecord record = parsed;
  const bool small = record.source_height() >= 1 && record.source_height() <= kLargest &&
                     record.source_width() >= 1 && record.source_width() <= kLargest;
  const RgbImage source =
      small ? Source(record.source_height(), record.source_width()) : Source(24, 30);
  // Sizes that would be refused stay.
  if (record.size() > kLargest && record.size() <= 4096) {
    record.set_size(record.size() % kLargest + 1);
  }
  if (record.evaluation_crop().resize_px() > 2 * kLargest &&
      record.evaluation_crop().resize_px() <= 8192) {
    record.mutable_evaluation_crop()->set_resize_px(2 * kLargest);
  }

  // The canvas is dirty from earlier inputs, as in a loader's thread.
  static Canvas* const canvas = new Canvas;
  v1::ViewRecord applied = record;
  RgbImage view;
  const absl::Status status = ApplyView(source, &applied, canvas, &view);
  CASSLE_FUZZ_CHECK(status.ok() || BlamesInput(status));
  if (status.ok()) {
    CASSLE_FUZZ_CHECK(view.height == static_cast<int>(record.size()));
    CASSLE_FUZZ_CHECK(view.width == view.height);
    CASSLE_FUZZ_CHECK(view.pixels.size() == uint64_t{3} * view.height * view.width);
    v1::ViewRecord replayed = applied;
    RgbImage again;
    CASSLE_FUZZ_CHECK(ApplyView(source, &replayed, &again).ok());
    CASSLE_FUZZ_CHECK(again == view);
    CASSLE_FUZZ_CHECK(replayed.SerializeAsString() == applied.SerializeAsString());
    for (float difference : applied.color_jitter().color_difference()) {
      CASSLE_FUZZ_CHECK(std::isfinite(difference));
    }
    std::vector<float> descriptor(Layout().size());
    Layout().Describe(applied, absl::MakeSpan(descriptor));
    for (float value : descriptor) CASSLE_FUZZ_CHECK(std::isfinite(value));
  }

  // From a file, of which only what the record needs is decoded: at full resolution the same view.
  v1::ImageRecord image;
  image.set_format(v1::JPEG);
  image.set_height(source.height);
  image.set_width(source.width);
  image.set_encoded(JpegOf(source));
  static ViewDecoder* const decoder = new ViewDecoder;
  const absl::Status part = decoder->Decode(image, {&record, 1});
  CASSLE_FUZZ_CHECK(part.ok() || BlamesInput(part));
  if (part.ok()) {
    v1::ViewRecord from_part = record;
    RgbImage view_of_part;
    const absl::Status made = ApplyView(decoder->source(0), &from_part, canvas, &view_of_part);
    CASSLE_FUZZ_CHECK(made.ok() || BlamesInput(made));
    if (record.fast_denominator() == 0) {
      RgbImage decoded_source;
      CASSLE_FUZZ_CHECK(DecodeImage(image.encoded(), &decoded_source).ok());
      v1::ViewRecord from_whole = record;
      CASSLE_FUZZ_CHECK(ApplyView(decoded_source, &from_whole, &view).ok() == made.ok());
      CASSLE_FUZZ_CHECK(!made.ok() || view == view_of_part);
    }
  }

  RgbImage stored;
  const absl::Status decoded = DecodeViewPixels(record, &stored);
  CASSLE_FUZZ_CHECK(decoded.ok() || BlamesInput(decoded));
  if (decoded.ok()) {
    CASSLE_FUZZ_CHECK(stored.height == static_cast<int>(record.size()));
    CASSLE_FUZZ_CHECK(stored.pixels.size() == uint64_t{3} * stored.height * stored.width);
  }
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  cassle::v1::ViewRecord record;
  if (!record.ParseFromArray(data, static_cast<int>(size))) return -1;
  cassle::CheckParsedRecord(record);
  return 0;
}
