// The authors' way to the optimum of a softmax regression: L-BFGS with a line search to the strong
// Wolfe conditions (libLBFGS's of Moré and Thuente), with their history of 100 and at most 5000
// iterations, but in double precision. The optimum is the same as that of SoftmaxRegression::Fit,
// which gets there several times faster; this one is for comparisons.
#ifndef CASSLE_PROBES_LBFGS_FIT_H_
#define CASSLE_PROBES_LBFGS_FIT_H_

#include "cassle/probes/softmax_regression.h"

namespace cassle {

// Arguments and result as of SoftmaxRegression::Fit; f - f* is what
// SoftmaxRegression::GapEstimate says, so small w want many iterations.
FitReport FitByLbfgs(double w, double tolerance, SoftmaxRegression* problem,
                     PaddedMatrix<double>* weights);

}  // namespace cassle

#endif  // CASSLE_PROBES_LBFGS_FIT_H_
