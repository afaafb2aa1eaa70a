// Folders that hold the parts of a large set, as it was packed: images_part_1/, images_part_2/.
#ifndef CASSLE_DATA_SOURCES_PART_FOLDERS_H_
#define CASSLE_DATA_SOURCES_PART_FOLDERS_H_

#include <string>
#include <vector>

namespace cassle {

// Are these the names of parts, rather than of classes? Two or more that differ in the number at
// their end alone, behind a word for parts or pictures: "images_001", "train-part2".
bool SoundLikeParts(const std::vector<std::string>& names);

// The part folders in `root`, relative to it, sorted; of ones that hold a folder of pictures and
// nothing else (images_001/images/), that. Empty if there are none.
std::vector<std::string> PartFolders(const std::string& root);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_PART_FOLDERS_H_
