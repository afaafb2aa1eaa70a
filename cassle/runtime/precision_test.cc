#include "cassle/runtime/precision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>
#include <sstream>
#include <string>

#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

// What the kernel says of the processor: another source than the instruction that is tested.
bool KernelNames(const std::string& flag) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("flags", 0) != 0) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == flag) return true;
    }
    return false;
  }
  return false;
}

class ScopedLimit {
 public:
  explicit ScopedLimit(const char* value) {
    if (const char* was = getenv("ONEDNN_MAX_CPU_ISA")) was_ = was;
    setenv("ONEDNN_MAX_CPU_ISA", value, /*overwrite=*/1);
  }
  ~ScopedLimit() {
    if (was_.empty()) {
      unsetenv("ONEDNN_MAX_CPU_ISA");
    } else {
      setenv("ONEDNN_MAX_CPU_ISA", was_.c_str(), 1);
    }
  }

 private:
  std::string was_;
};

TEST(PrecisionTest, AutoIsBfloat16OnlyWhereThereAreInstructions) {
  ASSERT_OK_AND_ASSIGN(const PrecisionChoice with,
                       ChoosePrecision(v1::AUTO, Bfloat16Support::kInstructions));
  EXPECT_EQ(with.precision, v1::BF16);
  EXPECT_THAT(with.note, HasSubstr("precision bf16"));
  for (const auto support : {Bfloat16Support::kNone, Bfloat16Support::kEmulated}) {
    ASSERT_OK_AND_ASSIGN(const PrecisionChoice without, ChoosePrecision(v1::AUTO, support));
    EXPECT_EQ(without.precision, v1::FLOAT32);
    EXPECT_THAT(without.note, HasSubstr("precision float32"));
  }
}

TEST(PrecisionTest, WhatIsNotChosenIsAuto) {
  ASSERT_OK_AND_ASSIGN(
      const PrecisionChoice choice,
      ChoosePrecision(v1::COMPUTE_PRECISION_UNSPECIFIED, Bfloat16Support::kInstructions));
  EXPECT_EQ(choice.precision, v1::BF16);
}

TEST(PrecisionTest, Float32IsTakenEverywhereWithoutAWord) {
  for (const auto support :
       {Bfloat16Support::kNone, Bfloat16Support::kEmulated, Bfloat16Support::kInstructions}) {
    ASSERT_OK_AND_ASSIGN(const PrecisionChoice choice, ChoosePrecision(v1::FLOAT32, support));
    EXPECT_EQ(choice.precision, v1::FLOAT32);
    EXPECT_EQ(choice.note, "");
  }
}

TEST(PrecisionTest, Bfloat16IsRefusedWhereItWouldBeAbsurdlySlow) {
  const auto refused = ChoosePrecision(v1::BF16, Bfloat16Support::kNone);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("12 to 20 times"));
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--precision=float32"));
  ASSERT_OK_AND_ASSIGN(const PrecisionChoice emulated,
                       ChoosePrecision(v1::BF16, Bfloat16Support::kEmulated));
  EXPECT_EQ(emulated.precision, v1::BF16);
  EXPECT_THAT(emulated.note, HasSubstr("no instructions"));
  ASSERT_OK_AND_ASSIGN(const PrecisionChoice native,
                       ChoosePrecision(v1::BF16, Bfloat16Support::kInstructions));
  EXPECT_EQ(native.note, "");
}

TEST(PrecisionTest, TheProcessorIsWhatTheKernelSaysItIs) {
  if (!KernelNames("fpu")) GTEST_SKIP() << "no x86 /proc/cpuinfo";
  const ScopedLimit no_limit("ALL");
  const bool avx512 = KernelNames("avx512f") && KernelNames("avx512bw") &&
                      KernelNames("avx512dq") && KernelNames("avx512vl");
  const bool instructions = KernelNames("avx512_bf16") || KernelNames("amx_bf16");
  EXPECT_EQ(ProcessorBfloat16(), !avx512        ? Bfloat16Support::kNone
                                 : instructions ? Bfloat16Support::kInstructions
                                                : Bfloat16Support::kEmulated);
}

TEST(PrecisionTest, ALimitOfOneDnnIsAProcessorWithoutTheRest) {
  for (const char* limit : {"AVX2", "avx2", "SSE41"}) {
    const ScopedLimit scoped(limit);
    EXPECT_EQ(ProcessorBfloat16(), Bfloat16Support::kNone) << limit;
  }
  const ScopedLimit scoped("AVX512_CORE");
  EXPECT_NE(ProcessorBfloat16(), Bfloat16Support::kInstructions);
}

}  // namespace
}  // namespace cassle
