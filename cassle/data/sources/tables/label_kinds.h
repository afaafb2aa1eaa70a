// Whether the parts of one set write their labels in one way: 0 and 1 in train and cat and dog in
// test would be four classes, of which no image of the second is one of the first.
#ifndef CASSLE_DATA_SOURCES_TABLES_LABEL_KINDS_H_
#define CASSLE_DATA_SOURCES_TABLES_LABEL_KINDS_H_

#include <optional>
#include <string>
#include <vector>

namespace cassle {

// The labels of the images of one part (a split, or an archive and split), one after the other.
class LabelKinds {
 public:
  // A label and what has it, as messages name that.
  struct Label {
    std::string text, origin;
  };
  struct Part {
    std::string name;
    // The first of each kind; no origin if there is none.
    Label number, word;
  };
  struct Conflict {
    Part words, numbers;
  };

  void Add(const std::string& part, const std::string& label, const std::string& origin);

  // The first part that has labels and no number, and the first that has numbers alone; nothing if
  // there are not both.
  std::optional<Conflict> Find() const;

 private:
  std::vector<Part> parts_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_LABEL_KINDS_H_
