// Tally: what a source met and did not use, or took in one of two possible readings. Nothing wrong
// is silent: shard-encoder says the sentences and lists the names in remarks.csv.
#ifndef CASSLE_DATA_SOURCES_TALLY_H_
#define CASSLE_DATA_SOURCES_TALLY_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

// Not thread-safe. What is said depends on what was counted in which order, not on time or place.
class Tally {
 public:
  struct Entry {
    int64_t count = 0;
    // How many of each kind that was given.
    std::map<std::string, int64_t> kinds;
    // The first kMaxNames, in the order of counting.
    std::vector<std::string> names;
  };
  static constexpr size_t kMaxNames = 1000;

  // One more of `what`, a phrase that can follow a number ("hidden files skipped"), with its name
  // and, where `what` has several, its kind (".tga").
  void Count(absl::string_view what, absl::string_view name, absl::string_view kind = {});
  // A decision between readings and its reason, one sentence; said once however often it is made.
  void Decide(absl::string_view sentence);

  // A file or member that is not read and may hold the labels of others.
  void MayHoldLabels(absl::string_view name);

  // The decisions in the order they were made, then "3 files skipped: .tga 2, .svg 1 (a/.x, ...)"
  // by phrase.
  std::vector<std::string> Sentences() const;
  const std::map<std::string, Entry>& entries() const { return entries_; }
  // Those that may hold labels, to kMaxNames, the likeliest first.
  std::vector<std::string> label_files() const;

 private:
  std::vector<std::string> decisions_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> label_files_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TALLY_H_
