#include "cassle/ssl/swav.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/layers.h"
#include "cassle/ssl/clustering_objectives.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/key_queue.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/setting_checks.h"
#include "cassle/ssl/step_rows.h"

namespace cassle {
namespace {

// Views that are assigned to prototypes.
constexpr int kAssignedViews = 2;

struct Settings {
  int64_t num_prototypes = 3000;
  double temperature = 0.1;
  double epsilon = 0.05;
  int64_t sinkhorn_iterations = 3;
  int64_t freeze_prototypes_steps = 313;
  int64_t queue_size = 0;
  int64_t queue_start_epoch = 15;
};

class Swav : public Method {
 public:
  Swav(Encoder encoder, int64_t projection_size, const Settings& settings, const MethodSetup& setup)
      : encoder_(std::move(encoder)),
        prototypes_(std::make_shared<Linear>(projection_size, settings.num_prototypes,
                                             /*bias=*/false)),
        steps_(at::zeros({}, at::kLong)),
        queued_(at::zeros({}, at::kLong)),
        settings_(settings),
        official_(setup.official),
        num_views_(std::max(kAssignedViews, setup.num_views)) {
    prototypes_->Initialize(setup.seed, "prototypes.");
    NormalizePrototypes();
    for (int i = 0; settings.queue_size > 0 && i < kAssignedViews; ++i) {
      queues_.emplace_back(settings.queue_size, projection_size, setup.seed);
    }
  }

  MethodOutput Forward(const Batch& batch) override {
    at::Tensor weight = prototypes_->parameters()[0];  // [K, P]
    // Without a gradient the optimiser leaves them alone.
    if (steps_.item().toLong() < settings_.freeze_prototypes_steps) weight = weight.detach();
    MethodOutput output;
    std::vector<at::Tensor> assignments, logits;
    for (int view = 0; view < num_views_; ++view) {
      const auto [features, projections] = encoder_.Encode(batch.views.at(view));
      const at::Tensor embeddings = NormalizeRows(projections);
      const at::Tensor scores = embeddings.mm(weight.t());  // [B, K]
      logits.push_back(scores / settings_.temperature);
      if (view >= kAssignedViews) continue;
      assignments.push_back(Assign(view, scores));
      if (!queues_.empty()) enqueued_next_[view].Add(embeddings);
      (view == 0 ? output.z1 : output.z2) = projections.detach();
      (view == 0 ? output.features1 : output.features2) = features;
    }
    output.loss = CrossViewLoss(assignments, logits);
    return output;
  }

  void AfterStep() override {
    NormalizePrototypes();
    steps_.add_(1);
    if (queues_.empty()) return;
    const bool started = epoch() >= static_cast<double>(settings_.queue_start_epoch);
    for (int view = 0; view < kAssignedViews; ++view) {
      const at::Tensor rows = enqueued_next_[view].Take();
      if (!started) continue;
      queues_[view].Enqueue(rows);
      if (view == 0) queued_.add_(rows.size(0)).clamp_(0, settings_.queue_size);
    }
  }

  std::vector<Network> networks() const override {
    return {{"backbone", encoder_.backbone(), true},
            {"projector", encoder_.projector(), true},
            {"prototypes", prototypes_.get(), true}};
  }

  std::vector<NamedTensor> other_state() const override {
    std::vector<NamedTensor> state = {{"steps", steps_}};
    for (size_t i = 0; i < queues_.size(); ++i) {
      state.push_back({absl::StrCat("queue", i + 1, ".rows"), queues_[i].rows()});
      state.push_back({absl::StrCat("queue", i + 1, ".pointer"), queues_[i].pointer()});
    }
    if (!queues_.empty()) state.push_back({"queued", queued_});
    return state;
  }

  int num_views() const override { return num_views_; }

  Recipe recipe() const override {
    if (official_) return {.optimizer = v1::SGD};
    return {.optimizer = v1::LARS, .warmup_epochs = 10, .base_lr = 0.3, .weight_decay = 1e-6};
  }

 private:
  void NormalizePrototypes() {
    at::NoGradGuard no_grad;
    at::Tensor weight = prototypes_->parameters()[0];
    weight.copy_(NormalizeRows(weight));
  }

  // [B, K]
  at::Tensor Assign(int view, const at::Tensor& scores) const {
    at::NoGradGuard no_grad;
    at::Tensor all = scores.detach();
    if (!queues_.empty() && queued_.item().toLong() == settings_.queue_size) {
      all = at::cat({all, queues_[view].rows().mm(prototypes_->parameters()[0].t())});
    }
    return SinkhornAssignments(all, settings_.epsilon, settings_.sinkhorn_iterations)
        .narrow(0, 0, scores.size(0));
  }

  Encoder encoder_;
  const std::shared_ptr<Linear> prototypes_;
  // Of the assigned views; none without a queue.
  std::vector<KeyQueue> queues_;
  // Steps taken.
  at::Tensor steps_;
  // Rows of each queue that are filled.
  at::Tensor queued_;
  // [B, P], normalised: what AfterStep puts into the queues.
  StepRows enqueued_next_[kAssignedViews];
  const Settings settings_;
  const bool official_;
  const int num_views_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeSwav(const v1::MethodConfig& config,
                                                 const MethodSetup& setup) {
  const v1::SwavConfig& swav = config.swav();
  Settings settings;
  if (setup.official) {
    settings.num_prototypes = 100;
    settings.freeze_prototypes_steps = 410;
  }
  if (swav.has_num_prototypes()) settings.num_prototypes = swav.num_prototypes();
  if (swav.has_temperature()) settings.temperature = swav.temperature();
  if (swav.has_epsilon()) settings.epsilon = swav.epsilon();
  if (swav.has_sinkhorn_iterations()) settings.sinkhorn_iterations = swav.sinkhorn_iterations();
  if (swav.has_freeze_prototypes_steps()) {
    settings.freeze_prototypes_steps = swav.freeze_prototypes_steps();
  }
  if (swav.has_queue_size()) settings.queue_size = swav.queue_size();
  if (swav.has_queue_start_epoch()) settings.queue_start_epoch = swav.queue_start_epoch();
  CASSLE_RETURN_IF_ERROR(
      CheckAtLeast("swav", "num_prototypes", static_cast<double>(settings.num_prototypes), 2));
  CASSLE_RETURN_IF_ERROR(CheckAboveZero("swav", "temperature", settings.temperature));
  CASSLE_RETURN_IF_ERROR(CheckAboveZero("swav", "epsilon", settings.epsilon));
  CASSLE_RETURN_IF_ERROR(CheckAtLeast("swav", "sinkhorn_iterations",
                                      static_cast<double>(settings.sinkhorn_iterations), 1));
  if (settings.queue_size != 0) {
    CASSLE_RETURN_IF_ERROR(CheckQueueSize("swav", settings.queue_size, setup.batch_size));
  }
  MlpOptions projector = {.hidden = 2048, .out = 128};
  if (swav.has_hidden_size()) projector.hidden = swav.hidden_size();
  if (swav.has_projection_size()) projector.out = swav.projection_size();
  CASSLE_ASSIGN_OR_RETURN(Encoder encoder, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new Swav(std::move(encoder), projector.out, settings, setup));
}

}  // namespace cassle
