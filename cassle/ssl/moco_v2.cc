#include "cassle/ssl/moco_v2.h"

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/ssl/encoder.h"
#include "cassle/ssl/key_queue.h"
#include "cassle/ssl/momentum_encoder.h"
#include "cassle/ssl/objectives.h"
#include "cassle/ssl/setting_checks.h"
#include "cassle/ssl/step_rows.h"

namespace cassle {
namespace {

struct Settings {
  double temperature = 0.2;
  double momentum = 0.999;
  bool enqueue_queries = false;
};

class MocoV2 : public Method {
 public:
  MocoV2(Encoder online, Encoder momentum, KeyQueue queue, const Settings& settings)
      : online_(std::move(online)),
        momentum_(online_, std::move(momentum)),
        queue_(std::move(queue)),
        settings_(settings) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, queries] = online_.Encode(batch.views.at(0));
    const auto [features2, keys] = momentum_.Encode(batch.views.at(1));
    enqueued_next_.Add(NormalizeRows(settings_.enqueue_queries ? queries.detach() : keys));
    return {MocoLoss(queries, keys, queue_.rows(), settings_.temperature), queries.detach(), keys,
            features1, features2};
  }

  void AfterStep() override {
    momentum_.Follow(settings_.momentum);
    queue_.Enqueue(enqueued_next_.Take());
  }

  std::vector<Network> networks() const override {
    std::vector<Network> networks = {{"backbone", online_.backbone(), true},
                                     {"projector", online_.projector(), true}};
    momentum_.AppendTo(&networks);
    return networks;
  }

  std::vector<NamedTensor> other_state() const override {
    return {{"queue.rows", queue_.rows()}, {"queue.pointer", queue_.pointer()}};
  }

 private:
  Encoder online_;
  MomentumEncoder momentum_;
  KeyQueue queue_;
  const Settings settings_;
  // [B, P], normalised: what AfterStep puts into the queue.
  StepRows enqueued_next_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeMocoV2(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::MocoV2Config& moco = config.moco_v2();
  Settings settings;
  if (moco.has_temperature()) settings.temperature = moco.temperature();
  if (moco.has_momentum()) settings.momentum = moco.momentum();
  settings.enqueue_queries =
      moco.enqueue() == v1::QUERIES || (moco.enqueue() != v1::KEYS && setup.official);
  CASSLE_RETURN_IF_ERROR(CheckAboveZero("moco_v2", "temperature", settings.temperature));
  CASSLE_RETURN_IF_ERROR(CheckMomentum("moco_v2", "momentum", settings.momentum));
  const int64_t queue_size = moco.has_queue_size() ? moco.queue_size() : 65536;
  const int64_t projection_size = moco.has_projection_size() ? moco.projection_size() : 128;
  CASSLE_RETURN_IF_ERROR(CheckQueueSize("moco_v2", queue_size, setup.batch_size));
  const MlpOptions projector = {.hidden = moco.hidden_size(), .out = projection_size};
  CASSLE_ASSIGN_OR_RETURN(Encoder online, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder momentum, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new MocoV2(std::move(online), std::move(momentum),
                                            KeyQueue(queue_size, projection_size, setup.seed),
                                            settings));
}

}  // namespace cassle
