// The rows of all ranks, with gradient.
#ifndef CASSLE_RUNTIME_RANKS_GATHER_ROWS_H_
#define CASSLE_RUNTIME_RANKS_GATHER_ROWS_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "cassle/runtime/ranks/team.h"

namespace cassle {

// own [team->OwnRows(rows).count, ...] of every rank -> [rows, ...], equal on all.
//
// What follows is computed by every rank alike, so each has the whole gradient of the gathered
// rows. Its own rows get theirs times the number of ranks: then the mean over ranks is right for
// every parameter, for those before the gathering (each rank has a part of the sum) and for those
// behind it (each has all of it).
at::Tensor GatherRows(const at::Tensor& own, int64_t rows, Team* team);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_GATHER_ROWS_H_
