// Points in the plane, coloured by class, as an SVG file that shows everywhere: no script, no
// link, a background of its own.
#ifndef CASSLE_EVAL_CHARTS_SCATTER_PLOT_H_
#define CASSLE_EVAL_CHARTS_SCATTER_PLOT_H_

#include <string>
#include <vector>

namespace cassle {

struct ScatterPlot {
  std::string title;
  // Empty: no axis is named.
  std::string x_label, y_label;
  // [n, 2]
  std::vector<double> points;
  // One per point; empty: one colour, no legend.
  std::vector<int> classes;
  std::vector<std::string> class_names;
};

// Eight colours that the colour-blind tell apart (those of report_style.h), and a shape of its own
// for every eight classes, by the class's number; where one that has points is beyond 40, by its
// place among those that have: the first 40 are told apart, the others are gray. The legend names
// the classes that have points, at most 40. Both axes have one scale. Points are drawn in their
// order.
std::string ScatterSvg(const ScatterPlot& plot);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_SCATTER_PLOT_H_
