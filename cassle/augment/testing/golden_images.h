// Reading images and parameters out of golden files, in tests.
#ifndef CASSLE_AUGMENT_TESTING_GOLDEN_IMAGES_H_
#define CASSLE_AUGMENT_TESTING_GOLDEN_IMAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cassle/augment/pixels/float_image.h"
#include "cassle/base/safetensors.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// Where a tensor is missing, the functions here fail the test and throw std::runtime_error.

// All values of a tensor as double, whatever its type.
std::vector<double> GoldenValues(const SafetensorsFile& file, const std::string& name);

std::vector<int64_t> GoldenShape(const SafetensorsFile& file, const std::string& name);

// Image n of a [..., 3, H, W] float tensor, counted over the leading dimensions together.
FloatImage GoldenImage(const SafetensorsFile& file, const std::string& name, int64_t n);

// Image n of a [..., H, W, 3] uint8 tensor.
RgbImage GoldenRgb(const SafetensorsFile& file, const std::string& name, int64_t n);

// The largest difference of two images; infinite if the sizes differ or a number is NaN.
double MaxDifference(const FloatImage& a, const FloatImage& b);

// What a network gets to see of an image: rounded to 8 bits, (pixel / 255 - mean) / std.
FloatImage NetworkInput(const FloatImage& image, const std::vector<double>& mean,
                        const std::vector<double>& std);

// How far the authors' input, which is not rounded to 8 bits, may be from that: half a level, and
// `error` of the image itself (in [0, 1]).
double NetworkInputTolerance(double error, const std::vector<double>& std);

// "0.4,0.4,0.4,0.1" -> numbers.
std::vector<double> GoldenList(const SafetensorsFile& file, const std::string& key);

// Row n of the parameters stored under `prefix` ("", "v1."): flip.mask, color.*, gray.mask, blur.*,
// sol.*, rot.*, as far as they exist.
v1::ViewRecord GoldenRecord(const SafetensorsFile& file, const std::string& prefix, int64_t n,
                            int kernel_px);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_TESTING_GOLDEN_IMAGES_H_
