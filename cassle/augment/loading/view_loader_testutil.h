// A small data set and its views, on the fly and recorded, for tests of the view loader.
#ifndef CASSLE_AUGMENT_LOADING_VIEW_LOADER_TESTUTIL_H_
#define CASSLE_AUGMENT_LOADING_VIEW_LOADER_TESTUTIL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "cassle/augment/augment_and_record_options.pb.h"
#include "cassle/augment/loading/view_loader.h"

namespace cassle {

constexpr int kImages = 23;
constexpr int kBatch = 5;
constexpr int kEpochs = 3;
constexpr uint64_t kSeed = 7;

// The data set, made once.
std::string DatasetFolder();

// Under the policy cifar.
ViewLoaderOptions OnTheFly();

// A folder of recorded views. policy: none for that of OnTheFly().
std::string Record(const std::string& name, v1::AugmentAndRecordOptions::Store store,
                   const v1::Policy* policy = nullptr);

absl::Status StatusOf(ViewLoaderOptions options);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_LOADING_VIEW_LOADER_TESTUTIL_H_
