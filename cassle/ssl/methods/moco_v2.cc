#include "cassle/ssl/methods/moco_v2.h"

#include <ATen/ops/zeros_like.h>

#include <utility>

#include "cassle/base/status_macros.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/key_queue.h"
#include "cassle/ssl/method/momentum_encoder.h"
#include "cassle/ssl/method/step_rows.h"
#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

class MocoV2 : public Method {
 public:
  MocoV2(Encoder online, Encoder momentum, KeyQueue queue, const v1::MocoV2Config& settings,
         bool enqueue_queries)
      : online_(std::move(online)),
        momentum_(online_, std::move(momentum)),
        queue_(std::move(queue)),
        settings_(settings),
        enqueue_queries_(enqueue_queries) {}

  MethodOutput Forward(const Batch& batch) override {
    const auto [features1, queries] = online_.Encode(batch.views.at(0));
    View key_view = batch.views.at(1);
    if (!settings_.tell_keys()) key_view.descriptors = at::zeros_like(key_view.descriptors);
    const auto [features2, keys] = momentum_.Encode(key_view);
    enqueued_next_.Add(NormalizeRows(enqueue_queries_ ? queries.detach() : keys));
    return {MocoLoss(queries, keys, queue_.rows(), settings_.temperature()), queries.detach(), keys,
            features1, features2};
  }

  void AfterStep() override {
    momentum_.Follow(settings_.momentum());
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
  const v1::MocoV2Config settings_;
  const bool enqueue_queries_;
  // [B, P], normalised: what AfterStep puts into the queue.
  StepRows enqueued_next_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Method>> MakeMocoV2(const v1::MethodConfig& config,
                                                   const MethodSetup& setup) {
  const v1::MocoV2Config& moco = config.moco_v2();
  const bool enqueue_queries =
      moco.enqueue() == v1::QUERIES || (moco.enqueue() != v1::KEYS && setup.official);
  if (!moco.tell_keys() && !IsConditioned(setup.conditioning)) {
    return absl::InvalidArgumentError(
        "--method.moco_v2.tell_keys=false has no meaning without --conditioning: no projector is "
        "told anything; leave it out, or add a treatment");
  }
  CASSLE_RETURN_IF_ERROR(CheckQueueSize("moco_v2", moco.queue_size(), setup.batch_size));
  const MlpOptions projector = {
      .hidden = moco.hidden_size(), .out = moco.projection_size(), .depth = moco.projector_depth()};
  CASSLE_ASSIGN_OR_RETURN(Encoder online, Encoder::Create(setup, projector));
  CASSLE_ASSIGN_OR_RETURN(Encoder momentum, Encoder::Create(setup, projector));
  return std::unique_ptr<Method>(new MocoV2(
      std::move(online), std::move(momentum),
      KeyQueue(moco.queue_size(), moco.projection_size(), setup.seed), moco, enqueue_queries));
}

}  // namespace cassle
