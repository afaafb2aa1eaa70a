// A small data set on disk, for tests of what reads data sets.
#ifndef CASSLE_AUGMENT_TESTING_TEST_IMAGES_H_
#define CASSLE_AUGMENT_TESTING_TEST_IMAGES_H_

#include <string>
#include <vector>

#include "cassle/data/records/image_record.pb.h"

namespace cassle {

// Smooth coloured noise in sizes from 24 to 55 pixels, PNG and JPEG in turn, label = index % 3 and
// every seventh without one. salt: another data set of the same kind. first_id: of the first image.
std::vector<v1::ImageRecord> TestImageRecords(int count, uint64_t salt = 0, uint64_t first_id = 0);

// Writes a complete data set folder NAME below the test's temporary folder, with one split "train"
// in two shards; returns its path.
std::string MakeTestDataset(const std::string& name, const std::vector<v1::ImageRecord>& records);

// An empty path NAME below the test's temporary folder (removed if it was there).
std::string FreshPath(const std::string& name);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_TESTING_TEST_IMAGES_H_
