// Made features for measurements: like those of a ResNet, correlated, non-negative and not quite
// separable.
#ifndef CASSLE_PROBES_FEATURE_MODEL_H_
#define CASSLE_PROBES_FEATURE_MODEL_H_

#include <cstdint>
#include <vector>

namespace cassle {

struct FeatureModel {
  int columns = 512;
  int classes = 10;
  // Distance of the classes; 0.3 leaves a linear probe at about 90 % for 10 classes.
  double separation = 0.3;
};

// Rows first_row and following of an endless table, row-major: rectified mixtures of 64 latent
// factors with a falling spectrum, plus noise. Row i is of class i % classes.
std::vector<float> MakeFeatures(const FeatureModel& model, int64_t first_row, int64_t rows);

}  // namespace cassle

#endif  // CASSLE_PROBES_FEATURE_MODEL_H_
