// Whether the archives of one set write their labels in one way: 0 and 1 in one and cat and dog in
// another would be four classes, of which no image of the second is one of the first.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_LABEL_KINDS_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_LABEL_KINDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace cassle {

// The labels of the images of one archive and one split, one after the other.
class LabelKinds {
 public:
  // group: the archive and split, as messages name them. sample: that has the label.
  void Add(const std::string& group, const std::string& label, const std::string& sample);

  // \error kDataLoss naming a group all of whose labels are numbers and one in which none is.
  absl::Status CheckOneKind() const;

 private:
  struct Label {
    std::string text, sample;
  };
  struct Group {
    std::string name;
    // The first of each kind; no sample if there is none.
    Label number, word;
  };
  std::vector<Group> groups_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_LABEL_KINDS_H_
