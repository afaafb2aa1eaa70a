// Options that were chosen and that nothing would read, of pretrain and fine-tune alike.
#ifndef CASSLE_SSL_UNREAD_OPTIONS_H_
#define CASSLE_SSL_UNREAD_OPTIONS_H_

#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
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

// For the settings of what is off: none of them was chosen.
//   name     of the message, as on the command line: "monitor".
//   usual    the message with its defaults, and what may be chosen all the same.
//   without  what the settings would be read with.
// \error InvalidArgument naming the first field that differs from `usual`, and what it needs.
absl::Status CheckNoneIsChosen(absl::string_view name, const google::protobuf::Message& settings,
                               const google::protobuf::Message& usual, absl::string_view without);

}  // namespace cassle

#endif  // CASSLE_SSL_UNREAD_OPTIONS_H_
