#include "cassle/models/imported_normalization.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using Values = std::vector<double>;

const Values& ImageNetMean() {
  static const auto* const values = new Values{0.485, 0.456, 0.406};
  return *values;
}
const Values& ImageNetStd() {
  static const auto* const values = new Values{0.229, 0.224, 0.225};
  return *values;
}

absl::Status CheckBeside(const ForeignNormalization& beside) {
  const auto bad = [&beside](absl::string_view problem) {
    return absl::DataLossError(
        absl::StrCat(beside.by, " beside it: ", problem, ": give --mean and --std"));
  };
  if (!beside.problem.empty()) return bad(beside.problem);
  for (const double value : beside.mean) {
    if (!(value >= 0 && value <= 1)) {
      return bad(absl::StrCat("a mean of ", value, ", which values from 0 to 1 do not have"));
    }
  }
  for (const double value : beside.std) {
    if (!(value > 0 && value <= 1)) {
      return bad(absl::StrCat("a standard deviation of ", value,
                              ", which values from 0 to 1 do not have"));
    }
  }
  if (beside.mean.empty() != beside.std.empty()) {
    return bad(beside.mean.empty() ? "it has a standard deviation and no mean"
                                   : "it has a mean and no standard deviation");
  }
  return absl::OkStatus();
}

template <class Field>
void Fill(const Values& values, Field* field) {
  field->Assign(values.begin(), values.end());
}

}  // namespace

absl::Status DescribeNormalization(const v1::ImportWeightsOptions& options,
                                   const v1::ModelSpec& own, const ForeignNormalization& beside,
                                   v1::ModelSpec* spec, std::vector<std::string>* notes) {
  const bool mean = options.mean_size() != 0, std = options.std_size() != 0;
  const bool said = !beside.mean.empty() || !beside.std.empty() || !beside.problem.empty();
  if (own.mean_size() != 0) {
    *spec->mutable_mean() = own.mean();
    *spec->mutable_std() = own.std();
  } else if (mean && std) {
    if (said)
      notes->push_back(absl::StrCat("mean and std by --mean and --std, not by ", beside.by));
  } else if (said) {
    CASSLE_RETURN_IF_ERROR(CheckBeside(beside));
    Fill(beside.mean, spec->mutable_mean());
    Fill(beside.std, spec->mutable_std());
    notes->push_back(absl::StrCat(
        mean  ? "mean by --mean, std "
        : std ? "std by --std, mean "
              : "mean and std ",
        "by ", beside.by, ": ",
        absl::StrCat(mean ? "" : absl::StrJoin(beside.mean, ","), mean || std ? "" : " and ",
                     std ? "" : absl::StrJoin(beside.std, ","))));
  } else if (options.mean_size() % 3 == 0 && options.std_size() % 3 == 0 && (mean || std)) {
    // Other counts are refused as such.
    return absl::InvalidArgumentError(absl::StrCat(
        mean ? "--mean" : "--std", " is given, and nothing tells the ", mean ? "--std" : "--mean",
        " that belongs to it: give both (ImageNet's are ", absl::StrJoin(ImageNetMean(), ","),
        " and ", absl::StrJoin(ImageNetStd(), ","), ")"));
  } else if (!mean && !std) {
    Fill(ImageNetMean(), spec->mutable_mean());
    Fill(ImageNetStd(), spec->mutable_std());
    notes->push_back(
        "images are normalised by ImageNet's mean and std, since nothing says another; --mean and "
        "--std do");
  }
  if (mean) *spec->mutable_mean() = options.mean();
  if (std) *spec->mutable_std() = options.std();
  return absl::OkStatus();
}

}  // namespace cassle
