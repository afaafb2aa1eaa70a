// Inputs of every layout for tests, made in memory.
#ifndef CASSLE_DATA_SOURCES_SOURCE_TESTUTIL_H_
#define CASSLE_DATA_SOURCES_SOURCE_TESTUTIL_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/source.pb.h"

namespace cassle {

// A fresh folder with that name below the test's temporary folder.
std::string FreshFolder(const std::string& name);

// Writes a file and the folders above it; fails the test if it cannot.
void PutFile(const std::string& path, const std::string& bytes);

// A PNG or JPEG of one colour.
std::string FlatPng(int height, int width, uint8_t red, uint8_t green, uint8_t blue);
std::string FlatJpeg(int height, int width, uint8_t red, uint8_t green, uint8_t blue);

// A POSIX ustar with those members.
std::string MakeTar(const std::vector<std::pair<std::string, std::string>>& members);
std::string Gzip(const std::string& bytes);
std::string Bzip2(const std::string& bytes);

// What a source says, each item loaded.
struct SourceContent {
  std::vector<std::string> splits;
  std::vector<SourceItem> items;
  v1::DatasetInfo info;
  std::string layout;
  // What the tally says.
  std::vector<std::string> sentences;
};

// "KEY=LABEL" of every item, "KEY=-" without a label.
std::vector<std::string> KeysAndLabels(const SourceContent& content);

// Opens (DETECT unless given) and reads everything.
absl::StatusOr<SourceContent> ReadSource(
    const SourceArguments& arguments, v1::DatasetLayout::Source source = v1::DatasetLayout::DETECT);
absl::StatusOr<SourceContent> ReadSource(const std::string& input);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_SOURCE_TESTUTIL_H_
