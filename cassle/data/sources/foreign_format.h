// Formats that people try to read images from, and that are not read here: what to do instead.
#ifndef CASSLE_DATA_SOURCES_FOREIGN_FORMAT_H_
#define CASSLE_DATA_SOURCES_FOREIGN_FORMAT_H_

#include <string>

namespace cassle {

// One sentence for a file, by the bytes it begins with or else by its ending; for a folder, for the
// first such file in it or in the folders in it, for one that may hold images before one that says
// something of them (.json). Empty if there is none. Reads no more than that.
std::string ForeignFormatAdvice(const std::string& path);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_FOREIGN_FORMAT_H_
