// What --help knows of each option, from the annotations of its proto: one description, which
// stage_help.h prints as text, as a man page and for completion.
#ifndef CASSLE_STAGE_OPTION_HELP_H_
#define CASSLE_STAGE_OPTION_HELP_H_

#include <string>
#include <utility>
#include <vector>

namespace google {
namespace protobuf {
class Descriptor;
}  // namespace protobuf
}  // namespace google

namespace cassle {

struct OptionHelp {
  // Without dashes: "optimizer.momentum".
  std::string name;
  // "COUNT", "PATH,...", "sgd|lars", "true|false".
  std::string type;
  // One line; may be empty.
  std::string help;
  // Values of an enum, and what choosing each means.
  std::vector<std::pair<std::string, std::string>> values;
  // The fields of a message that is given in text format only (of lists, which have no paths), each
  // a line that is indented by its depth.
  std::vector<std::string> fields;
  // Empty: none.
  std::string range;
  std::string default_value;
};

// Every setting in the order of the proto; a message is shown by its fields, unless it says
// something itself.
std::vector<OptionHelp> DescribeOptions(const google::protobuf::Descriptor& options);

}  // namespace cassle

#endif  // CASSLE_STAGE_OPTION_HELP_H_
