// Rotation by quarter turns.
//
// sample    applied with `probability`; then 0 to 3 counter-clockwise turns, uniformly.
// apply     torch.rot90(x, turns, (H, W)); views are square.
// describe  group "rotation" (1): the number of turns; 0 when not applied. The group "crop" is not
//           re-mapped (as the authors'). Relative: (turns 1 - turns 2) mod 4, a class.
#ifndef CASSLE_AUGMENT_OPERATIONS_QUARTER_TURN_H_
#define CASSLE_AUGMENT_OPERATIONS_QUARTER_TURN_H_

#include "cassle/augment/operations/operation.h"

namespace cassle {

Operation QuarterTurnOperation();

// For square images.
void TurnCounterClockwise(int quarter_turns, std::vector<float>* scratch, FloatImage* image);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_QUARTER_TURN_H_
