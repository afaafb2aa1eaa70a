// Options that were chosen and that nothing would read, of pretrain and fine-tune alike.
#ifndef CASSLE_SSL_UNREAD_OPTIONS_H_
#define CASSLE_SSL_UNREAD_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/ssl/settings/optimizer.pb.h"

namespace cassle {

struct OptionUse {
  // Without the dashes.
  const char* option;
  // Empty: it was not chosen.
  std::string chosen;
  bool is_read;
  // What it would be read with.
  const char* without;
};

// A number that has a default was chosen if it is another.
std::string ChosenNumber(double value, double usual);

OptionUse UseOfMomentum(v1::OptimizerKind optimizer, double momentum, double usual);

// \error InvalidArgument naming the first that was chosen and is not read, and what it needs.
absl::Status CheckAreRead(const std::vector<OptionUse>& uses);

}  // namespace cassle

#endif  // CASSLE_SSL_UNREAD_OPTIONS_H_
