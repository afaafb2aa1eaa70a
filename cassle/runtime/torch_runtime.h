// What LibTorch must be told before it creates its first tensor, to be fast and repeatable on CPUs.
#ifndef CASSLE_RUNTIME_TORCH_RUNTIME_H_
#define CASSLE_RUNTIME_TORCH_RUNTIME_H_

#include <string>

namespace cassle {

// Call first thing in a process, before any tensor exists and while there is one thread only.
//   compute_threads  threads of one tensor operation; 0 means the processors this process may use.
//
// * Threads: this LibTorch starts with one. Operations run one after the other (no inter-op
//   parallelism).
// * Kernels: the best vector kernels the processor really has (ATEN_CPU_CAPABILITY; LibTorch's own
//   detection takes AVX2 on processors newer than itself). An ATEN_CPU_CAPABILITY in the
//   environment wins, for this repository's own kernels too.
// * Memory: glibc would hand every big tensor back to the kernel at once and fault it in again
//   zeroed. Freed memory is kept instead: measured 229 -> 590 images/s in ResNet-18 training steps,
//   and in threads that compute by themselves (embed) half the processor time.
// * Denormal numbers are treated as zero in this thread and in LibTorch's worker threads.
// * Only deterministic algorithms. For one number of compute threads and one kind of processor, the
//   same inputs give the same bits; another number of threads may change the last bits, so it
//   belongs to the identity of a result.
void ConfigureTorch(int compute_threads);

// Call first thing in every further thread that computes with tensors of its own (a pool of workers
// that each run a whole forward pass): the thread count and the handling of denormals belong to a
// thread. ConfigureTorch comes first.
void ConfigureTorchThread();

// What is in effect, for logs: "2 threads, kernels avx512".
std::string DescribeTorchRuntime();

}  // namespace cassle

#endif  // CASSLE_RUNTIME_TORCH_RUNTIME_H_
