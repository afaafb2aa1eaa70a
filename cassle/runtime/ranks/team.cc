#include "cassle/runtime/ranks/team.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

// Declared only where LibTorch is told that it was built with Gloo.
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace cassle {
namespace {

using Store = c10::intrusive_ptr<c10d::Store>;

thread_local Team* current_team = nullptr;

// The first line of what c10d says: the rest is where in its code.
std::string FirstLine(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

std::chrono::milliseconds Milliseconds(absl::Duration duration) {
  return std::chrono::milliseconds(absl::ToInt64Milliseconds(duration));
}

class C10dStore : public TeamStore {
 public:
  explicit C10dStore(Store store) : store_(std::move(store)) {}

  void Set(const std::string& key, const std::string& value) override {
    Guarded([&] { store_->set(key, std::vector<uint8_t>(value.begin(), value.end())); });
  }

  std::string Find(const std::string& key) override {
    std::string value;
    Guarded([&] {
      if (!store_->check({key})) return;
      const std::vector<uint8_t> bytes = store_->get(key);
      value.assign(bytes.begin(), bytes.end());
    });
    return value;
  }

  const Store& store() const { return store_; }

 private:
  template <class Function>
  void Guarded(const Function& function) {
    try {
      function();
    } catch (const std::exception& error) {
      throw TeamError(absl::StrCat("rank 0 has gone (", FirstLine(error), ")"));
    }
  }

  const Store store_;
};

}  // namespace

TeamStore::~TeamStore() = default;

std::shared_ptr<TeamStore> TeamStore::InMemory() {
  return std::make_shared<C10dStore>(c10::make_intrusive<c10d::HashStore>());
}

absl::StatusOr<std::shared_ptr<TeamStore>> TeamStore::Connect(const std::string& host, int port,
                                                              bool serves, absl::Duration timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = Milliseconds(timeout);
  try {
    return std::shared_ptr<TeamStore>(
        std::make_shared<C10dStore>(c10::make_intrusive<c10d::TCPStore>(host, options)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        serves ? absl::StrCat("port ", port, " cannot be served (", FirstLine(error),
                              "): is another run using it? Choose another")
               : absl::StrCat("rank 0 does not answer at ", host, ":", port, " (", FirstLine(error),
                              ")"));
  }
}

RowRange RowsOfRank(int64_t rows, int rank, int size) {
  const int64_t first = rows * rank / size;
  return {first, rows * (rank + 1) / size - first};
}

class Team::Group {
 public:
  Group(const Store& store, int rank, int size, absl::Duration timeout)
      : gloo_(store, rank, size, Options(timeout)) {}

  c10d::ProcessGroupGloo& gloo() { return gloo_; }

 private:
  static c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> Options(absl::Duration timeout) {
    auto options = c10d::ProcessGroupGloo::Options::create(Milliseconds(timeout));
    options->devices = {c10d::ProcessGroupGloo::createDefaultDevice()};
    return options;
  }

  c10d::ProcessGroupGloo gloo_;
};

namespace {

// Calls a collective; what it throws is the loss of a rank.
template <class Function>
auto OrLost(const Function& function) -> decltype(function()) {
  try {
    return function();
  } catch (const std::exception& error) {
    throw TeamError(absl::StrCat("a rank was lost (", FirstLine(error), ")"));
  }
}

}  // namespace

Team::Team(std::shared_ptr<TeamStore> store, int rank, int size, absl::Duration timeout)
    : store_(std::move(store)), rank_(rank), size_(size), timeout_(timeout) {}

Team::~Team() = default;

absl::StatusOr<std::unique_ptr<Team>> Team::Join(std::shared_ptr<TeamStore> store, int rank,
                                                 int size, absl::Duration timeout) {
  std::unique_ptr<Team> team(new Team(std::move(store), rank, size, timeout));
  try {
    team->group_ = std::make_unique<Group>(static_cast<C10dStore&>(*team->store_).store(), rank,
                                           size, timeout);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("not all of the ", size, " ranks came within ",
                                               absl::FormatDuration(timeout), " (",
                                               FirstLine(error), ")"));
  }
  return team;
}

std::function<void()> Team::BeginSum(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors = {tensor.detach()};
  auto work = OrLost([&] { return group_->gloo().allreduce(tensors); });
  return [work] { OrLost([&] { work->wait(); }); };
}

void Team::Sum(const at::Tensor& tensor) { BeginSum(tensor)(); }

at::Tensor Team::Gather(const at::Tensor& own, int64_t rows) {
  const c10::NoGradGuard no_grad;
  if (own.numel() == 0 && own.size(0) > 0) {
    std::vector<int64_t> sizes = own.sizes().vec();
    sizes[0] = rows;
    return at::zeros(sizes, own.options());
  }
  // Gloo gathers equal parts only.
  const int64_t most = (rows + size_ - 1) / size_;
  at::Tensor padded = own.detach().contiguous();
  if (own.size(0) < most) {
    std::vector<int64_t> sizes = own.sizes().vec();
    sizes[0] = most - own.size(0);
    padded = at::cat({padded, at::zeros(sizes, own.options())});
  }
  std::vector<at::Tensor> input = {padded};
  std::vector<std::vector<at::Tensor>> output(1);
  for (int rank = 0; rank < size_; ++rank) output[0].push_back(at::empty_like(padded));
  OrLost([&] { group_->gloo().allgather(output, input)->wait(); });
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < size_; ++rank) {
    parts.push_back(output[0][rank].narrow(0, 0, RowsOfRank(rows, rank, size_).count));
  }
  return at::cat(parts);
}

void Team::TakeFromFirst(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors = {tensor.detach()};
  OrLost([&] { group_->gloo().broadcast(tensors)->wait(); });
}

bool Team::Any(bool here) {
  at::Tensor votes = at::zeros({1}, at::kInt);
  *votes.data_ptr<int>() = here ? 1 : 0;
  Sum(votes);
  return *votes.data_ptr<int>() > 0;
}

void Team::WaitForFirst() {
  const std::string key = absl::StrCat("released ", ++waits_);
  while (store_->Find(key).empty()) absl::SleepFor(absl::Milliseconds(20));
}

void Team::ReleaseOthers() { store_->Set(absl::StrCat("released ", ++waits_), "yes"); }

OwnRowsScope::OwnRowsScope(Team* team) : before_(current_team) { current_team = team; }
OwnRowsScope::~OwnRowsScope() { current_team = before_; }
Team* OwnRowsScope::current() { return current_team; }

}  // namespace cassle
