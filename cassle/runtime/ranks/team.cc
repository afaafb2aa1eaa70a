#include "cassle/runtime/ranks/team.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/clone.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <arpa/inet.h>
#include <c10/core/GradMode.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <future>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cassle/base/thread_pool.h"
#include "cassle/runtime/ranks/aside.h"
#include "cassle/runtime/ranks/nccl_group.h"

// Declared only where LibTorch is told that it was built with Gloo.
#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

namespace cassle {
namespace {

using Store = c10::intrusive_ptr<c10d::Store>;

thread_local Team* current_team = nullptr;

// Of what every rank sends to every other: more of either, and c10d's own way is faster.
constexpr int kMostNeighbours = 8;
constexpr size_t kMostBytesToAll = 64 << 10;

// The first line of what c10d says: the rest is where in its code.
std::string FirstLine(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

std::chrono::milliseconds Milliseconds(absl::Duration duration) {
  return std::chrono::milliseconds(absl::ToInt64Milliseconds(duration));
}

// That of the interface through which packets to host:port leave; none is sent. The machine's name
// may lead to a loopback address (Debian's 127.0.1.1), which no other machine reaches.
std::string AddressTowards(const std::string& host, int port) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), absl::StrCat(port).c_str(), &hints, &found) != 0) return "";
  std::string address;
  for (const addrinfo* at = found; at != nullptr && address.empty(); at = at->ai_next) {
    const int fd = socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    sockaddr_storage own = {};
    socklen_t size = sizeof(own);
    char text[NI_MAXHOST];
    if (connect(fd, at->ai_addr, at->ai_addrlen) == 0 &&
        getsockname(fd, reinterpret_cast<sockaddr*>(&own), &size) == 0 &&
        getnameinfo(reinterpret_cast<sockaddr*>(&own), size, text, sizeof(text), nullptr, 0,
                    NI_NUMERICHOST) == 0) {
      address = text;
    }
    close(fd);
  }
  freeaddrinfo(found);
  return address;
}

class C10dStore : public TeamStore {
 public:
  C10dStore(Store store, int port, std::string own_address)
      : store_(std::move(store)), port_(port), own_address_(std::move(own_address)) {}

  int port() const override { return port_; }
  const std::string& own_address() const override { return own_address_; }

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

  void GiveUp() { given_up_ = true; }

 private:
  template <class Function>
  void Guarded(const Function& function) {
    if (given_up_) throw TeamError("rank 0 does not answer");
    try {
      function();
    } catch (const std::exception& error) {
      throw TeamError(absl::StrCat("rank 0 has gone (", FirstLine(error), ")"));
    }
  }

  const Store store_;
  const int port_;
  const std::string own_address_;
  std::atomic<bool> given_up_{false};
};

}  // namespace

TeamStore::~TeamStore() = default;

std::shared_ptr<TeamStore> TeamStore::InMemory() {
  return std::make_shared<C10dStore>(c10::make_intrusive<c10d::HashStore>(), 0, "127.0.0.1");
}

absl::StatusOr<std::shared_ptr<TeamStore>> TeamStore::Connect(const std::string& host, int port,
                                                              bool serves, absl::Duration timeout) {
  c10d::TCPStoreOptions options;
  options.port = static_cast<uint16_t>(port);
  options.isServer = serves;
  options.waitWorkers = false;
  options.timeout = Milliseconds(timeout);
  try {
    const auto store = c10::make_intrusive<c10d::TCPStore>(host, options);
    return std::shared_ptr<TeamStore>(std::make_shared<C10dStore>(
        store, store->getPort(), AddressTowards(host, store->getPort())));
  } catch (const std::exception& error) {
    return absl::UnavailableError(
        serves ? absl::StrCat("port ", port, " cannot be served (", FirstLine(error),
                              "): is another run using it? Choose another")
               : absl::StrCat("rank 0 does not answer at ", host, ":", port, " (", FirstLine(error),
                              ")"));
  }
}

std::string FindWithin(const std::shared_ptr<TeamStore>& store, const std::string& key,
                       absl::Duration silence) {
  // For ever, if the rank that serves hangs, or if its store waits for the rest of what a rank that
  // is gone has begun to say.
  struct Answer {
    std::string value;
    std::string failure;
  };
  Aside<Answer> asked([store, key]() -> Answer {
    try {
      return {store->Find(key), ""};
    } catch (const std::exception& error) {
      return {"", error.what()};
    }
  });
  const std::optional<Answer> answer = asked.Await(silence);
  if (!answer.has_value()) {
    static_cast<C10dStore&>(*store).GiveUp();
    throw TeamError(absl::StrCat("rank 0 has not answered for ", absl::FormatDuration(silence)));
  }
  if (!answer->failure.empty()) throw TeamError(answer->failure);
  return answer->value;
}

