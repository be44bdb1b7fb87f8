#include "backends/reference/reference.h"
#include "ir/dense_kernel.h"

namespace gradc {
namespace {

/// Calls visit(x index, w index, y index) for every multiply-add of x[rows,K] with w[K,N] that gives y[rows,N].
template <class Visit>
void for_each_product(std::int64_t rows, std::int64_t k_size, std::int64_t n_size, Visit visit) {
  for (std::int64_t row = 0; row < rows; ++row)
    for (std::int64_t k = 0; k < k_size; ++k)
      for (std::int64_t n = 0; n < n_size; ++n) visit(row * k_size + k, k * n_size + n, row * n_size + n);
}

/// The product of rows with a kernel.
void multiply(const Execution& run) {
  const auto &x = run.operand(0), &w = run.operand(1);
  auto& y = run.result();
  const DenseKernel kernel({DType::f32, w.dims});
  for_each_product(x.size() / kernel.inputs, kernel.inputs, kernel.outputs, [&](auto i, auto k, auto o) {
    const auto row = k / kernel.outputs, column = k % kernel.outputs;
    y.data[o] += x.data[i] * w.data[(column / kernel.block * kernel.inputs + row) * kernel.block + column % kernel.block];
  });
}

}  // namespace

void reference_dense(const Execution& run) { multiply(run); }

void reference_dense_input_grad(const Execution& run) { multiply(run); }

void reference_dense_weight_grad(const Execution& run) {
  const auto &x = run.operand(0), &dy = run.operand(1);
  auto& dw = run.result();
  auto inputs = x.dims.back();
  for_each_product(x.size() / inputs, inputs, dw.dims[1], [&](auto i, auto k, auto o) {
    if (k < dw.size()) dw.data[k] += x.data[i] * dy.data[o];
  });
}

void reference_dense_weight_grad_whole(const Execution& run) { reference_dense_weight_grad(run); }

}  // namespace gradc
