#include "cassle/models/networks/vit_positions.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

// What DINO adds to the new grid, so that rounding cannot lose a row.
constexpr double kFactorOffset = 0.1;

// [1, width, own, own] -> [1, width, grid, grid]
at::Tensor ResizedMap(const at::Tensor& map, int64_t grid, v1::PositionResize how) {
  const std::vector<int64_t> size = {grid, grid};
  switch (how) {
    case v1::BICUBIC_BY_FACTOR: {
      const double factor = (static_cast<double>(grid) + kFactorOffset) / map.size(2);
      return at::upsample_bicubic2d(map, size, /*align_corners=*/false, factor, factor);
    }
    case v1::BICUBIC_ANTIALIASED:
      return at::_upsample_bicubic2d_aa(map, size, /*align_corners=*/false);
    default:
      return at::upsample_bicubic2d(map, size, /*align_corners=*/how == v1::BICUBIC_CORNERS);
  }
}

// Completes "it is resized bicubically".
std::string How(v1::PositionResize how, int grid, int own) {
  switch (how) {
    case v1::BICUBIC_BY_FACTOR:
      return absl::StrCat(" by a factor of (", grid, " + ", kFactorOffset, ") / ", own,
                          ", as DINO and DINOv2 do");
    case v1::BICUBIC_ANTIALIASED:
      return " with antialiasing, as timm and DINOv2 with registers do";
    case v1::BICUBIC_CORNERS:
      return " from corner to corner, as torchvision does";
    default:
      return " without antialiasing, as MAE, DeiT and Hugging Face do";
  }
}

}  // namespace

at::Tensor SinCosPositions(int64_t grid, int64_t width) {
  TORCH_CHECK(width % 4 == 0, "positions need a width that is a multiple of 4, got ", width);
  const int64_t quarter = width / 4;
  at::Tensor table = at::zeros({1, 1 + grid * grid, width}, at::kFloat);
  float* row = table.data_ptr<float>() + width;
  for (int64_t patch = 0; patch < grid * grid; ++patch, row += width) {
    for (int64_t i = 0; i < quarter; ++i) {
      const double frequency = std::pow(10000.0, -static_cast<double>(i) / quarter);
      const double y = static_cast<double>(patch / grid) * frequency;
      const double x = static_cast<double>(patch % grid) * frequency;
      row[i] = static_cast<float>(std::sin(y));
      row[quarter + i] = static_cast<float>(std::cos(y));
      row[2 * quarter + i] = static_cast<float>(std::sin(x));
      row[3 * quarter + i] = static_cast<float>(std::cos(x));
    }
  }
  return table;
}

at::Tensor ResizedPositions(const at::Tensor& table, int64_t grid, v1::PositionResize how) {
  const int64_t width = table.size(2);
  const auto own = std::llround(std::sqrt(static_cast<double>(table.size(1) - 1)));
  const at::Tensor map =
      table.narrow(1, 1, own * own).transpose(1, 2).reshape({1, width, own, own});
  const at::Tensor resized = ResizedMap(map, grid, how);
  return at::cat({table.narrow(1, 0, 1), resized.flatten(2).transpose(1, 2)}, 1);
}

std::string ResizedPositionsSentence(const v1::BackboneConfig& config, int image_size) {
  if (config.patch_size() == 0) return "";
  const int own = config.image_size() / config.patch_size();
  const int grid = image_size / config.patch_size();
  if (grid == own) return "";
  return absl::StrCat(
      "the table of positions is for images of ", config.image_size(), " px (", own, " x ", own,
      " patches); for ", image_size, " px (", grid, " x ", grid, ") ",
      config.positions() == v1::LEARNED
          ? absl::StrCat("it is resized bicubically", How(config.position_resize(), grid, own))
          : "the sines and cosines of that grid are taken, not the table resized");
}

}  // namespace cassle