std::string WaitForKey(const std::shared_ptr<TeamStore>& store, const std::string& key,
                       absl::Duration silence) {
  while (true) {
    const std::string value = FindWithin(store, key, silence);
    if (!value.empty()) return value;
    if (!FindWithin(store, kTeamEnded, silence).empty()) {
      // Both may have been set between the two questions.
      const std::string last = FindWithin(store, key, silence);
      if (!last.empty()) return last;
      throw TeamError("rank 0 has ended");
    }
    absl::SleepFor(absl::Milliseconds(20));
  }
}

RowRange RowsOfRank(int64_t rows, int rank, int size) {
  const int64_t first = rows * rank / size;
  return {first, rows * (rank + 1) / size - first};
}

class Team::Group {
 public:
  // name: of the group, in the store.
  Group(const C10dStore& store, const char* name, int rank, int size, absl::Duration timeout)
      : gloo_(c10::make_intrusive<c10d::PrefixStore>(name, store.store()), rank, size,
              Options(store.own_address(), timeout)) {}

  // Of tensors of the processor, and of GPUs without NCCL.
  c10d::ProcessGroupGloo& gloo() { return gloo_; }
  // That of a tensor's device.
  CollectiveGroup& For(const at::Tensor& tensor) {
    if (tensor.is_cuda() && nccl_) return *nccl_;
    return gloo_;
  }
  void UseNccl(c10::intrusive_ptr<CollectiveGroup> nccl) { nccl_ = std::move(nccl); }

 private:
  static c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> Options(const std::string& address,
                                                                     absl::Duration timeout) {
    auto options = c10d::ProcessGroupGloo::Options::create(Milliseconds(timeout));
    options->devices = {address.empty() ? c10d::ProcessGroupGloo::createDefaultDevice()
                                        : c10d::ProcessGroupGloo::createDeviceForHostname(address)};
    return options;
  }

  c10d::ProcessGroupGloo gloo_;
  c10::intrusive_ptr<CollectiveGroup> nccl_;
};

namespace {

// The memory of a contiguous tensor, [bytes].
at::Tensor Bytes(const at::Tensor& tensor) {
  return at::from_blob(tensor.data_ptr(), {static_cast<int64_t>(tensor.nbytes())},
                       at::TensorOptions(tensor.device()).dtype(at::kByte));
}

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
    const auto& of_store = static_cast<C10dStore&>(*team->store_);
    team->group_ = std::make_unique<Group>(of_store, "front", rank, size, timeout);
    // Its threads are as nice as the one that starts them: gradients travel while the step waits
    // for a sum of batch norm, and take no processor from a rank for which the others would wait.
    const auto in_background = [&] {
      RunInBackground();
      return std::make_unique<Group>(of_store, "background", rank, size, timeout);
    };
    team->background_ = std::async(std::launch::async, in_background).get();
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("not all of the ", size, " ranks came within ",
                                               absl::FormatDuration(timeout), " (",
                                               FirstLine(error), ")"));
  }
  return team;
}

absl::StatusOr<std::string> Team::UseDevice(c10::Device device) {
  if (!device.is_cuda()) return std::string();
  if (!HasNccl()) return std::string("ranks talk by Gloo: this LibTorch has no NCCL");
  const auto& of_store = static_cast<C10dStore&>(*store_);
  try {
    // NCCL refuses two ranks on one GPU.
    store_->Set(absl::StrCat("device ", rank_), DeviceIdentity(device));
    std::set<std::string> devices;
    for (int rank = 0; rank < size_; ++rank) {
      devices.insert(WaitForKey(store_, absl::StrCat("device ", rank), timeout_));
    }
    if (static_cast<int>(devices.size()) < size_) {
      return absl::StrCat("ranks talk by Gloo: ", size_, " share ", devices.size(), " GPUs");
    }
    for (const auto& [name, group] :
         {std::pair("nccl front", group_.get()), std::pair("nccl background", background_.get())}) {
      group->UseNccl(MakeNcclGroup(c10::make_intrusive<c10d::PrefixStore>(name, of_store.store()),
                                   rank_, size_, timeout_));
    }
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("NCCL: ", FirstLine(error)));
  }
  return std::string("ranks talk by NCCL");
}

std::function<void()> Team::BeginSum(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors = {tensor.detach()};
  auto work = OrLost([&] { return background_->For(tensors[0]).allreduce(tensors); });
  return [work] { OrLost([&] { work->wait(); }); };
}

std::function<at::Tensor()> Team::BeginExchange(const at::Tensor& parts) {
  // Bytes: Gloo does not know every type of number.
  at::Tensor input = parts.detach().contiguous(), output = at::empty_like(input);
  at::Tensor sent = Bytes(input), received = Bytes(output);
  std::vector<int64_t> none;
  auto work =
      OrLost([&] { return background_->For(sent).alltoall_base(received, sent, none, none); });
  return [work, input, output] {
    OrLost([&] { work->wait(); });
    return output;
  };
}

