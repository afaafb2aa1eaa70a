// Whether an SVG picture is only a picture.
#ifndef CASSLE_EVAL_CHARTS_SVG_CHECK_H_
#define CASSLE_EVAL_CHARTS_SVG_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace cassle {

// Accepts shapes, text, gradients and style sheets that point to nothing outside the file. The page
// shows pictures as images, where browsers run no scripts anyway; this also keeps such files from
// being handed on.
// \error kDataLoss naming what is refused: elements that are not drawn (script, foreignObject,
// image, animations, ...), attributes that are scripts (on...), links to anything but a part of the
// file, entities, or text that is no SVG or no UTF-8.
absl::Status CheckSvg(absl::string_view svg);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_SVG_CHECK_H_
