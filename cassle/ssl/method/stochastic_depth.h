// A method whose backbone leaves residual branches out while it trains (drop_path.h).
#ifndef CASSLE_SSL_METHOD_STOCHASTIC_DEPTH_H_
#define CASSLE_SSL_METHOD_STOCHASTIC_DEPTH_H_

#include <memory>

#include "cassle/ssl/method/method.h"

namespace cassle {

// `method` itself if rate is 0; else its backbone is told to, with rate in [0, 1). The draws depend
// on the setup's seed, the step and the row of the whole batch: ranks, accumulation and a resumed
// run change none. Those of the views of an image are the same.
std::unique_ptr<Method> WithStochasticDepth(std::unique_ptr<Method> method, double rate,
                                            const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_STOCHASTIC_DEPTH_H_
