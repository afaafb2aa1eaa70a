#include "cassle/augment/testing/golden_images.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <stdexcept>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TensorView Find(const SafetensorsFile& file, const std::string& name) {
  absl::StatusOr<TensorView> tensor = file.Get(name);
  if (tensor.ok()) return *tensor;
  ADD_FAILURE() << tensor.status();
  throw std::runtime_error(tensor.status().ToString());
}

}  // namespace

std::vector<double> GoldenValues(const SafetensorsFile& file, const std::string& name) {
  const TensorView tensor = Find(file, name);
  std::vector<double> result;
  const auto append = [&result](const auto& values) {
    result.assign(values.begin(), values.end());
  };
  switch (tensor.dtype) {
    case DType::kF32:
      append(tensor.values<float>());
      break;
    case DType::kF64:
      append(tensor.values<double>());
      break;
    case DType::kI64:
      append(tensor.values<int64_t>());
      break;
    case DType::kU8:
      append(tensor.values<uint8_t>());
      break;
    default:
      ADD_FAILURE() << name << " has an unexpected type";
  }
  return result;
}

std::vector<int64_t> GoldenShape(const SafetensorsFile& file, const std::string& name) {
  return Find(file, name).shape;
}

FloatImage GoldenImage(const SafetensorsFile& file, const std::string& name, int64_t n) {
  const TensorView tensor = Find(file, name);
  FloatImage image;
  if (tensor.shape.size() < 3 || tensor.dtype != DType::kF32) {
    ADD_FAILURE() << name << " is not a float image";
    return image;
  }
  image.Resize(tensor.shape[tensor.shape.size() - 2], tensor.shape.back());
  const int64_t size = 3 * image.plane_size();
  const auto values = tensor.values<float>();
  if ((n + 1) * size > static_cast<int64_t>(values.size())) {
    ADD_FAILURE() << name << " has no image " << n;
    return image;
  }
  std::copy_n(values.data() + n * size, size, image.values.begin());
  return image;
}

RgbImage GoldenRgb(const SafetensorsFile& file, const std::string& name, int64_t n) {
  const TensorView tensor = Find(file, name);
  RgbImage image;
  if (tensor.shape.size() < 3 || tensor.dtype != DType::kU8) {
    ADD_FAILURE() << name << " is not an 8-bit image";
    return image;
  }
  image.Resize(tensor.shape[tensor.shape.size() - 3], tensor.shape[tensor.shape.size() - 2]);
  const int64_t size = image.pixels.size();
  const auto values = tensor.values<uint8_t>();
  if ((n + 1) * size > static_cast<int64_t>(values.size())) {
    ADD_FAILURE() << name << " has no image " << n;
    return image;
  }
  std::copy_n(values.data() + n * size, size, image.pixels.begin());
  return image;
}

double MaxDifference(const FloatImage& a, const FloatImage& b) {
  if (a.height != b.height || a.width != b.width) return std::numeric_limits<double>::infinity();
  double largest = 0.0;
  for (size_t i = 0; i < a.values.size(); ++i) {
    const double difference = std::fabs(static_cast<double>(a.values[i]) - b.values[i]);
    // NaN must not pass, and must not be forgotten at the next pixel.
    if (std::isnan(difference)) return std::numeric_limits<double>::infinity();
    largest = std::max(largest, difference);
  }
  return largest;
}

FloatImage NetworkInput(const FloatImage& image, const std::vector<double>& mean,
                        const std::vector<double>& std) {
  RgbImage rounded;
  ToRgb8(image, &rounded);
  FloatImage input;
  input.Resize(image.height, image.width);
  Normalize(rounded, {mean.at(0), mean.at(1), mean.at(2)}, {std.at(0), std.at(1), std.at(2)},
            input.values.data());
  return input;
}

double NetworkInputTolerance(double error, const std::vector<double>& std) {
  // And single roundings of numbers below 4.
  return (0.5 / 255 + error) / *std::min_element(std.begin(), std.end()) + 1e-6;
}

std::vector<double> GoldenList(const SafetensorsFile& file, const std::string& key) {
  std::vector<double> result;
  for (absl::string_view part : absl::StrSplit(file.Metadata(key), ',')) {
    result.push_back(std::atof(std::string(part).c_str()));
  }
  return result;
}

v1::ViewRecord GoldenRecord(const SafetensorsFile& file, const std::string& prefix, int64_t n,
                            int kernel_px) {
  v1::ViewRecord record;
  const auto value = [&](const std::string& name) {
    return GoldenValues(file, prefix + name).at(n);
  };
  const auto applied = [&](const std::string& stage) {
    return file.Has(absl::StrCat(prefix, stage, ".mask")) &&
           value(absl::StrCat(stage, ".mask")) != 0;
  };
  record.set_flipped(applied("flip"));
  if (applied("color")) {
    v1::ColorJitterParameters* jitter = record.mutable_color_jitter();
    for (double operation : GoldenValues(file, prefix + "color.order")) {
      jitter->add_order(static_cast<v1::ColorOperation>(static_cast<int>(operation)));
    }
    jitter->set_brightness(value("color.brightness"));
    jitter->set_contrast(value("color.contrast"));
    jitter->set_saturation(value("color.saturation"));
    jitter->set_hue(value("color.hue"));
  }
  if (applied("sol")) record.mutable_solarize()->set_threshold(value("sol.threshold"));
  record.set_grayscale(applied("gray"));
  if (applied("blur")) {
    record.mutable_blur()->set_sigma_px(value("blur.sigma"));
    record.mutable_blur()->set_kernel_px(kernel_px);
  }
  if (applied("rot")) record.set_quarter_turns(static_cast<int>(value("rot.k")));
  return record;
}

}  // namespace cassle
