#include "tests/ops/cases.h"

#include <set>

#include <fmt/format.h>

#include "ir/scan.h"

namespace gradc::test {
namespace {

Attributes window(Ints strides, Pairs padding) { return {{"strides", std::move(strides)}, {"padding", std::move(padding)}}; }

Attributes with(Attributes attributes, const std::string& name, Attribute value) {
  attributes.set(name, std::move(value));
  return attributes;
}

/// Gives the images a gradient path: params are the only leaves that gradients reach.
ValueId trainable_images(TrainingGraph& t) {
  auto shape = t.b.type(t.images).image_dims();
  return t.b.emit(OpKind::add, {t.images, t.param("offset", shape)});
}

struct Conv {
  Ints image;  ///< Spatial dimensions, as many as there are sizes, strides, paddings and dilations.
  std::int64_t in, out;
  Ints size, strides;
  Pairs padding;
  Ints dilation;
  std::int64_t batch;
  std::int64_t groups = 1;
};

Ints followed_by(Ints dims, std::initializer_list<std::int64_t> more) {
  dims.insert(dims.end(), more);
  return dims;
}

OpCase conv_case(const Conv& c) {
  auto name = "conv " + shape_string(followed_by(c.image, {c.in})) + " kernel " + shape_string(followed_by(c.size, {c.out})) + " strides " +
              to_string(Attribute(c.strides)) + " padding " + to_string(Attribute(c.padding)) + " dilation " +
              to_string(Attribute(c.dilation)) + " groups " + std::to_string(c.groups) + " batch " + std::to_string(c.batch);
  return {name,
          [c](TrainingGraph& t) {
            auto w = t.param("kernel", followed_by(c.size, {c.in / c.groups, c.out}));
            auto attributes = with(window(c.strides, c.padding), "dilation", c.dilation);
            if (c.groups > 1) attributes.set("groups", c.groups);
            t.loss_of(t.b.emit(OpKind::conv, {trainable_images(t), w}, attributes), 1);
          },
          followed_by(c.image, {c.in}), c.batch};
}

/// A transposed convolution: the input gradient of a convolution as a forward op, to images of the spatial dimensions `to`.
OpCase transposed_conv_case(const Conv& c, const Ints& to) {
  return {"transposed conv to " + to_string(Attribute(to)) + " strides " + to_string(Attribute(c.strides)),
          [c, to](TrainingGraph& t) {
            auto w = t.param("kernel", followed_by(c.size, {c.in, c.out}));
            auto attributes = with(with(window(c.strides, c.padding), "dilation", c.dilation), "input", to);
            t.loss_of(t.b.emit(OpKind::conv_input_grad, {trainable_images(t), w}, attributes), 1);
          },
          followed_by(c.image, {c.in}), c.batch};
}

/// Of images of one vector, or of the dimensions `before` their vectors.
OpCase dense_case(std::int64_t in, std::int64_t out, std::int64_t batch, Ints before = {}) {
  before.push_back(in);
  return {fmt::format("dense {} to {} batch {}", shape_string(before), out, batch),
          [in, out](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::dense, {trainable_images(t), t.param("kernel", {in, out})}), 4); },
          before, batch};
}

struct Matrices {
  Ints before;  ///< Dimensions of an image before a matrix.
  std::int64_t rows, depth, columns;
  bool transpose_a, transpose_b;
  std::int64_t batch;
};

Attributes transposed(bool a, bool b) {
  Attributes attributes;
  if (a) attributes.set("transpose_a", std::int64_t{1});
  if (b) attributes.set("transpose_b", std::int64_t{1});
  return attributes;
}

/// Both matrices are parts of an image.
OpCase matmul_case(const Matrices& c) {
  const auto first = c.rows * c.depth, second = c.depth * c.columns;
  return {fmt::format("matmul {}{} by {}x{} by {}{} batch {}", c.before.empty() ? "" : shape_string(c.before) + " of ", c.rows, c.depth,
                      c.columns, c.transpose_a ? " a'" : "", c.transpose_b ? " b'" : "", c.batch),
          [=](TrainingGraph& t) {
            auto x = trainable_images(t);
            auto matrix = [&](std::int64_t begin, std::int64_t rows, std::int64_t columns) {
              auto size = t.b.type(x).dims;
              Ints from(size.size(), 0);
              from.back() = begin;
              size.back() = rows * columns;
              auto part = t.b.emit(OpKind::slice, {x}, {{"begin", from}, {"size", size}});
              size.back() = rows;
              size.push_back(columns);
              return t.b.emit(OpKind::reshape, {part}, {{"dims", size}});
            };
            auto a = c.transpose_a ? matrix(0, c.depth, c.rows) : matrix(0, c.rows, c.depth);
            auto b = c.transpose_b ? matrix(first, c.columns, c.depth) : matrix(first, c.depth, c.columns);
            t.loss_of(t.b.emit(OpKind::matmul, {a, b}, transposed(c.transpose_a, c.transpose_b)), 4);
          },
          followed_by(c.before, {first + second}), c.batch};
}

/// A loop whose steps multiply matrices of what it scans, of its state and of what is the same in all steps.
OpCase matmul_in_scan_case(std::int64_t steps, std::int64_t rows, std::int64_t columns, std::int64_t batch) {
  return {fmt::format("matmul in a scan of {} steps, {}x{}, batch {}", steps, rows, columns, batch),
          [=](TrainingGraph& t) {
            auto x_all = trainable_images(t);
            auto first = t.b.emit(OpKind::slice, {x_all}, {{"begin", Ints(4, 0)}, {"size", Ints{kBatch, 1, rows, columns}}});
            auto same = t.b.emit(OpKind::reshape, {first}, {{"dims", Ints{kBatch, rows, columns}}});
            ScanBuilder scan(t.b, steps);
            auto& b = scan.body;
            auto h = scan.carry(same, "h"), x = scan.scan(x_all, "x");
            auto of_input = b.emit(OpKind::matmul, {x, scan.constant(same)}, transposed(true, false));
            auto next = b.emit(OpKind::tanh, {b.emit(OpKind::matmul, {h, of_input})});
            scan.output(next, "next");
            scan.output(b.emit(OpKind::matmul, {next, x}, transposed(false, true)), "y");
            t.loss_of(scan.finish("loop")[1], 7);
          },
          {steps, rows, columns},
          batch};
}

