// PyTorch's random permutation on a CPU, number for number, so that splits made in Python can be
// repeated.
#ifndef CASSLE_PROBES_SPLITS_TORCH_RANDOM_H_
#define CASSLE_PROBES_SPLITS_TORCH_RANDOM_H_

#include <cstdint>
#include <vector>

namespace cassle {

// torch.randperm(n, generator=torch.Generator().manual_seed(seed)).tolist() of PyTorch 1.13 (ATen's
// randperm_cpu): n < 2^32, seed < 2^32. torch.utils.data.random_split cuts this list.
std::vector<int64_t> TorchRandperm(int64_t n, uint32_t seed);

}  // namespace cassle

#endif  // CASSLE_PROBES_SPLITS_TORCH_RANDOM_H_
