#pragma once
/// The weights that a model is given, by the names that files use, and those that it has.

#include <vector>

#include "compile/build.h"
#include "runtime/params.h"

namespace gradc {

/// Replaces params by weights of their names, in any spelling of names_of_weight. Throws gradc::Error, and changes nothing, for a name or
/// shape that the model has not, for values that do not fill the shape, or, if `all`, for a weight that is not given.
void set_weights(Params& params, const std::vector<WeightSpec>& specs, const std::vector<WeightValues>& weights, bool all);

/// Adds a param for each weight, with its initial values. Throws gradc::Error that lists all which cannot be made.
void initialize(Params& params, const std::vector<WeightSpec>& specs, std::uint64_t seed);

}  // namespace gradc
