// Tally: what a source met and did not use, or took in one of two possible readings. Nothing wrong
// is silent: shard-encoder says the sentences and lists the names in remarks.csv.
#ifndef CASSLE_DATA_SOURCES_TALLY_H_
#define CASSLE_DATA_SOURCES_TALLY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

// Not thread-safe. What is said depends on what was counted in which order, not on time or place.
class Tally {
 public:
  struct Entry {
    int64_t count = 0;
    // The first kMaxNames, in the order of counting.
    std::vector<std::string> names;
  };
  static constexpr size_t kMaxNames = 1000;

  // One more of `what`, a phrase that can follow a number ("hidden files skipped"), with its name.
  void Count(absl::string_view what, absl::string_view name);
  // A decision between readings and its reason, one sentence; said once however often it is made.
  void Decide(absl::string_view sentence);

  // The decisions in the order they were made, then "3 hidden files skipped (a/.x, ...)" by phrase.
  std::vector<std::string> Sentences() const;
  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::vector<std::string> decisions_;
  std::map<std::string, Entry> entries_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TALLY_H_
