#pragma once
/// Windows over images as the ops of convolutions and poolings say where they read. Spatial dimensions stand here as in the arguments of
/// Funcs, the fastest first: columns, rows, planes.

#include <algorithm>
#include <string>
#include <vector>

#include <Halide.h>

#include "ir/window.h"

namespace gradc {

/// What stands slowest first, as attributes and shapes do, the other way around.
template <class T>
std::vector<T> columns_first(std::vector<T> slowest_first) {
  std::reverse(slowest_first.begin(), slowest_first.end());
  return slowest_first;
}

/// Makes `all`, undefined where there is no condition yet, hold only where this one holds too.
void also(Halide::Expr& all, const Halide::Expr& condition);

/// What loops of a consumer over rows and planes became, each cut into parts of as many as its period.
struct CutRows {
  std::vector<Halide::Var> outer, inner;
};
/// Cuts the loops over rows and planes of images (n, channel, x, y, z) by periods, columns' first.
CutRows cut_rows(Halide::Func consumer, const std::vector<std::int64_t>& periods, Halide::TailStrategy tail);

/// A variable for each spatial dimension of images of this many: x, y and z behind `prefix`.
std::vector<Halide::Var> place_variables(std::size_t spatial, const std::string& prefix = "");

/// What Halide indexes by: `first`, and then a place, columns first.
template <class T, class Place>
std::vector<T> followed_by(std::vector<T> first, const Place& place) {
  first.insert(first.end(), place.begin(), place.end());
  return first;
}

}  // namespace gradc
