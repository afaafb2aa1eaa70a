// Which folders of a set of images are its classes, where they hold folders in their turn.
#ifndef CASSLE_DATA_SOURCES_FOLDERS_FOLDER_LEVELS_H_
#define CASSLE_DATA_SOURCES_FOLDERS_FOLDER_LEVELS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// How messages name the set and what is in it.
struct FolderNaming {
  // "photos" or "photos.tar".
  std::string whole;
  // What stands in front of its paths for --leave_out: "train/", or nothing.
  std::string leave_out;
  // The flag that can name a folder of it, "--input" or "--train"; empty in an archive.
  std::string flag;
};

// Is it a word for where data sets keep pictures (images/), and for no thing that they show?
bool SaysPictures(const std::string& name);

// The folders of images, at the top and the two levels below. Names are as on the disk.
class FolderLevels {
 public:
  // Path of an image. Fastest where those of one folder come one after the other.
  void Add(absl::string_view path);

  // Is it the name of a folder at the top that has images?
  bool HasTop(const std::string& name) const { return tops_.count(name) > 0; }

  // Are the splits folders inside the class folders, cat/train/ and cat/test/? Where all images lie
  // so, that is a clear reading; the tally says it.
  // \error kFailedPrecondition, with the flags that decide, if one class folder is so, but not all,
  // or if two folders of one class are one split.
  absl::StatusOr<bool> HoldSplits(const FolderNaming& naming, Tally* tally) const;

  // Takes the folders at the top for the classes. The tally says it where the folders inside them
  // might tell something, too: not where each holds a single one (n01443537/images/).
  // \error kFailedPrecondition, with the flags that decide, where others may be the classes: most
  // folders hold several and some of these have the same names (a/cat/, a/dog/, b/cat/), one holds
  // folders of the names of those beside it (cat/, dog/, copy/cat/, copy/dog/), as CheckWords, or
  // all sound like parts (part_folders.h).
  absl::Status TakeTops(const FolderNaming& naming, Tally* tally) const;

  // \error kFailedPrecondition, with the flags that decide, if one folder at the top is called
  // images and another one masks.
  absl::Status CheckWords(const FolderNaming& naming) const;

 private:
  struct Top {
    // Folders inside, and inside those.
    std::set<std::string> inside, deeper;
    int64_t images = 0;
    // Those that lie in no folder inside.
    int64_t direct = 0;
    // The first image that lies in no folder of a split; empty if there is none.
    std::string outside_splits;
  };

  absl::Status CheckCopies(const FolderNaming& naming) const;
  absl::Status CheckParts(const FolderNaming& naming) const;

  std::map<std::string, Top> tops_;
  // Where the image before was put.
  Top* last_ = nullptr;
  std::string last_folders_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_FOLDERS_FOLDER_LEVELS_H_
