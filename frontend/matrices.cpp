#include "frontend/matrices.h"

namespace gradc {
namespace {

/// The sum along `axis` of products of two arrays that are broadcast.
ValueId sum_of_products(Builder& b, ValueId x, const Ints& x_dims, ValueId y, const Ints& y_dims, std::int64_t axis) {
  auto products = b.emit(OpKind::mul, {b.emit(OpKind::reshape, {x}, {{"dims", x_dims}}), b.emit(OpKind::reshape, {y}, {{"dims", y_dims}})});
  return b.emit(OpKind::reduce_sum, {products}, {{"axes", Ints{axis}}, {"keep_dims", std::int64_t{0}}}, "product");
}

}  // namespace

ValueId transpose(Builder& b, ValueId x) { return b.emit(OpKind::transpose, {x}, {{"permutation", Ints{1, 0}}}); }

ValueId product(Builder& b, ValueId x, ValueId y) {
  const auto n = b.type(x).dims[0], k = b.type(x).dims[1], m = b.type(y).dims[1];
  return sum_of_products(b, x, {n, k, 1}, y, {1, k, m}, 1);
}

ValueId product_of_rows(Builder& b, ValueId x) {
  const auto n = b.type(x).dims[0], k = b.type(x).dims[1];
  return sum_of_products(b, x, {n, 1, k}, x, {1, n, k}, 2);
}

}  // namespace gradc
