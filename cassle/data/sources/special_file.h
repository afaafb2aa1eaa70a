// What lies among files and is none: pipes, sockets and devices. Opening one waits for a writer, or
// reading it never ends.
#ifndef CASSLE_DATA_SOURCES_SPECIAL_FILE_H_
#define CASSLE_DATA_SOURCES_SPECIAL_FILE_H_

#include <string>

namespace cassle {

// A pipe, socket or device, or a link to one.
bool IsSpecial(const std::string& path);

// At most so many bytes from the begin of a file; none if it is special or cannot be read.
std::string ReadStart(const std::string& path, size_t bytes);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_SPECIAL_FILE_H_
