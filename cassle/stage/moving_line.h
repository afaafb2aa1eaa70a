// The line of a terminal that moves: a progress bar, below whatever else is said on stderr.
#ifndef CASSLE_STAGE_MOVING_LINE_H_
#define CASSLE_STAGE_MOVING_LINE_H_

#include <string>

namespace cassle {

// Whether stderr is a terminal on which a line can move (TERM=dumb is none).
bool CanMoveLines();

// Letters of a line of the terminal that a file descriptor is; 80 where it does not say.
int TerminalColumns(int descriptor);

// Shows the line in place of the moving one; too long a line, of which only the last row could be
// replaced, is cut. All three are thread-safe.
void DrawMovingLine(const std::string& line);

// Leaves the line where it is: what comes next begins below it.
void EndMovingLine();

// Writes a line to stderr, above the moving one if there is one.
void WriteStderrLine(const std::string& line);

}  // namespace cassle

#endif  // CASSLE_STAGE_MOVING_LINE_H_