/// Attention of so many heads, whose matrices are read through transposes, with pointwise ops behind a product.
OpCase attention_case(std::int64_t steps, std::int64_t heads, std::int64_t size, std::int64_t batch) {
  return {fmt::format("attention of {} steps, {} heads of {}, batch {}", steps, heads, size, batch),
          [=](TrainingGraph& t) {
            auto x = trainable_images(t);
            auto of_heads = [&](const std::string& name) {
              const auto features = heads * size;
              auto y = t.b.emit(OpKind::dense, {x, t.param(name, {features, features})});
              y = t.b.emit(OpKind::mul, {y, t.b.constant(1 / static_cast<double>(features))});
              auto apart = t.b.emit(OpKind::reshape, {y}, {{"dims", Ints{kBatch, steps, heads, size}}});
              return t.b.emit(OpKind::transpose, {apart}, {{"permutation", Ints{0, 2, 1, 3}}});
            };
            auto scores = t.b.emit(OpKind::matmul, {of_heads("q"), of_heads("k")}, transposed(false, true));
            auto shares = t.b.emit(OpKind::softmax, {t.b.emit(OpKind::add, {scores, t.param("mask", {steps, steps})})});
            t.loss_of(t.b.emit(OpKind::tanh, {t.b.emit(OpKind::matmul, {shares, of_heads("v")})}), 5);
          },
          {steps, heads * size},
          batch};
}

OpCase pool_case(OpKind kind, const Ints& image, const Ints& size, const Ints& strides, const Pairs& padding, std::int64_t batch) {
  auto name = std::string(name_of(kind)) + " " + shape_string(image) + " window " + to_string(Attribute(size)) + " strides " +
              to_string(Attribute(strides)) + " padding " + to_string(Attribute(padding));
  return {name,
          [=](TrainingGraph& t) { t.loss_of(t.b.emit(kind, {trainable_images(t)}, with(window(strides, padding), "window", size)), 2); },
          image, batch};
}

ValueId part_of(Builder& b, ValueId x, std::int64_t units, std::int64_t i) {
  return b.emit(OpKind::slice, {x}, {{"begin", Ints{0, i * units}}, {"size", Ints{kBatch, units}}});
}

/// A long short-term memory, whose loss sees the states of all steps or the last ones.
OpCase lstm_case(std::int64_t steps, std::int64_t in, std::int64_t units, std::int64_t batch, bool all, bool reverse) {
  return {fmt::format("scan of {} steps, {} to {} units, batch {}{}{}", steps, in, units, batch, all ? ", all" : "",
                      reverse ? ", reverse" : ""),
          [=](TrainingGraph& t) {
            auto zero = t.b.constant(0, {DType::f32, {kBatch, units}});
            ScanBuilder scan(t.b, steps, reverse);
            auto& b = scan.body;
            auto h = scan.carry(t.b.emit(OpKind::add, {zero, t.param("first", {units})}), "h"), c = scan.carry(zero, "c");
            auto x = scan.scan(trainable_images(t), "x");
            auto w = scan.constant(t.param("w", {in, 4 * units})), u = scan.constant(t.param("u", {units, 4 * units}));
            auto z = b.emit(OpKind::add, {b.emit(OpKind::dense, {x, w}), scan.constant(t.param("bias", {4 * units}))});
            z = b.emit(OpKind::add, {z, b.emit(OpKind::dense, {h, u})});
            auto gate = [&](std::int64_t i) { return b.emit(i == 2 ? OpKind::tanh : OpKind::sigmoid, {part_of(b, z, units, i)}); };
            auto next = b.emit(OpKind::add, {b.emit(OpKind::mul, {gate(1), c}), b.emit(OpKind::mul, {gate(0), gate(2)})});
            auto y = b.emit(OpKind::mul, {gate(3), b.emit(OpKind::tanh, {next})});
            scan.output(y, "next_h");
            scan.output(next, "next_c");
            if (all) scan.output(y, "y");
            auto results = scan.finish("lstm");
            t.loss_of(all ? results[2] : t.b.emit(OpKind::add, {results[0], results[1]}), 16);
          },
          {steps, in},
          batch};
}

/// A loop that convolves volumes, of whose steps' gradients the kernels get the sums.
OpCase volume_scan_case(std::int64_t steps, const Conv& c) {
  return {fmt::format("scan of {} steps of volumes {} kernel {} strides {} batch {}", steps, shape_string(c.image), shape_string(c.size),
                      shape_string(c.strides), c.batch),
          [=](TrainingGraph& t) {
            Type state{DType::f32, {kBatch}};
            for (std::size_t i = 0; i < 3; ++i) {
              const auto extent = (c.size[i] - 1) * c.dilation[i] + 1;
              state.dims.push_back((c.image[i] + c.padding[i][0] + c.padding[i][1] - extent) / c.strides[i] + 1);
            }
            state.dims.push_back(c.out);
            auto x_all = trainable_images(t);
            ScanBuilder scan(t.b, steps);
            auto& b = scan.body;
            auto h = scan.carry(t.b.constant(0, state), "h"), x = scan.scan(x_all, "x");
            auto made = b.emit(OpKind::conv, {x, scan.constant(t.param("w", followed_by(c.size, {c.in, c.out})))},
                               with(window(c.strides, c.padding), "dilation", c.dilation));
            auto kept = b.emit(OpKind::conv, {h, scan.constant(t.param("u", {2, 1, 3, c.out, c.out}))},
                               with(window({1, 1, 1}, {{0, 1}, {0, 0}, {1, 1}}), "dilation", Ints{1, 1, 1}));
            scan.output(b.emit(OpKind::tanh, {b.emit(OpKind::add, {made, kept})}), "next");
            t.loss_of(scan.finish("volumes")[0], 19);
          },
          followed_by({steps}, {c.image[0], c.image[1], c.image[2], c.in}), c.batch};
}

