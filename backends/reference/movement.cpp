#include "backends/reference/reference.h"
#include "support/random.h"

namespace gradc {
namespace {

/// Copies a box of `size` elements a dimension from `from` at `source` to `to` at `target`.
void copy_box(const Tensor& from, const std::vector<std::int64_t>& source, Tensor& to, const std::vector<std::int64_t>& target,
              const std::vector<std::int64_t>& size) {
  std::int64_t total = 1;
  for (auto s : size) total *= s;
  std::vector<std::int64_t> at(size.size(), 0);
  for (std::int64_t i = 0; i < total; ++i) {
    std::int64_t s = 0, t = 0;
    for (std::size_t d = 0; d < size.size(); ++d) {
      s = s * from.dims[d] + source[d] + at[d];
      t = t * to.dims[d] + target[d] + at[d];
    }
    to.data[t] = from.data[s];
    for (std::size_t d = size.size(); d-- > 0;) {
      if (++at[d] < size[d]) break;
      at[d] = 0;
    }
  }
}

}  // namespace

void reference_reshape(const Execution& run) { run.result().data = run.operand(0).data; }

void reference_transpose(const Execution& run) {
  const auto& x = run.operand(0);
  auto& y = run.result();
  const auto& permutation = run.attributes().ints("permutation");
  std::vector<std::int64_t> stride(x.dims.size(), 1), at(x.dims.size(), 0);
  for (std::size_t d = x.dims.size(); d-- > 1;) stride[d - 1] = stride[d] * x.dims[d];
  for (std::int64_t i = 0; i < y.size(); ++i) {
    std::int64_t from = 0;
    for (std::size_t d = 0; d < at.size(); ++d) from += at[d] * stride[permutation[d]];
    y.data[i] = x.data[from];
    for (std::size_t d = at.size(); d-- > 0;) {
      if (++at[d] < y.dims[d]) break;
      at[d] = 0;
    }
  }
}

void reference_pad(const Execution& run) {
  const auto& x = run.operand(0);
  copy_box(x, std::vector<std::int64_t>(x.dims.size(), 0), run.result(), run.attributes().ints("before"), x.dims);
}

void reference_slice(const Execution& run) {
  auto& y = run.result();
  copy_box(run.operand(0), run.attributes().ints("begin"), y, std::vector<std::int64_t>(y.dims.size(), 0), y.dims);
}

void reference_concat(const Execution& run) {
  auto& y = run.result();
  std::vector<std::int64_t> at(y.dims.size(), 0);
  for (const auto* x : run.operands) {
    copy_box(*x, std::vector<std::int64_t>(y.dims.size(), 0), y, at, x->dims);
    at[run.attributes().integer("axis")] += x->dims[run.attributes().integer("axis")];
  }
}

void reference_reverse(const Execution& run) {
  const auto& x = run.operand(0);
  std::vector<std::int64_t> at(x.dims.size(), 0);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    auto turned = at;
    for (auto axis : run.attributes().ints("axes")) turned[axis] = x.dims[axis] - 1 - at[axis];
    std::int64_t from = 0;
    for (std::size_t d = 0; d < at.size(); ++d) from = from * x.dims[d] + turned[d];
    run.result().data[i] = x.data[from];
    for (std::size_t d = at.size(); d-- > 0 && ++at[d] == x.dims[d];) at[d] = 0;
  }
}

void reference_random_uniform(const Execution& run) {
  auto& y = run.result();
  auto elements = y.size() / y.dims[0];
  auto key = static_cast<std::uint32_t>(static_cast<std::int64_t>(run.operand(0).data[0]));
  auto stream = static_cast<std::uint32_t>(run.attributes().integer("stream"));
  for (std::int64_t i = 0; i < y.size(); ++i) {
    auto image = static_cast<std::uint32_t>(run.operand(1).data[i / elements]);
    auto bits = random_bits<std::uint32_t>(key, image, stream, static_cast<std::uint32_t>(i % elements));
    y.data[i] = (bits >> 8) * (1.0 / 16777216.0);
  }
}

void reference_iota(const Execution& run) {
  auto& y = run.result();
  const auto axis = run.attributes().integer("axis");
  std::int64_t below = 1;
  for (auto d = static_cast<std::size_t>(axis) + 1; d < y.dims.size(); ++d) below *= y.dims[d];
  for (std::int64_t i = 0; i < y.size(); ++i) y.data[i] = static_cast<double>(i / below % y.dims[axis]);
}

}  // namespace gradc
