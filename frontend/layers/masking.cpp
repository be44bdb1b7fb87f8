#include "gradc/layers/masking.h"

#include "frontend/layers/context.h"

namespace gradc {

ValueId lower(LayerContext& context, const Masking& layer) {
  const auto x = context.symbol(context.input());
  const auto differs = 1 - equal(x, layer.mask_value);
  const auto seen = min(sum_of_last(differs, true), 1);
  auto dims = type_of(x).dims;
  dims.pop_back();
  context.mask = reshape(seen, dims).id;
  return select(seen, x, constant(x, 0)).id;
}

}  // namespace gradc
