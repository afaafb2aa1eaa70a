// What `decode: FAST` costs in quality: views of the same crops from the same photographs, decoded
// fast and exactly, compared in 8-bit levels.
//
//   bazel run //cassle/augment/views:decode_quality -- FOLDER_OF_JPEGS [SIDE_PX ...]
//
// Prints a Markdown table with a row for each side and each fraction of the resolution.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"

namespace cassle {
namespace {

constexpr int kViewsPerPhoto = 8;

// Differences of all pixels of some views.
struct Differences {
  int64_t views = 0;
  int64_t values = 0;
  double sum = 0;
  double squares = 0;
  int64_t above_two = 0;

  void Add(const RgbImage& a, const RgbImage& b) {
    ++views;
    for (size_t i = 0; i < a.pixels.size(); ++i) {
      const int difference = std::abs(a.pixels[i] - b.pixels[i]);
      sum += difference;
      squares += difference * difference;
      above_two += difference > 2;
    }
    values += static_cast<int64_t>(a.pixels.size());
  }
  double psnr() const {
    return squares == 0 ? INFINITY : 10 * std::log10(65025 * values / squares);
  }
};

absl::Status Compare(const std::string& folder, int side) {
  // Crop and flip alone: the other operations would only hide the differences.
  CASSLE_ASSIGN_OR_RETURN(v1::Policy policy, LoadPolicy("imagenet"));
  policy.set_size(side);
  policy.clear_color_jitter();
  policy.clear_grayscale();
  policy.clear_blur();
  policy.set_decode(v1::FAST);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  std::map<uint32_t, Differences> by_denominator;
  Canvas canvas;
  ViewDecoder fast_decoder, exact_decoder;
  RgbImage fast, exact;
  uint64_t id = 0;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".jpg")) continue;
    v1::ImageRecord image;
    CASSLE_ASSIGN_OR_RETURN(*image.mutable_encoded(), ReadFile(JoinPath(folder, name)));
    CASSLE_ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(image.encoded()));
    image.set_key(name);
    image.set_height(header.height);
    image.set_width(header.width);
    std::vector<v1::ViewRecord> records;
    for (uint32_t view = 0; view < kViewsPerPhoto; ++view) {
      records.push_back(SampleView(policy, {0, 0, id, view}, header.height, header.width));
    }
    ++id;
    std::vector<v1::ViewRecord> exact_records = records;
    for (v1::ViewRecord& record : exact_records) record.clear_fast_denominator();
    CASSLE_RETURN_IF_ERROR(fast_decoder.Decode(image, records));
    CASSLE_RETURN_IF_ERROR(exact_decoder.Decode(image, exact_records));
    for (int view = 0; view < kViewsPerPhoto; ++view) {
      CASSLE_RETURN_IF_ERROR(ApplyView(fast_decoder.source(view), &records[view], &canvas, &fast));
      CASSLE_RETURN_IF_ERROR(
          ApplyView(exact_decoder.source(view), &exact_records[view], &canvas, &exact));
      by_denominator[records[view].fast_denominator()].Add(fast, exact);
    }
  }
  for (const auto& [denominator, d] : by_denominator) {
    std::printf("| %d | 1/%u | %.1f%% | %.2f | %.1f | %.2f%% |\n", side, denominator,
                100.0 * d.views / (id * kViewsPerPhoto), d.sum / d.values, d.psnr(),
                100.0 * d.above_two / d.values);
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace cassle

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "give a folder of JPEG files, and sides of views in pixels\n");
    return 64;
  }
  std::vector<int> sides;
  for (int i = 2; i < argc; ++i) sides.push_back(std::atoi(argv[i]));
  if (sides.empty()) sides = {224, 96, 32};
  std::printf(
      "| view px | decoded at | views | mean difference, levels | PSNR, dB | values off by more "
      "than 2 |\n|---|---|---|---|---|---|\n");
  for (int side : sides) {
    const absl::Status status = cassle::Compare(argv[1], side);
    if (status.ok()) continue;
    std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
    return 65;
  }
  return 0;
}
