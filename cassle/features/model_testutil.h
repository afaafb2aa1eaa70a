// Small models and data sets on disk, for tests of stages that run an encoder over images.
#ifndef CASSLE_FEATURES_MODEL_TESTUTIL_H_
#define CASSLE_FEATURES_MODEL_TESTUTIL_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// A complete stage output with what `fill` writes; its path. One of the same name is replaced.
std::string MakeTestFolder(const std::string& name,
                           const std::function<absl::Status(const std::string&)>& fill);

// Split "train" with `images` images of 20 rows and 20 to 22 columns (20 where they are `square`),
// "one" with one.
// Labels alternate between two classes.
std::string MakeTestImages(int images, bool square = false);

// Crop, flip, colour jitter, grayscale; 16 pixels.
v1::Policy TestPolicy();
// A ResNet-18 of an eighth of the width, CIFAR stem, for images of 16 pixels: 64 features.
v1::ModelSpec TestModelSpec();

struct TestModelOptions {
  std::string name = "model";
  // Of the projector 64 -> 12 -> 8.
  v1::ConditioningConfig conditioning = {};
  bool with_projector = true;
  // Writes projector.textproto and policy.textproto, as pretrain does today.
  bool described = true;
  v1::Policy policy = TestPolicy();
  // May change the weights before they are saved.
  std::function<void(Backbone*)> change = {};
};
// A model folder with random weights.
std::string MakeTestModel(const TestModelOptions& options);

// An MLP of depth 2 and width 4 that is told all groups.
v1::ConditioningConfig TestConditioning();

}  // namespace cassle

#endif  // CASSLE_FEATURES_MODEL_TESTUTIL_H_
