// The class of an image by its path, as --label_from asks for it in folders and archives.
#ifndef CASSLE_DATA_SOURCES_CLASS_BY_PATH_H_
#define CASSLE_DATA_SOURCES_CLASS_BY_PATH_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace cassle {

enum class ClassBy {
  // The first folder: cat of cat/indoors/1.jpg.
  kFolder,
  // The folder that the image lies in: indoors.
  kParent,
  // What its name begins with, before a number: cat of photos/cat.12.jpg, great_pyrenees of
  // great_pyrenees_7.jpg.
  kName,
};

// "folder", "parent" or "name"; none for any other word.
std::optional<ClassBy> ParseClassBy(absl::string_view label_from);

// The part of a path, below the folder of its split, that is the class; empty if it has none.
absl::string_view ClassOfPath(absl::string_view path, ClassBy by);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_CLASS_BY_PATH_H_
