#include "cassle/data/sources/class_choice.h"

#include <utility>

#include "cassle/data/sources/names.h"

namespace cassle {

ClassChoice::ClassChoice(std::vector<std::string> only, std::vector<std::string> without)
    : only_(std::move(only)), without_(std::move(without)) {
  for (const std::string& name : only_) wanted_.insert(NormalForm(name));
  for (const std::string& name : without_) unwanted_.insert(NormalForm(name));
}

bool ClassChoice::Keeps(const std::string& name) const {
  const std::string form = NormalForm(name);
  return (wanted_.empty() || wanted_.count(form) > 0) && unwanted_.count(form) == 0;
}

}  // namespace cassle
