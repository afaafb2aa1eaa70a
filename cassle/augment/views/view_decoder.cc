#include "cassle/augment/views/view_decoder.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/views/apply.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr int kDenominators[] = {0, 1, 2, 4, 8};

// The smallest box that holds both; an empty box (height 0) holds nothing.
Box Union(const Box& a, const Box& b) {
  if (a.height == 0) return b;
  const int top = std::min(a.top, b.top);
  const int left = std::min(a.left, b.left);
  return {top, left, std::max(a.top + a.height, b.top + b.height) - top,
          std::max(a.left + a.width, b.left + b.width) - left};
}

}  // namespace

absl::Status ViewDecoder::Decode(const v1::ImageRecord& image,
                                 absl::Span<const v1::ViewRecord> views) {
  Box wanted[5] = {};
  for (const v1::ViewRecord& view : views) {
    CASSLE_RETURN_IF_ERROR(CheckRecord(image.height(), image.width(), view));
    for (int i = 0; i < 5; ++i) {
      if (kDenominators[i] == static_cast<int>(view.fast_denominator())) {
        wanted[i] = Union(wanted[i], FillOf(view).fill->source_box(view));
      }
    }
  }
  for (int i = 0; i < 5; ++i) {
    if (wanted[i].height == 0) continue;
    const absl::Status decoded = CatchOutOfMemory([&] {
      return DecodeRegion(image.encoded(), image.format(), image.height(), image.width(),
                          {wanted[i], kDenominators[i]}, &regions_[i],
                          {.max_pixels = int64_t{1} << 40});
    });
    if (!decoded.ok()) {
      return Annotate(decoded, absl::StrCat("image ", image.id(), " (", image.key(), ")"));
    }
  }
  sources_.resize(views.size());
  for (size_t v = 0; v < views.size(); ++v) {
    const auto* const way = std::find(std::begin(kDenominators), std::end(kDenominators),
                                      static_cast<int>(views[v].fast_denominator()));
    if (way == std::end(kDenominators)) {
      return absl::DataLossError(absl::StrCat("view ", views[v].view(), " of image ",
                                              views[v].image_id(), ": decoding at 1/",
                                              views[v].fast_denominator(), " is impossible"));
    }
    const ImageRegion& region = regions_[way - std::begin(kDenominators)];
    SourcePixels& source = sources_[v];
    source.pixels = &region.pixels;
    source.height = region.image_height;
    source.width = region.image_width;
    source.denominator = region.denominator;
    source.top = region.top;
    source.left = region.left;
  }
  return absl::OkStatus();
}

}  // namespace cassle