/// A loop with a mask of numbers, with what is the same for all steps of an image, and with ops that are no products.
OpCase masked_scan_case(std::int64_t steps, std::int64_t units, std::int64_t batch) {
  return {fmt::format("masked scan of {} steps of {} units, batch {}", steps, units, batch),
          [=](TrainingGraph& t) {
            auto x_all = trainable_images(t);
            auto column = t.b.emit(OpKind::slice, {t.images}, {{"begin", Ints{0, 0, 0}}, {"size", Ints{kBatch, steps, 1}}});
            auto numbers = t.b.emit(OpKind::reshape, {t.b.emit(OpKind::square, {column})}, {{"dims", Ints{kBatch, steps}}});
            auto first = t.b.emit(OpKind::slice, {x_all}, {{"begin", Ints{0, 0, 0}}, {"size", Ints{kBatch, 1, units}}});
            auto same = t.b.emit(OpKind::reshape, {first}, {{"dims", Ints{kBatch, units}}});
            ScanBuilder scan(t.b, steps);
            auto& b = scan.body;
            auto h = scan.carry(same, "h"), x = scan.scan(x_all, "x"), mask = scan.scan(numbers, "mask");
            auto on = b.emit(OpKind::reshape, {mask}, {{"dims", Ints{kBatch, 1}}});
            auto product = b.emit(OpKind::dense, {h, scan.constant(t.param("u", {units, units}))});
            auto z = b.emit(OpKind::add, {b.emit(OpKind::mul, {x, scan.constant(same)}), product});
            auto scores = b.emit(OpKind::softmax, {z});
            auto total =
                b.emit(OpKind::reduce_sum, {b.emit(OpKind::mul, {z, scores})}, {{"axes", Ints{1}}, {"keep_dims", std::int64_t{1}}});
            auto y = b.emit(OpKind::tanh, {b.emit(OpKind::add, {z, total})});
            scan.output(b.emit(OpKind::add, {h, b.emit(OpKind::mul, {on, b.emit(OpKind::sub, {y, h})})}), "next");
            scan.output(scores, "scores");
            scan.output(h, "before");
            auto results = scan.finish("loop");
            auto sum = t.b.emit(OpKind::add, {results[1], results[2]});
            auto last = t.b.emit(OpKind::reshape, {results[0]}, {{"dims", Ints{kBatch, 1, units}}});
            t.loss_of(t.b.emit(OpKind::add, {sum, last}), 17);
          },
          {steps, units},
          batch};
}

OpCase pointwise_case(OpKind kind) {
  const auto operands = definition(kind).operands.size();
  return {
      std::string(name_of(kind)),
      [kind, operands](TrainingGraph& t) {
        auto x = trainable_images(t);
        // Where a logarithm, a root or a power needs it, the operand is positive; a divisor stays away from zero.
        auto positive = [&](ValueId v) { return t.b.emit(OpKind::add, {t.b.emit(OpKind::square, {v}), t.b.constant(0.5)}); };
        std::vector<ValueId> arguments;
        bool needs_positive = kind == OpKind::log || kind == OpKind::pow || kind == OpKind::sqrt || kind == OpKind::rsqrt;
        arguments.push_back(needs_positive ? positive(x) : kind == OpKind::select ? t.b.emit(OpKind::greater, {x, t.b.constant(0.1)}) : x);
        // Operands that broadcast in each way: along the batch, and one number for all.
        if (operands > 1) arguments.push_back(kind == OpKind::div ? positive(t.param("row", {5})) : t.param("row", {5}));
        if (operands > 2) arguments.push_back(t.param("single", {1, 1}));
        auto y = t.b.emit(kind, arguments);
        t.loss_of(t.b.emit(OpKind::mul, {y, x}), 3);
      },
      {4, 5},
      2};
}

/// Indices over the whole table and beyond both of its ends.
OpCase gather_case(std::int64_t rows, const Ints& row, const Ints& indices, std::int64_t batch) {
  return {fmt::format("gather {} from {} rows of {} batch {}", shape_string(indices), rows, shape_string(row), batch),
          [=](TrainingGraph& t) {
            const auto half = static_cast<double>(rows) / 2;
            auto numbers = t.b.emit(OpKind::add, {t.b.emit(OpKind::mul, {t.images, t.b.constant(1.3 * half)}), t.b.constant(half)});
            auto dims = row;
            dims.insert(dims.begin(), rows);
            t.loss_of(t.b.emit(OpKind::gather, {t.param("table", dims), numbers}), 16);
          },
          indices, batch};
}

}  // namespace

