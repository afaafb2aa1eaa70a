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

// All values of a tensor as double, whatever its type. A missing tensor fails the test.
std::vector<double> GoldenValues(const SafetensorsFile& file, const std::string& name);

// The shape; {} if missing, which fails the test.
std::vector<int64_t> GoldenShape(const SafetensorsFile& file, const std::string& name);

// Image n of a [..., 3, H, W] float tensor, counted over the leading dimensions together.
FloatImage GoldenImage(const SafetensorsFile& file, const std::string& name, int64_t n);

// Image n of a [..., H, W, 3] uint8 tensor.
RgbImage GoldenRgb(const SafetensorsFile& file, const std::string& name, int64_t n);

// The largest difference of two images of equal size.
double MaxDifference(const FloatImage& a, const FloatImage& b);

// "0.4,0.4,0.4,0.1" -> numbers.
std::vector<double> GoldenList(const SafetensorsFile& file, const std::string& key);

// Row n of the parameters stored under `prefix` ("", "v1."): flip.mask, color.*, gray.mask, blur.*,
// sol.*, rot.*, as far as they exist.
v1::ViewRecord GoldenRecord(const SafetensorsFile& file, const std::string& prefix, int64_t n,
                            int kernel_px);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_TESTING_GOLDEN_IMAGES_H_
