// ClassNames: the class names that a source finds, whatever its layout. Names that are one in
// Unicode's normal form are one class.
#ifndef CASSLE_DATA_SOURCES_CLASS_NAMES_H_
#define CASSLE_DATA_SOURCES_CLASS_NAMES_H_

#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/sources/source.pb.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// First every name is added, then Settle() numbers the classes, then Index() answers. Not
// thread-safe.
class ClassNames {
 public:
  // A name (EscapedName). Returns the place of its class in found().
  int32_t Add(const std::string& name, Tally* tally);

  // In the order of their first Add, named as they were added; in the normal form if that was in
  // several forms.
  const std::vector<std::string>& found() const { return found_; }

  // Sorts the names. The tally says where natural order would be another one for numbers.
  void Settle(v1::DatasetLayout::ClassOrder order, Tally* tally);
  // The classes are those given.
  void SettleAs(std::vector<std::string> given);

  // In the order of the classes.
  const std::vector<std::string>& names() const { return names_; }
  // Number of a class; -1 if it is none of them. Any form of its name will do.
  int32_t Index(const std::string& name) const;

 private:
  std::vector<std::string> found_;
  // By normal form.
  std::unordered_map<std::string, int32_t> found_at_;
  // Other names than those in found_ that were counted.
  std::unordered_set<std::string> joined_;
  std::vector<std::string> names_;
  // By normal form.
  std::unordered_map<std::string, int32_t> index_;
};

// \error kFailedPrecondition: a folder that is none of --classes.
absl::Status UnknownClassFolder(const std::string& name);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_CLASS_NAMES_H_
