#include "cassle/data/sources/special_file.h"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace cassle {

bool IsSpecial(const std::string& path) {
  std::error_code unknown;
  return std::filesystem::is_other(path, unknown);
}

std::string ReadStart(const std::string& path, size_t bytes) {
  if (IsSpecial(path)) return "";
  std::string start(bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(&start[0], static_cast<std::streamsize>(bytes));
  start.resize(static_cast<size_t>(file.gcount()));
  return start;
}

}  // namespace cassle