std::vector<OpCase> op_cases(std::uint64_t seed) {
  std::vector<OpCase> cases;
  Random random(seed);
  // Awkward convolutions: one pixel, one channel, a kernel as large as the input, strides larger than the kernel, batches beside the lanes.
  for (const auto& c : std::vector<Conv>{
           {{1, 1}, 1, 1, {1, 1}, {1, 1}, {{0, 0}, {0, 0}}, {1, 1}, 1},
           {{5, 5}, 2, 3, {5, 5}, {1, 1}, {{0, 0}, {0, 0}}, {1, 1}, 1},
           {{7, 9}, 3, 5, {2, 2}, {3, 3}, {{0, 0}, {0, 0}}, {1, 1}, 2},
           {{6, 7}, 4, 17, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 65},
           {{9, 8}, 3, 6, {3, 2}, {2, 1}, {{0, 1}, {1, 0}}, {1, 1}, 3},
           {{11, 10}, 2, 4, {3, 3}, {1, 1}, {{2, 2}, {2, 2}}, {2, 2}, 17},
           {{8, 8}, 5, 9, {1, 1}, {2, 2}, {{0, 0}, {0, 0}}, {1, 1}, 4},
           {{28, 28}, 1, 8, {5, 5}, {1, 1}, {{0, 0}, {0, 0}}, {1, 1}, 2},
           {{4, 13}, 1, 1, {1, 9}, {1, 2}, {{0, 0}, {4, 4}}, {1, 1}, 3},
           {{7, 6}, 18, 18, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 3, 18},
           {{7, 6}, 3, 6, {2, 3}, {2, 2}, {{1, 0}, {1, 1}}, {1, 1}, 5, 3},
           {{5, 6}, 8, 12, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 2, 4},
           // Depthwise: a kernel larger than the images, dilation, no padding, and vectors of which half would fit.
           {{3, 2}, 20, 20, {5, 5}, {1, 1}, {{2, 2}, {2, 2}}, {1, 1}, 2, 20},
           {{9, 11}, 8, 8, {3, 3}, {1, 1}, {{2, 2}, {2, 2}}, {2, 2}, 3, 8},
           {{8, 9}, 5, 5, {3, 4}, {1, 2}, {{0, 0}, {0, 0}}, {1, 1}, 2, 5},
           {{6, 7}, 24, 24, {3, 3}, {2, 2}, {{1, 1}, {0, 1}}, {1, 1}, 3, 24},
           // Fewer filters, or fewer channels, than half a vector has lanes.
           {{6, 11}, 16, 3, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 2},
           {{7, 9}, 12, 1, {2, 3}, {1, 2}, {{1, 0}, {0, 2}}, {1, 1}, 3},
           {{5, 8}, 24, 2, {5, 1}, {1, 1}, {{2, 2}, {0, 0}}, {1, 1}, 1},
           {{9, 7}, 3, 16, {3, 3}, {2, 2}, {{1, 1}, {1, 1}}, {1, 1}, 3},
           {{10, 7}, 1, 8, {5, 5}, {3, 2}, {{2, 2}, {2, 2}}, {1, 1}, 2},
           {{9, 9}, 2, 32, {3, 3}, {2, 2}, {{2, 2}, {2, 2}}, {2, 2}, 2},
           // Strides that leave a last row, or column, of the input without the others of its turn; also in groups.
           {{3, 3}, 1, 4, {3, 3}, {2, 2}, {{1, 1}, {1, 1}}, {1, 1}, 3},
           {{5, 3}, 8, 16, {3, 2}, {2, 2}, {{1, 1}, {0, 1}}, {1, 1}, 17},
           {{3, 7}, 3, 5, {4, 2}, {2, 2}, {{1, 2}, {0, 1}}, {1, 1}, 2},
           {{4, 5}, 17, 3, {4, 3}, {3, 3}, {{1, 2}, {0, 1}}, {1, 1}, 2},
           {{5, 4}, 6, 12, {3, 3}, {2, 2}, {{1, 1}, {0, 1}}, {1, 1}, 3, 6},
           {{3, 5}, 8, 8, {3, 3}, {2, 3}, {{1, 1}, {1, 0}}, {1, 1}, 2, 4},
           // One filter a group of several channels, in numbers beside those of lanes.
           {{6, 6}, 6, 3, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 2, 3},
           {{4, 5}, 15, 5, {2, 3}, {2, 1}, {{0, 1}, {1, 1}}, {1, 1}, 1, 5},
           {{4, 3}, 38, 19, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 2, 19},
       })
    cases.push_back(conv_case(c));
  cases.push_back(transposed_conv_case({{4, 5}, 16, 3, {4, 4}, {2, 2}, {{1, 1}, {1, 1}}, {1, 1}, 3}, {8, 10}));
  cases.push_back(transposed_conv_case({{4, 5}, 3, 6, {3, 3}, {2, 2}, {{0, 1}, {0, 1}}, {1, 1}, 3}, {8, 10}));
  cases.push_back(transposed_conv_case({{3, 4}, 5, 2, {2, 4}, {1, 3}, {{0, 0}, {0, 0}}, {1, 1}, 18}, {4, 13}));
  // Sequences and volumes.
  for (const auto& c : std::vector<Conv>{
           {{1}, 1, 1, {1}, {1}, {{0, 0}}, {1}, 1},
           {{13}, 3, 5, {3}, {1}, {{1, 1}}, {1}, 18},
           {{40}, 6, 17, {5}, {2}, {{2, 2}}, {1}, 3},
           {{11}, 4, 8, {4}, {3}, {{1, 2}}, {1}, 65},
           {{17}, 5, 9, {3}, {1}, {{4, 0}}, {2}, 4},  // As causal padding has it.
           {{9}, 12, 12, {3}, {2}, {{1, 0}}, {1}, 2, 12},
           {{12}, 8, 12, {3}, {1}, {{1, 1}}, {1}, 3, 4},
           {{10}, 16, 2, {3}, {1}, {{1, 1}}, {1}, 2},
           {{9}, 2, 32, {3}, {2}, {{2, 2}}, {2}, 2},
           {{1, 1, 1}, 1, 1, {1, 1, 1}, {1, 1, 1}, {{0, 0}, {0, 0}, {0, 0}}, {1, 1, 1}, 1},
           {{4, 5, 6}, 2, 5, {3, 3, 3}, {1, 1, 1}, {{1, 1}, {1, 1}, {1, 1}}, {1, 1, 1}, 18},
           {{5, 4, 7}, 3, 17, {2, 3, 2}, {1, 1, 1}, {{0, 0}, {0, 1}, {1, 0}}, {1, 1, 1}, 3},
           {{5, 6, 5}, 3, 6, {3, 2, 3}, {2, 3, 2}, {{1, 1}, {0, 0}, {0, 1}}, {1, 1, 1}, 2},
           {{3, 5, 4}, 4, 8, {3, 3, 2}, {2, 2, 1}, {{1, 1}, {1, 1}, {1, 0}}, {1, 1, 1}, 17},
           {{6, 5, 7}, 2, 4, {2, 2, 2}, {1, 1, 1}, {{1, 1}, {0, 1}, {1, 1}}, {2, 1, 3}, 3},
           {{4, 4, 5}, 8, 8, {3, 2, 3}, {1, 2, 1}, {{1, 1}, {1, 0}, {1, 1}}, {1, 1, 1}, 2, 8},
           {{3, 4, 4}, 6, 9, {2, 2, 3}, {1, 1, 1}, {{1, 0}, {0, 0}, {1, 1}}, {1, 1, 1}, 2, 3},
           {{4, 3, 8}, 16, 3, {3, 3, 3}, {1, 1, 1}, {{1, 1}, {1, 1}, {1, 1}}, {1, 1, 1}, 2},
           {{4, 5, 6}, 16, 2, {2, 3, 3}, {2, 2, 2}, {{0, 0}, {1, 1}, {1, 1}}, {1, 1, 1}, 2},
           {{5, 6, 5}, 2, 32, {2, 2, 3}, {2, 1, 2}, {{1, 1}, {0, 0}, {1, 1}}, {1, 2, 2}, 2},
       })
    cases.push_back(conv_case(c));
  cases.push_back(transposed_conv_case({{7}, 5, 3, {4}, {2}, {{1, 1}}, {1}, 3}, {14}));
  cases.push_back(transposed_conv_case({{3, 2, 4}, 4, 6, {2, 3, 3}, {2, 1, 2}, {{0, 0}, {1, 1}, {0, 1}}, {1, 1, 1}, 3}, {6, 2, 8}));
  // One to three dimensions, drawn; dilation only where it leaves room for the kernel.
  for (int i = 0; i < 14; ++i) {
    const auto rank = i < 8 ? 2 : i < 11 ? 1 : 3;
    Conv c{{}, random.integer(1, 6), random.integer(1, 11), {}, {}, {}, {}, random.integer(1, 20)};
    for (int d = 0; d < rank; ++d) {
      c.image.push_back(random.integer(3, rank == 3 ? 7 : 12));
      c.size.push_back(random.integer(1, 3));
      c.strides.push_back(random.integer(1, 3));
      c.padding.push_back({random.integer(0, 2), random.integer(0, 2)});
      c.dilation.push_back(random.coin() ? random.integer(1, (c.image[d] - 1) / std::max<std::int64_t>(c.size[d] - 1, 1)) : 1);
    }
    cases.push_back(conv_case(c));
  }
  for (int i = 0; i < 6; ++i) {
    const auto rank = i < 4 ? 2 : i == 4 ? 1 : 3;
    const auto channels = random.integer(2, 40);
    Conv c{{}, channels, channels, {}, {}, {}, Ints(rank, 1), random.integer(1, 20), channels};
    for (int d = 0; d < rank; ++d) {
      c.image.push_back(random.integer(5, rank == 3 ? 7 : 20));
      c.size.push_back(random.integer(1, rank == 3 ? 3 : 5));
      c.strides.push_back(random.integer(1, 3));
      c.padding.push_back({random.integer(0, 2), random.integer(0, 2)});
    }
    cases.push_back(conv_case(c));
  }
  for (auto kind : {OpKind::max_pool, OpKind::avg_pool}) {
    cases.push_back(pool_case(kind, {6, 8, 3}, {2, 2}, {2, 2}, {{0, 0}, {0, 0}}, 18));
    cases.push_back(pool_case(kind, {7, 7, 2}, {3, 3}, {2, 2}, {{1, 1}, {0, 1}}, 3));
    cases.push_back(pool_case(kind, {7, 5, 1}, {2, 3}, {3, 4}, {{0, 0}, {1, 0}}, 2));
    cases.push_back(pool_case(kind, {5, 5, 4}, {5, 5}, {1, 1}, {{0, 0}, {0, 0}}, 1));
    cases.push_back(pool_case(kind, {6, 6, 2}, {3, 2}, {1, 1}, {{1, 1}, {1, 1}}, 5));
    cases.push_back(pool_case(kind, {20, 18, 1}, {17, 17}, {2, 1}, {{0, 0}, {0, 0}}, 2));  // an index beyond a byte
    cases.push_back(pool_case(kind, {9, 3}, {2}, {2}, {{0, 0}}, 18));
    cases.push_back(pool_case(kind, {12, 17}, {5}, {2}, {{2, 1}}, 3));
    cases.push_back(pool_case(kind, {4, 6, 5, 3}, {2, 2, 2}, {2, 2, 2}, {{0, 0}, {0, 0}, {0, 0}}, 17));
    cases.push_back(pool_case(kind, {5, 4, 6, 2}, {3, 2, 3}, {2, 1, 3}, {{1, 1}, {0, 1}, {1, 0}}, 2));
  }
  for (auto [in, out, batch] : {std::tuple{1, 1, 1}, std::tuple{7, 3, 65}, std::tuple{40, 10, 16}, std::tuple{33, 70, 3},
                                std::tuple{3, 50, 17}, std::tuple{50, 1, 18}, std::tuple{38, 2, 20}})
    cases.push_back(dense_case(in, out, batch));
  for (auto [blocks, in, block, batch] : {std::tuple{3, 7, 16, 17}, std::tuple{2, 20, 5, 3}, std::tuple{1, 9, 8, 33}})
    cases.push_back({fmt::format("dense {} to {} blocks of {}", in, blocks, block),
                     [blocks, in, block](TrainingGraph& t) {
                       t.loss_of(t.b.emit(OpKind::dense, {trainable_images(t), t.param("kernel", {blocks, in, block})}), 4);
                     },
                     {in},
                     batch});
  cases.push_back({"dense of rows",
                   [](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::dense, {trainable_images(t), t.param("kernel", {6, 5})}), 5); },
                   {3, 4, 6},
                   4});
  cases.push_back({"dense of rows to one",
                   [](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::dense, {trainable_images(t), t.param("kernel", {21, 1})}), 5); },
                   {5, 21},
                   18});
  for (auto kind : all_ops())
    if (is_pointwise(kind)) cases.push_back(pointwise_case(kind));
  cases.push_back({"softmax", [](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::softmax, {trainable_images(t)}), 6); }, {7}, 18});
  cases.push_back({"softmax of rows", [](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::softmax, {trainable_images(t)}), 6); }, {3, 5}, 2});
  for (const auto& shape : {Ints{300}, Ints{9, 7, 5}, Ints{1, 80, 1}, Ints{3, 2, 270}}) {
    auto sum_all = [](TrainingGraph& t, ValueId x) {
      Ints axes;
      for (int i = t.b.type(x).batched() ? 1 : 0; i < t.b.type(x).rank(); ++i) axes.push_back(i);
      return t.b.emit(OpKind::reduce_sum, {x}, {{"axes", axes}, {"keep_dims", std::int64_t{0}}});
    };
    cases.push_back({"a long sum of " + shape_string(shape),
                     [=](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::square, {sum_all(t, trainable_images(t))}), 64); }, shape, 9});
    cases.push_back({"a long sum of weights " + shape_string(shape),
                     [=](TrainingGraph& t) {
                       auto weight = sum_all(t, t.b.emit(OpKind::square, {t.param("weight", shape)}));
                       t.loss_of(t.b.emit(OpKind::mul, {t.images, weight}), 65);
                     },
                     {2},
                     5});
  }
  cases.push_back({"a scalar as an array",
                   [](TrainingGraph& t) {
                     auto array = t.b.emit(OpKind::reshape, {t.batch_size}, {{"dims", Ints{1}}});
                     auto weight = t.b.emit(OpKind::square, {t.b.emit(OpKind::mul, {array, t.param("weight", {1})})});
                     t.loss_of(t.b.emit(OpKind::mul, {t.images, weight}), 63);
                   },
                   {1},
                   5});
  // What reads a whole product stands in no kernel of it, also where a third op joins both.
  for (bool first : {false, true}) {
    auto beside = [&](std::string_view name, bool dense, auto emit) {
      cases.push_back({fmt::format("{} {} what it reads, a {}", name, first ? "before" : "behind", dense ? "dense" : "convolution"),
                       [=](TrainingGraph& t) {
                         auto product = dense ? t.b.emit(OpKind::dense, {t.images, t.param("kernel", {5, 5})})
                                              : t.b.emit(OpKind::conv, {t.images, t.param("kernel", {1, 1, 2, 2})},
                                                         {{"strides", Ints{1, 1}}, {"padding", Pairs(2)}, {"dilation", Ints{1, 1}}});
                         auto made = emit(t, product);
                         t.loss_of(t.b.emit(OpKind::mul, {first ? made : product, first ? product : made}), 61);
                       },
                       dense ? std::vector<std::int64_t>{5} : std::vector<std::int64_t>{3, 4, 2}, 17});
    };
    auto softmax = [](TrainingGraph& t, ValueId x) { return t.b.emit(OpKind::softmax, {x}); };
    beside("softmax", true, softmax);
    beside("softmax", false, softmax);
    beside("softmax of relu", false, [](TrainingGraph& t, ValueId x) { return t.b.emit(OpKind::softmax, {t.b.emit(OpKind::elu, {x})}); });
    for (auto kind : {OpKind::max_pool, OpKind::avg_pool})
      beside(name_of(kind), false, [=](TrainingGraph& t, ValueId x) {
        return t.b.emit(kind, {x}, {{"strides", Ints{1, 1}}, {"padding", Pairs{{1, 1}, {1, 1}}}, {"window", Ints{3, 3}}});
      });
  }
  cases.push_back({"reduce_sum beside what it reads, a convolution",
                   [](TrainingGraph& t) {
                     auto product = t.b.emit(OpKind::conv, {t.images, t.param("kernel", {1, 1, 2, 1})},
                                             {{"strides", Ints{1, 1}}, {"padding", Pairs(2)}, {"dilation", Ints{1, 1}}});
                     auto sum = t.b.emit(OpKind::reduce_sum, {product}, {{"axes", Ints{3}}, {"keep_dims", std::int64_t{1}}});
                     t.loss_of(t.b.emit(OpKind::mul, {product, sum}), 62);
                   },
                   {3, 4, 2},
                   17});
  cases.push_back(
      {"softmax_cross_entropy",
       [](TrainingGraph& t) {
         auto labels = t.b.emit(OpKind::softmax, {t.images});
         t.loss_of(t.b.emit(OpKind::softmax_cross_entropy, {t.b.emit(OpKind::mul, {trainable_images(t), t.b.constant(3)}), labels}), 7);
       },
       {6},
       19});
  for (const auto& [axes, keep] : {std::pair{Ints{1}, 0}, std::pair{Ints{1, 2}, 1}, std::pair{Ints{2}, 1}, std::pair{Ints{3}, 0}})
    cases.push_back({"reduce_sum " + to_string(Attribute(axes)) + (keep ? " keep" : ""),
                     [axes = axes, keep = keep](TrainingGraph& t) {
                       auto sum = t.b.emit(OpKind::reduce_sum, {trainable_images(t)}, {{"axes", axes}, {"keep_dims", std::int64_t{keep}}});
                       t.loss_of(t.b.emit(OpKind::square, {sum}), 8);
                     },
                     {4, 3, 5},
                     3});
  cases.push_back({"batch_moments",
                   [](TrainingGraph& t) {
                     auto x = trainable_images(t);
                     auto moments = t.b.emit_all(OpKind::batch_moments, {x, t.batch_size});
                     auto scale = t.b.emit(OpKind::rsqrt, {t.b.emit(OpKind::add, {moments[1], t.b.constant(0.1)})});
                     t.loss_of(t.b.emit(OpKind::mul, {t.b.emit(OpKind::sub, {x, moments[0]}), scale}), 9);
                   },
                   {3, 4, 5},
                   18});
  cases.push_back(
      {"reshape",
       [](TrainingGraph& t) { t.loss_of(t.b.emit(OpKind::reshape, {trainable_images(t)}, {{"dims", Ints{kBatch, 2, 15}}}), 10); },
       {5, 6},
       3});
  cases.push_back({"transpose",
                   [](TrainingGraph& t) {
                     auto w = t.b.emit(OpKind::transpose, {t.param("kernel", {4, 6})}, {{"permutation", Ints{1, 0}}});
                     auto x = t.b.emit(OpKind::transpose, {trainable_images(t)}, {{"permutation", Ints{0, 3, 1, 2}}});
                     t.loss_of(t.b.emit(OpKind::dense, {x, w}), 16);
                   },
                   {5, 6, 3},
                   3});
  cases.push_back({"broadcast",
                   [](TrainingGraph& t) {
                     auto all = t.b.emit(OpKind::broadcast, {t.param("row", {1, 6})}, {{"dims", Ints{kBatch, 5, 6}}});
                     t.loss_of(t.b.emit(OpKind::mul, {all, t.images}), 11);
                   },
                   {5, 6},
                   3});
  cases.push_back({"pad",
                   [](TrainingGraph& t) {
                     t.loss_of(t.b.emit(OpKind::pad, {trainable_images(t)}, {{"before", Ints{0, 1, 0, 2}}, {"after", Ints{0, 0, 3, 1}}}),
                               12);
                   },
                   {3, 4, 2},
                   2});
  cases.push_back(
      {"slice",
       [](TrainingGraph& t) {
         t.loss_of(t.b.emit(OpKind::slice, {trainable_images(t)}, {{"begin", Ints{0, 1, 0, 1}}, {"size", Ints{kBatch, 2, 4, 1}}}), 13);
       },
       {3, 4, 2},
       2});
  cases.push_back({"concat",
                   [](TrainingGraph& t) {
                     auto x = trainable_images(t);
                     auto y = t.b.emit(OpKind::square,
                                       {t.b.emit(OpKind::slice, {x}, {{"begin", Ints{0, 0, 0, 1}}, {"size", Ints{kBatch, 3, 4, 1}}})});
                     t.loss_of(t.b.emit(OpKind::concat, {x, y, x}, {{"axis", std::int64_t{3}}}), 14);
                   },
                   {3, 4, 2},
                   2});
  for (int flags = 0; flags < 4; ++flags) {
    const bool a = (flags & 1) != 0, b = (flags & 2) != 0;
    cases.push_back(matmul_case({{}, random.integer(1, 9), random.integer(1, 9), random.integer(1, 9), a, b, random.integer(1, 20)}));
    cases.push_back(matmul_case({{2, 3}, random.integer(1, 5), random.integer(1, 5), random.integer(1, 5), a, b, 3}));
    cases.push_back(matmul_case({{3}, 1, 7, 1, a, b, 17}));
  }
  cases.push_back(attention_case(random.integer(1, 5), 2, 3, random.integer(1, 18)));
  cases.push_back(matmul_in_scan_case(random.integer(1, 4), random.integer(1, 4), random.integer(1, 4), random.integer(1, 18)));
  // A matrix by itself, and by itself transposed.
  for (bool a : {false, true})
    cases.push_back({a ? "matmul of a value with itself, a'" : "matmul of a value with itself, b'",
                     [a](TrainingGraph& t) {
                       auto x = trainable_images(t);
                       t.loss_of(t.b.emit(OpKind::matmul, {x, x}, transposed(a, !a)), 6);
                     },
                     {3, 4, 5},
                     2});
  cases.push_back(lstm_case(random.integer(2, 6), random.integer(1, 5), 4, 3, false, false));
  cases.push_back(lstm_case(random.integer(1, 4), random.integer(1, 5), 3, 18, true, true));
  // Windows that overlap, that leave planes out, that are dilated, and of which none covers the last plane.
  cases.push_back(volume_scan_case(3, {{4, 3, 2}, 2, 3, {3, 2, 1}, {1, 1, 2}, {{1, 1}, {0, 1}, {0, 0}}, {1, 1, 1}, 3}));
  cases.push_back(volume_scan_case(2, {{5, 2, 3}, 1, 2, {1, 2, 2}, {3, 2, 1}, {{0, 0}, {0, 0}, {0, 1}}, {1, 1, 1}, 18}));
  cases.push_back(volume_scan_case(2, {{6, 1, 2}, 2, 2, {2, 1, 2}, {3, 1, 1}, {{0, 0}, {0, 0}, {1, 0}}, {2, 1, 1}, 2}));
  cases.push_back(masked_scan_case(random.integer(2, 5), random.integer(2, 6), 17));
  cases.push_back({"reverse",
                   [](TrainingGraph& t) {
                     auto some = t.b.emit(OpKind::reverse, {trainable_images(t)}, {{"axes", Ints{1, 3}}});
                     auto weights = t.b.emit(OpKind::reverse, {t.param("row", {4, 5})}, {{"axes", Ints{1}}});
                     t.loss_of(t.b.emit(OpKind::mul, {some, weights}), 18);
                   },
                   {3, 4, 5},
                   2});
  cases.push_back({"iota",
                   [](TrainingGraph& t) {
                     auto place = [&](std::int64_t axis) { return t.b.emit(OpKind::iota, {}, {{"axis", axis}, {"dims", Ints{3, 4, 5}}}); };
                     auto weights = t.b.emit(OpKind::mul, {t.param("row", {4, 5}), t.b.emit(OpKind::sub, {place(0), place(2)})});
                     t.loss_of(t.b.emit(OpKind::mul, {trainable_images(t), t.b.emit(OpKind::add, {weights, place(1)})}), 18);
                   },
                   {3, 4, 5},
                   2});
  cases.push_back({"argmax and one_hot",
                   [](TrainingGraph& t) {
                     auto x = trainable_images(t);
                     auto chosen = t.b.emit(OpKind::one_hot, {t.b.emit(OpKind::argmax, {t.images})}, {{"depth", std::int64_t{6}}});
                     t.loss_of(t.b.emit(OpKind::mul, {x, chosen}), 15);
                   },
                   {6},
                   5});
  for (const auto& [rows, shape, indices, batch] :
       {std::tuple{7, Ints{5}, Ints{4}, 18}, std::tuple{3, Ints{64}, Ints{6}, 5}, std::tuple{1, Ints{1}, Ints{}, 3},
        std::tuple{20, Ints{}, Ints{9}, 2}, std::tuple{11, Ints{2, 3, 16}, Ints{}, 17}, std::tuple{6, Ints{4, 8}, Ints{2, 3}, 33},
        std::tuple{40, Ints{19}, Ints{5, 2, 1}, 1}})
    cases.push_back(gather_case(rows, shape, indices, batch));
  for (int i = 0; i < 6; ++i) {
    Ints shape, indices;
    for (auto d = random.integer(0, 2); d > 0; --d) shape.push_back(random.integer(1, 36));
    for (auto d = random.integer(0, 2); d > 0; --d) indices.push_back(random.integer(1, 9));
    cases.push_back(gather_case(random.integer(1, 50), shape, indices, random.integer(1, 40)));
  }
  // Whole numbers for indices: where a pooling found its maximum, in a byte or in more.
  for (std::int64_t size : {2, 17})
    cases.push_back({"gather by an index of a pooling of " + std::to_string(size),
                     [size](TrainingGraph& t) {
                       auto pooled = t.b.emit_all(OpKind::max_pool, {t.images},
                                                  {{"strides", Ints{2, 1}}, {"padding", Pairs(2)}, {"window", Ints{size, size}}});
                       t.loss_of(t.b.emit(OpKind::gather, {t.param("table", {size * size - 1, 6}), pooled[1]}), 17);
                     },
                     {20, 18, 2},
                     4});
  // A table that is computed, and indices that are.
  cases.push_back({"gather from a product",
                   [](TrainingGraph& t) {
                     auto table = t.b.emit(OpKind::mul, {t.param("table", {5, 12}), t.param("scale", {5, 1})});
                     auto x = trainable_images(t);
                     auto rows = t.b.emit(OpKind::gather, {table, t.b.emit(OpKind::argmax, {t.images})});
                     t.loss_of(t.b.emit(OpKind::mul, {t.b.emit(OpKind::tanh, {rows}), x}), 18);
                   },
                   {3, 12},
                   19});
  return cases;
}

