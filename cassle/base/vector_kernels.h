// Which of the vector kernels that are made once per kind of processor (with Highway) may run.
#ifndef CASSLE_BASE_VECTOR_KERNELS_H_
#define CASSLE_BASE_VECTOR_KERNELS_H_

namespace cassle {

// Obeys ATEN_CPU_CAPABILITY, LibTorch's variable: "avx2" leaves AVX-512 alone, "default" AVX2 too;
// anything else, or none, allows all that the processor has. So that one variable shows what a
// processor that has less would compute. Call before the first kernel runs, while there is one
// thread.
void LimitVectorKernels();

// The kind that may run: "AVX-512", "AVX2" or "before AVX2".
const char* KindOfVectorKernels();

}  // namespace cassle

#endif  // CASSLE_BASE_VECTOR_KERNELS_H_
