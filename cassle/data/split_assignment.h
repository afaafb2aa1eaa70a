// Which split of the data set an image goes to: the source's own, a list's, or a seeded draw.
#ifndef CASSLE_DATA_SPLIT_ASSIGNMENT_H_
#define CASSLE_DATA_SPLIT_ASSIGNMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/shard_encoder_options.pb.h"

namespace cassle {

// Not thread-safe: images are assigned in the source's order.
class SplitAssignment {
 public:
  // \error kInvalidArgument for --val_fraction out of range or beside a val split, and for names in
  // --splits that do not exist; kNotFound or kDataLoss for the file of --split_list, and
  // kFailedPrecondition for a split in it of an odd name that no option asks for. A wanted split
  // whose name cannot begin a file's is kInvalidArgument if an option says it, else kDataLoss.
  static absl::StatusOr<SplitAssignment> Create(const v1::ShardEncoderOptions& options,
                                                const std::vector<std::string>& source_splits);

  // The splits of the data set, in order.
  const std::vector<std::string>& names() const { return names_; }

  // Split (index into names()) of the next image; empty: it is left out (--splits, --limit).
  // A list may name an image by its whole key, or without the source's split in front of it, which
  // for drawn splits nobody knows; as other programs write the path, too: with backslashes, with ./
  // or / in front, in another form of Unicode.
  // \error kDataLoss if the list's key names a second image.
  absl::StatusOr<std::optional<int>> Assign(int source_split, const std::string& key);

  // The images of the source's split `source_split` have begun: the first split of the data set
  // that can still get images.
  int FirstOpen(int source_split) const;

  // How many of the images that were assigned the list does not name; 0 if there is none.
  int64_t unlisted() const { return unlisted_; }

  // How many images --limit left out.
  int64_t over_limit() const { return over_limit_; }

  // After the last image.
  // \error kFailedPrecondition naming a key of the list that never came.
  absl::Status CheckListUsed() const;

 private:
  // What the list says of an image.
  struct Listed {
    int split = 0;
    // The list's line.
    size_t line = 0;
    // Key of the image that the list's key named; empty: none yet.
    std::string image;
  };

  int IndexOf(const std::string& name) const;
  // Null if the list does not name the image.
  std::pair<const std::string, Listed>* FindListed(const std::string& key);

  std::vector<std::string> names_;
  // Per split of the source: the data set's.
  std::vector<int> from_source_;
  // Per split of the data set.
  std::vector<bool> kept_;
  std::vector<int64_t> taken_;
  std::unordered_map<std::string, Listed> listed_;
  // By what is the same however a path is written.
  std::unordered_map<std::string, std::pair<const std::string, Listed>*> listed_alike_;
  // Of the first image.
  std::string example_key_;
  std::string list_path_;
  double val_fraction_ = 0;
  uint64_t seed_ = 0;
  int64_t limit_ = 0;
  int train_ = -1;
  int val_ = -1;
  uint64_t train_position_ = 0;
  int64_t unlisted_ = 0;
  int64_t over_limit_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SPLIT_ASSIGNMENT_H_
