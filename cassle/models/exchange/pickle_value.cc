#include "cassle/models/exchange/pickle_value.h"

namespace cassle {

const PickleValue* PickleValue::Find(absl::string_view key) const {
  if (!Is(Kind::kDict)) return nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->Is(Kind::kString) && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

PickleValue* PickleValues::Make(PickleValue::Kind kind) {
  values_.push_back(std::make_unique<PickleValue>());
  values_.back()->kind = kind;
  return values_.back().get();
}

}  // namespace cassle
