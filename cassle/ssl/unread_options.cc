#include "cassle/ssl/unread_options.h"

#include "absl/strings/str_cat.h"

namespace cassle {

std::string ChosenNumber(double value, double usual) {
  return value == usual ? "" : absl::StrCat(value);
}

OptionUse UseOfMomentum(v1::OptimizerKind optimizer, double momentum, double usual) {
  const bool adam = optimizer == v1::ADAM || optimizer == v1::ADAMW;
  return {"momentum", ChosenNumber(momentum, usual), !adam, "--optimizer=sgd or lars"};
}

absl::Status CheckAreRead(const std::vector<OptionUse>& uses) {
  for (const OptionUse& use : uses) {
    if (use.chosen.empty() || use.is_read) continue;
    return absl::InvalidArgumentError(absl::StrCat("--", use.option, "=", use.chosen,
                                                   " is not read without ", use.without,
                                                   ": add that, or leave it out"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
