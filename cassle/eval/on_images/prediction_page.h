// The page of predict: the images under the classes they are taken for.
#ifndef CASSLE_EVAL_ON_IMAGES_PREDICTION_PAGE_H_
#define CASSLE_EVAL_ON_IMAGES_PREDICTION_PAGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cassle/eval/on_images/prediction_writer.h"

namespace cassle {

// HTML that needs no network and runs no script. A section for every class that was predicted, in
// the order of the classes, in which the surest image comes first (of equally sure ones the first);
// each with its name, the probability of its class, and those of its further classes.
//   not_shown  class -> predictions that have no picture: they are counted.
//   damaged    names and reasons, listed at the end.
std::string PredictionPage(const PredictionHead& head, const std::vector<Prediction>& predictions,
                           const std::map<int, int64_t>& not_shown,
                           const std::vector<std::pair<std::string, std::string>>& damaged);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_PREDICTION_PAGE_H_
