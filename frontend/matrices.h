#pragma once
/// Products of matrices that have no batch, as weights are: a `dense` multiplies images.

#include "ir/graph.h"

namespace gradc {

ValueId transpose(Builder& b, ValueId x);
/// x · y of [n,k] and [k,m].
ValueId product(Builder& b, ValueId x, ValueId y);
/// x · xᵀ of [n,k].
ValueId product_of_rows(Builder& b, ValueId x);

}  // namespace gradc
