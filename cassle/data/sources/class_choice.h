// ClassChoice: the classes that --only_classes and --without_classes keep.
#ifndef CASSLE_DATA_SOURCES_CLASS_CHOICE_H_
#define CASSLE_DATA_SOURCES_CLASS_CHOICE_H_

#include <string>
#include <unordered_set>
#include <vector>

namespace cassle {

// A class is meant by any form of Unicode of its name. Immutable.
class ClassChoice {
 public:
  // All classes.
  ClassChoice() = default;
  // Empty `only`: all but those of `without`.
  ClassChoice(std::vector<std::string> only, std::vector<std::string> without);

  const std::vector<std::string>& only() const { return only_; }
  const std::vector<std::string>& without() const { return without_; }

  bool IsAll() const { return only_.empty() && without_.empty(); }
  bool Keeps(const std::string& name) const;

 private:
  std::vector<std::string> only_, without_;
  // Normal forms.
  std::unordered_set<std::string> wanted_, unwanted_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_CLASS_CHOICE_H_
