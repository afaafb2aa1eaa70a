#include "cassle/ssl/training/average_gradients.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <functional>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace cassle {
namespace {

using torch::autograd::variable_list;

constexpr int64_t kBucketBytes = int64_t{4} << 20;

// Calls a function when a node of the graph has done its work.
class Hook : public torch::autograd::FunctionPostHook {
 public:
  explicit Hook(std::function<void()> function) : function_(std::move(function)) {}
  variable_list operator()(const variable_list& outputs, const variable_list&) override {
    function_();
    return outputs;
  }

 private:
  const std::function<void()> function_;
};

struct Bucket {
  std::vector<at::Tensor> parameters;
  // Of those whose gradients this pass has not made yet.
  size_t missing = 0;
  // Those that have a gradient in this pass, one after the other.
  std::vector<at::Tensor> gradients;
  at::Tensor values;
  // Summed, or with compression exchanged; and what then gathers the sums.
  std::function<void()> wait;
  std::function<at::Tensor()> exchanged, gathered;
  absl::Time begun;
};

}  // namespace

class GradientAverager::Impl {
 public:
  Impl(Team* team, bool compress) : team_(team), compress_(compress) {}

  void Add(const at::Tensor& parameter, bool first_of_bucket) {
    if (first_of_bucket) buckets_.emplace_back();
    buckets_.back().parameters.push_back(parameter);
  }
  size_t last_bucket() const { return buckets_.size() - 1; }

  void Begin() {
    armed_ = true;
    next_ = 0;
    for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size();
  }

  void Complete(size_t bucket) {
    if (!armed_) return;
    --buckets_[bucket].missing;
    while (next_ < buckets_.size() && buckets_[next_].missing == 0) Send(next_++);
  }

  void Finish() {
    const at::NoGradGuard no_grad;
    armed_ = false;
    const absl::Time start = absl::Now();
    while (next_ < buckets_.size()) Send(next_++);
    if (compress_ && !buckets_.empty()) GatherSums(&buckets_.back());
    for (Bucket& bucket : buckets_) Receive(&bucket);
    waited_ += absl::ToDoubleSeconds(absl::Now() - start);
  }

  double waited() const { return waited_; }
  double sent() const { return sent_; }

 private:
  void Send(size_t index) {
    const at::NoGradGuard no_grad;
    Bucket& bucket = buckets_[index];
    bucket.begun = absl::Now();
    bucket.gradients.clear();
    std::vector<at::Tensor> flat;
    for (const at::Tensor& parameter : bucket.parameters) {
      if (!parameter.grad().defined()) continue;
      bucket.gradients.push_back(parameter.grad());
      flat.push_back(parameter.grad().flatten());
    }
    if (compress_ && index > 0) GatherSums(&buckets_[index - 1]);
    if (flat.empty()) return;
    bucket.values = at::cat(flat);
    if (compress_) {
      bucket.exchanged = team_->BeginExchange(Shards(bucket.values));
    } else {
      bucket.wait = team_->BeginSum(bucket.values);
    }
  }

  // [size, equal parts], the last filled up with zeros, as bfloat16.
  at::Tensor Shards(const at::Tensor& values) const {
    const int64_t size = team_->size();
    const int64_t part = (values.numel() + size - 1) / size;
    const at::Tensor filled =
        part * size == values.numel()
            ? values
            : at::cat({values, at::zeros({part * size - values.numel()}, values.options())});
    return filled.to(at::kBFloat16).view({size, part});
  }

  // Every rank sums one shard and sends it to all.
  void GatherSums(Bucket* bucket) {
    if (bucket->gradients.empty() || bucket->exchanged == nullptr) return;
    const at::Tensor mean =
        bucket->exchanged().to(at::kFloat).sum(0).div_(static_cast<double>(team_->size()));
    bucket->exchanged = nullptr;
    bucket->gathered = team_->BeginGatherAll(mean.to(at::kBFloat16));
  }

  void Receive(Bucket* bucket) {
    if (bucket->gradients.empty()) return;
    if (compress_) {
      bucket->values = bucket->gathered().flatten();
    } else {
      bucket->wait();
      bucket->values.div_(static_cast<double>(team_->size()));
    }
    sent_ += absl::ToDoubleSeconds(absl::Now() - bucket->begun);
    int64_t first = 0;
    for (at::Tensor& gradient : bucket->gradients) {
      gradient.copy_(bucket->values.narrow(0, first, gradient.numel()).view(gradient.sizes()));
      first += gradient.numel();
    }
    bucket->values = at::Tensor();
  }

  Team* const team_;
  const bool compress_;
  std::vector<Bucket> buckets_;
  // The first that is not under way.
  size_t next_ = 0;
  bool armed_ = false;
  double waited_ = 0;
  double sent_ = 0;
};

GradientAverager::GradientAverager(const std::vector<NamedTensor>& parameters, Team* team,
                                   bool compress)
    : impl_(std::make_shared<Impl>(team, compress)) {
  int64_t bytes = kBucketBytes;
  for (auto parameter = parameters.rbegin(); parameter != parameters.rend(); ++parameter) {
    const at::Tensor& tensor = parameter->tensor;
    impl_->Add(tensor, bytes >= kBucketBytes);
    if (bytes >= kBucketBytes) bytes = 0;
    bytes += static_cast<int64_t>(tensor.nbytes());
    const auto node = torch::autograd::impl::grad_accumulator(tensor);
    const uintptr_t key = node->add_post_hook(
        std::make_unique<Hook>([impl = std::weak_ptr<Impl>(impl_), bucket = impl_->last_bucket()] {
          if (const auto alive = impl.lock()) alive->Complete(bucket);
        }));
    removals_.push_back([node, key] { node->del_post_hook(key); });
  }
}

GradientAverager::~GradientAverager() {
  for (const std::function<void()>& remove : removals_) remove();
}

void GradientAverager::Begin() { impl_->Begin(); }
void GradientAverager::Finish() { impl_->Finish(); }
double GradientAverager::waited_seconds() const { return impl_->waited(); }
double GradientAverager::sent_seconds() const { return impl_->sent(); }

}  // namespace cassle
