#include "cassle/runtime/precision.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

Bfloat16Support OfProcessor() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  // The registers are the operating system's to give: this asks it too. AMX is always beside it.
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (!avx512) return Bfloat16Support::kNone;
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kAvx512Bf16 = 1u << 5, kAmxBf16 = 1u << 22;
  if (__get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & kAvx512Bf16) != 0) {
    return Bfloat16Support::kInstructions;
  }
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAmxBf16) != 0) {
    return Bfloat16Support::kInstructions;
  }
  return Bfloat16Support::kEmulated;
#else
  return Bfloat16Support::kNone;
#endif
}

// oneDNN's variable under its present name, else under its old one; upper case.
std::string InstructionLimit() {
  for (const char* name : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"}) {
    if (const char* value = std::getenv(name)) return absl::AsciiStrToUpper(value);
  }
  return "";
}

Bfloat16Support OfLimit(const std::string& limit) {
  for (const char* name : {"SSE41", "AVX", "AVX2", "AVX2_VNNI", "AVX2_VNNI_2"}) {
    if (limit == name) return Bfloat16Support::kNone;
  }
  for (const char* name : {"AVX512_MIC", "AVX512_MIC_4OPS", "AVX512_CORE", "AVX512_CORE_VNNI"}) {
    if (limit == name) return Bfloat16Support::kEmulated;
  }
  return Bfloat16Support::kInstructions;
}

}  // namespace

Bfloat16Support ProcessorBfloat16() { return std::min(OfProcessor(), OfLimit(InstructionLimit())); }

absl::StatusOr<PrecisionChoice> ChoosePrecision(v1::ComputePrecision asked, Bfloat16Support support,
                                                absl::string_view what) {
  if (asked == v1::FLOAT32) return PrecisionChoice{v1::FLOAT32, ""};
  if (asked == v1::BF16) {
    if (support == Bfloat16Support::kNone) {
      return absl::InvalidArgumentError(
          "--precision=bf16: without AVX-512 this processor would take 12 to 20 times as long as "
          "in float32; choose --precision=float32, or auto");
    }
    if (support == Bfloat16Support::kInstructions) return PrecisionChoice{v1::BF16, ""};
    return PrecisionChoice{v1::BF16, absl::StrCat("precision bf16, as asked; this ", what,
                                                  " has no instructions for it, and float32 is "
                                                  "as fast")};
  }
  if (support == Bfloat16Support::kInstructions) {
    return PrecisionChoice{v1::BF16,
                           absl::StrCat("precision bf16: this ", what, " has instructions for it")};
  }
  return PrecisionChoice{
      v1::FLOAT32, absl::StrCat("precision float32: this ", what, " has no bfloat16 instructions")};
}

absl::Status ResolvePrecision(Bfloat16Support support, absl::string_view what,
                              google::protobuf::Message* options, StageContext* context) {
  const auto* field = options->GetDescriptor()->FindFieldByName("precision");
  if (field == nullptr || field->enum_type() != v1::ComputePrecision_descriptor()) {
    return absl::InternalError("the stage has no option --precision");
  }
  const auto* reflection = options->GetReflection();
  const auto asked = static_cast<v1::ComputePrecision>(reflection->GetEnumValue(*options, field));
  CASSLE_ASSIGN_OR_RETURN(const PrecisionChoice choice, ChoosePrecision(asked, support, what));
  reflection->SetEnumValue(options, field, choice.precision);
  if (!choice.note.empty()) context->Note(choice.note);
  return absl::OkStatus();
}

}  // namespace cassle
