// What a zip holds beside the members that its directory names: readers follow the directory, which
// stands at the end, and so miss all that is before the last of several zips that were joined.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ZIP_CHECK_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ZIP_CHECK_H_

#include <string>

#include "absl/status/status.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Says in the tally how many bytes stand before and behind the zip (a program that unpacks it, for
// example).
//   name  as errors call the file
// \error kDataLoss if the directory is missing, cut short or damaged, if it is that of one of
// several parts, and for members that it does not name.
// O(members) time and memory; reads the directory and the bytes between the members.
absl::Status CheckZip(const std::string& path, const std::string& name, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ZIP_CHECK_H_