std::function<at::Tensor()> Team::BeginGatherAll(const at::Tensor& own) {
  at::Tensor input = own.detach().contiguous();
  std::vector<at::Tensor> sent = {Bytes(input)};
  std::vector<int64_t> sizes = input.sizes().vec();
  sizes.insert(sizes.begin(), size_);
  const at::Tensor output = at::empty(sizes, input.options());
  std::vector<std::vector<at::Tensor>> received(1);
  for (int rank = 0; rank < size_; ++rank) received[0].push_back(Bytes(output[rank]));
  auto work = OrLost([&] { return background_->For(input).allgather(received, sent); });
  return [work, input, output] {
    OrLost([&] { work->wait(); });
    return output;
  };
}

void Team::Sum(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors = {tensor.detach()};
  if (size_ <= kMostNeighbours && tensor.is_cpu() && tensor.nbytes() <= kMostBytesToAll) {
    SumOfNeighbours(tensors[0]);
  } else {
    OrLost([&] { group_->For(tensors[0]).allreduce(tensors)->wait(); });
  }
}

void Team::SumOfNeighbours(const at::Tensor& tensor) {
  // What this rank tells is what the others read: not yet changed.
  std::vector<at::Tensor> own = {tensor.clone()}, received(1);
  std::vector<c10::intrusive_ptr<c10d::Work>> sent, heard;
  std::vector<at::Tensor> parts(size_);
  OrLost([&] {
    for (int rank = 0; rank < size_; ++rank) {
      if (rank == rank_) continue;
      parts[rank] = at::empty_like(tensor);
      received[0] = parts[rank];
      heard.push_back(group_->gloo().recv(received, rank, 0));
      sent.push_back(group_->gloo().send(own, rank, 0));
    }
    for (const auto& work : heard) work->wait();
    for (const auto& work : sent) work->wait();
  });
  parts[rank_] = own[0];
  tensor.copy_(parts[0]);
  for (int rank = 1; rank < size_; ++rank) tensor.add_(parts[rank]);
}

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
  OrLost([&] { group_->For(padded).allgather(output, input)->wait(); });
  std::vector<at::Tensor> parts;
  for (int rank = 0; rank < size_; ++rank) {
    parts.push_back(output[0][rank].narrow(0, 0, RowsOfRank(rows, rank, size_).count));
  }
  return at::cat(parts);
}

std::vector<std::string> Team::GatherToFirst(const std::string& own) {
  at::Tensor size = at::zeros({1}, at::kLong);
  *size.data_ptr<int64_t>() = static_cast<int64_t>(own.size());
  const at::Tensor sizes = Gather(size, size_);
  const auto bytes = [](const std::string& text) {
    return at::from_blob(const_cast<char*>(text.data()), {static_cast<int64_t>(text.size())},
                         at::kByte);
  };
  if (rank_ > 0) {
    std::vector<at::Tensor> tensors = {bytes(own)};
    if (!own.empty()) OrLost([&] { group_->gloo().send(tensors, 0, 0)->wait(); });
    return {};
  }
  std::vector<std::string> all = {own};
  for (int rank = 1; rank < size_; ++rank) {
    all.emplace_back(sizes[rank].item().toLong(), '\0');
    if (all[rank].empty()) continue;
    std::vector<at::Tensor> tensors = {bytes(all[rank])};
    OrLost([&] { group_->gloo().recv(tensors, rank, 0)->wait(); });
  }
  return all;
}

void Team::TakeFromFirst(const at::Tensor& tensor) {
  std::vector<at::Tensor> tensors = {tensor.detach()};
  OrLost([&] { group_->For(tensors[0]).broadcast(tensors)->wait(); });
}

void Team::TakeFromFirst(std::string* bytes) {
  at::Tensor size = at::zeros({1}, at::kLong);
  *size.data_ptr<int64_t>() = static_cast<int64_t>(bytes->size());
  TakeFromFirst(size);
  bytes->resize(*size.data_ptr<int64_t>());
  if (bytes->empty()) return;
  TakeFromFirst(at::from_blob(bytes->data(), {static_cast<int64_t>(bytes->size())}, at::kByte));
}

bool Team::Any(bool here) {
  at::Tensor votes = at::zeros({1}, at::kInt);
  *votes.data_ptr<int>() = here ? 1 : 0;
  Sum(votes);
  return *votes.data_ptr<int>() > 0;
}

absl::Status Team::AloneOnFirst(const std::function<absl::Status()>& work) {
  const std::string key = absl::StrCat("alone ", ++alone_);
  if (rank_ > 0) {
    WaitForKey(store_, key, timeout_);
    return absl::OkStatus();
  }
  const absl::Status status = work();
  // Else they would go on where it ended.
  if (status.ok()) store_->Set(key, "done");
  return status;
}

OwnRowsScope::OwnRowsScope(Team* team) : before_(current_team) { current_team = team; }
OwnRowsScope::~OwnRowsScope() { current_team = before_; }
Team* OwnRowsScope::current() { return current_team; }

}  // namespace cassle
