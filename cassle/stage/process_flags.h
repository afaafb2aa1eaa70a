// The flags that every stage has besides its options: the harness's own and the useful ones of
// glog. Read by stage_main.cc only.
#ifndef CASSLE_STAGE_PROCESS_FLAGS_H_
#define CASSLE_STAGE_PROCESS_FLAGS_H_

#include <gflags/gflags_declare.h>

#include <string>
#include <vector>

#include "cassle/stage/option_help.h"

DECLARE_int32(threads);
DECLARE_bool(force);
DECLARE_bool(omit_costs);
DECLARE_bool(json);

namespace cassle {

bool IsProcessFlag(const std::string& name);
// Of a process flag: --NAME alone means true.
bool IsProcessSwitch(const std::string& name);

// --config, --set, --help and --version, which are no gflags; the command line ends without them.
std::vector<OptionHelp> DescribeCommandLine();
// As help and completion show them, with their defaults.
std::vector<OptionHelp> DescribeProcessFlags();

}  // namespace cassle

#endif  // CASSLE_STAGE_PROCESS_FLAGS_H_
