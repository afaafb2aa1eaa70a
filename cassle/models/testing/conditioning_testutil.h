// Every way to condition a projector, small: for tests that must hold for all of them.
#ifndef CASSLE_MODELS_TESTING_CONDITIONING_TESTUTIL_H_
#define CASSLE_MODELS_TESTING_CONDITIONING_TESTUTIL_H_

#include <string>
#include <vector>

#include "cassle/models/networks/conditioning.pb.h"

namespace cassle {

struct ConditioningCase {
  // "none", "raw_concatenation", ..., "hypernetwork_norm": fit for the name of a test.
  std::string name;
  v1::ConditioningConfig config;
};

// All treatments with all injections, one with the predictor too (which means nothing to methods
// without one) and one of differences between views, depth 2, width 4; the plain method first.
std::vector<ConditioningCase> AllConditioningCases();

}  // namespace cassle

#endif  // CASSLE_MODELS_TESTING_CONDITIONING_TESTUTIL_H_