std::vector<OpCase> large_op_cases() {
  // Kernels so large that their gradients are computed over the whole batch, and as wide as vectors are, or not quite, or with long sums of
  // few outputs.
  return {matmul_case({{2}, 33, 40, 37, false, false, 5}), matmul_case({{2}, 48, 64, 100, false, true, 18}),
          matmul_case({{}, 67, 19, 64, true, false, 3}), matmul_case({{3}, 21, 128, 5, true, true, 17}), attention_case(33, 4, 16, 5),
          matmul_case({{}, 2, 256, 3, false, true, 1}), lstm_case(7, 20, 33, 19, true, false), lstm_case(16, 3, 68, 17, false, false),
          dense_case(90, 128, 18), dense_case(272, 20, 3, {17}), dense_case(20, 272, 18, {17}), dense_case(130, 64, 64),
          dense_case(101, 91, 5), dense_case(512, 10, 3), dense_case(558, 15, 3, {1}), dense_case(130, 64, 18, {1, 1}),
          gather_case(300, {256}, {20}, 33), gather_case(5000, {9}, {70}, 18),
          conv_case({{12, 11}, 33, 40, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 5}),
          conv_case({{9, 13}, 16, 70, {3, 3}, {2, 2}, {{1, 1}, {1, 1}}, {1, 1}, 3}),
          conv_case({{9, 40}, 4, 64, {5, 2}, {1, 1}, {{2, 2}, {0, 1}}, {1, 1}, 2}),
          // A kernel of more than a megabyte, whose blocks are copied.
          conv_case({{5, 6}, 192, 160, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 2}),
          // Fewer columns than a tile may have images.
          conv_case({{7, 5}, 20, 33, {5, 4}, {3, 2}, {{2, 1}, {1, 2}}, {1, 1}, 17}),
          // Depthwise with blocks of columns and rows that never meet the border.
          conv_case({{37, 39}, 24, 24, {3, 3}, {1, 1}, {{1, 1}, {1, 1}}, {1, 1}, 2, 24}),
          conv_case({{37, 39}, 24, 24, {3, 5}, {2, 3}, {{0, 2}, {2, 1}}, {1, 1}, 2, 24})};
}

}  // namespace gradc::test
