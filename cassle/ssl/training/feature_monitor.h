// FeatureMonitor: what the features are worth while they are being learned, on a few thousand
// labelled images: accuracy of a linear probe and of nearest neighbours.
//
//   CASSLE_ASSIGN_OR_RETURN(auto monitor, FeatureMonitor::Create(config, setup));
//   CASSLE_ASSIGN_OR_RETURN(MonitorValues values, monitor->Measure(backbone, interrupted));
//
// The images are the same in every measurement and in every run (labelled_images.h), under the
// transform of the stage embed, and go through a copy of the backbone in evaluation mode: training
// is not touched, neither its batch norm statistics nor any random draw. The probe is the exact
// optimum of a softmax regression (cassle/probes/linear_probe.h), its regulariser chosen by a fifth
// of the training images; nothing is chosen by the test images. (Elsewhere "online probe" often
// means a linear layer trained along with the encoder, whose accuracy depends on its own learning
// rate and lags behind; fitting anew is exact and does not.)
//
// Not thread-safe.
#ifndef CASSLE_SSL_TRAINING_FEATURE_MONITOR_H_
#define CASSLE_SSL_TRAINING_FEATURE_MONITOR_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/records/dataset.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/ssl/settings/monitor.pb.h"
#include "cassle/ssl/training/labelled_images.h"
#include "cassle/ssl/training/monitor.h"

namespace cassle {

class FrozenEncoder;

struct MonitorValues {
  // Fractions of the test images that are classified right.
  double probe_accuracy = 0;
  double knn_accuracy = 0;
};

struct MonitorSetup {
  // The images of the run; where config.input is empty they are measured on. May be null.
  std::shared_ptr<const Dataset> images;
  // Backbone, image size, normalisation of the model that is trained.
  v1::ModelSpec spec;
  // Makes a backbone like the one that is trained.
  std::function<absl::StatusOr<std::shared_ptr<Backbone>>()> make_backbone;
  bool bfloat16 = false;
  // Threads that decode and classify; they do not change a value.
  int threads = 1;
};

class FeatureMonitor : public Monitor {
 public:
  // Null if config.every_epochs is 0. Settings have their defaults and are in range.
  // \error kFailedPrecondition if there are no labelled images, with the remedy; whatever
  // Dataset::Open and ChooseLabelledImages return.
  static absl::StatusOr<std::unique_ptr<FeatureMonitor>> Create(const v1::MonitorConfig& config,
                                                                const MonitorSetup& setup);

  // Every few epochs, before the first step and after the last.
  bool IsDue(int64_t epoch, int64_t epochs) const override;
  absl::Status Measure(const Method& method, const std::function<bool()>& interrupted,
                       v1::TrainMetrics* line) override;
  std::string Describe(const v1::TrainMetrics& line,
                       const v1::TrainMetrics& untrained) const override;

  // Reads `trained` only. The same weights give the same values. Costs one forward pass of all
  // images, and a probe: seconds for 7,000 images of 32 px.
  // \error kCancelled if interrupted() became true; kFailedPrecondition naming the image if a
  // feature is not finite; errors of reading images.
  absl::StatusOr<MonitorValues> Measure(const Backbone& trained,
                                        const std::function<bool()>& interrupted);

  // For people: how many images of which classes.
  std::string DescribeImages() const;

 private:
  FeatureMonitor(const v1::MonitorConfig& config, const MonitorSetup& setup)
      : config_(config), setup_(setup) {}

  absl::Status ChooseImages();
  // Features [n, F] of `chosen`, row-major.
  absl::StatusOr<std::vector<float>> Embed(const LabelledImages& chosen,
                                           const FrozenEncoder& encoder,
                                           const std::function<bool()>& interrupted) const;

  const v1::MonitorConfig config_;
  const MonitorSetup setup_;
  LabelledImages train_;
  LabelledImages test_;
  std::shared_ptr<Backbone> copy_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_FEATURE_MONITOR_H_
