#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include <fmt/format.h>

#include "backends/halide/compile.h"
#include "compile/compile_step.h"
#include "gradc/error.h"
#include "ir/text.h"
#include "passes/differentiate.h"
#include "passes/pipeline.h"
#include "passes/simplify.h"
#include "step/plan.h"
#include "tests/ops/cases.h"

namespace gradc::test {
namespace {

Graph training_graph(const OpCase& test) {
  TrainingGraph t(test.image_shape);
  test.build(t);
  differentiate(t.graph);
  eliminate_common_subexpressions(t.graph);
  return t.graph;
}

struct Choice {
  const char* name;
  JitOptions options;
  /// Takes cases number `first`, `first + each`, ... and those with an op that none of these has.
  std::size_t first, each;
  bool of_blocks = false;  ///< Tries blocks and tiles that only schedules of contractions and windows, or loops, choose among.
};

void PrintTo(const Choice& choice, std::ostream* out) { *out << choice.name; }

/// Whether a schedule of the graph's kernels has blocks to choose.
bool has_blocks(const Graph& graph) {
  return std::ranges::any_of(graph.ops, [](const Op& op) {
    const auto& def = definition(op.kind);
    return op.body || def.whole_batch || (def.fusion != FusionKind::elementwise && def.fusion != FusionKind::boundary);
  });
}

struct TrainingCase {
  OpCase test;
  Graph graph;
};

/// The cases of a choice, which together have every op that any case has: compiling all of them in all ways would take most of the suite's
/// time, and random graphs (fuzz/graphs.cpp) are compiled in all ways too.
std::vector<TrainingCase> cases_of(const Choice& choice, std::vector<OpCase> tests = op_cases(11)) {
  std::vector<TrainingCase> chosen, others;
  for (auto& test : tests) {
    auto graph = training_graph(test);
    if (choice.of_blocks && !has_blocks(graph)) continue;
    auto& list = (chosen.size() + others.size()) % choice.each == choice.first ? chosen : others;
    list.push_back({std::move(test), std::move(graph)});
  }
  std::set<OpKind> seen;
  auto see = [&](const Graph& graph) {
    bool is_new = false;
    for (const auto& op : graph.ops) is_new |= seen.insert(op.kind).second;
    return is_new;
  };
  for (const auto& each : chosen) see(each.graph);
  for (auto& each : others)
    if (see(each.graph)) chosen.push_back(std::move(each));
  return chosen;
}

class JitOp : public testing::TestWithParam<Choice> {};

TEST_P(JitOp, ForwardAndBackwardAgreeWithTheReference) {
  auto tests = op_cases(11);
  for (auto& large : large_op_cases()) tests.push_back(std::move(large));
  for (const auto& [test, graph] : cases_of(GetParam(), std::move(tests))) {
    SCOPED_TRACE(test.name);
    Random random(21);
    expect_agreement(graph, random_values(graph, test.batch, random), GetParam().options);
  }
}

/// Ways of compiling, of which each case takes two that have nothing in common.
const std::vector<Choice> ways = {{"ImagesAsLanes", {.lanes = Lanes::batch}, 0, 2},
                                  {"ImagesAsLanesUnfused", {.fuse = false, .lanes = Lanes::batch}, 1, 2},
                                  {"FeaturesAsLanes", {.lanes = Lanes::features}, 1, 2},
                                  {"FeaturesAsLanesUnfused", {.fuse = false, .lanes = Lanes::features}, 0, 2}};

const std::vector<Choice> blocks = {{"FeaturesAsLanesTilesOf1", {.lanes = Lanes::features, .images = 1}, 0, 3, true},
                                    {"FeaturesAsLanesTilesOf3", {.lanes = Lanes::features, .images = 3}, 1, 3, true},
                                    {"FeaturesAsLanesTilesOf14", {.lanes = Lanes::features, .images = 14}, 2, 3, true},
                                    {"ImagesAsLanesOtherBlocks", {.lanes = Lanes::batch, .candidate = 3}, 0, 2, true},
                                    {"FeaturesAsLanesOtherBlocks", {.lanes = Lanes::features, .candidate = 5}, 1, 2, true}};

std::string name_of_choice(const testing::TestParamInfo<Choice>& info) { return info.param.name; }
INSTANTIATE_TEST_SUITE_P(Ways, JitOp, testing::ValuesIn(ways), name_of_choice);
INSTANTIATE_TEST_SUITE_P(Blocks, JitOp, testing::ValuesIn(blocks), name_of_choice);

/// Expects the same bits of each case in its ways, whether its memory held `first` before or, guarded so, one of the others.
void expect_same_bits(std::uint64_t seed, std::optional<float> first, const std::vector<std::pair<float, Guards>>& others) {
  for (const auto& way : ways)
    for (const auto& [test, graph] : cases_of(way)) {
      Random random(seed);
      const auto values = random_values(graph, test.batch, random);
      SCOPED_TRACE(test.name + ", " + way.name);
      auto options = way.options;
      options.fill = first;
      const auto plain = run_jit(graph, values, options);
      for (auto [fill, guards] : others) {
        options.fill = fill;
        options.guards = guards;
        const auto again = run_jit(graph, values, options);
        for (const auto& [name, tensor] : plain.inputs)
          ASSERT_EQ(again.inputs.at(name).data, tensor.data) << name << ", filled with " << fill;
        for (const auto& [name, tensor] : plain.params)
          ASSERT_EQ(again.params.at(name).data, tensor.data) << name << ", filled with " << fill;
      }
    }
}

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(JitMemory, ResultsDoNotDependOnWhatMemoryHeldBefore) { expect_same_bits(23, 0, {{kNaN, Guards::none}, {1e30f, Guards::none}}); }

/// A touch of the pages beside an array ends the process.
TEST(JitMemory, NothingOutsideOfArraysIsTouched) { expect_same_bits(24, {}, {{kNaN, Guards::behind}, {kNaN, Guards::before}}); }

TEST(JitMemory, GuardsLieBesideEveryArray) {
  constexpr auto kPage = static_cast<std::int64_t>(kPageBytes);
  std::int64_t arrays = 0;
  for (const auto& test : op_cases(15)) {
    auto graph = training_graph(test);
    graph.target = parse_target("avx2,l2=1M");
    run_passes(graph, pipeline({.train = false, .context = {.workload = Workload{.batch = test.batch}}}));
    for (auto guards : {Guards::behind, Guards::before}) {
      const auto plan = make_plan(graph, guards);
      for (auto space : {Space::tile, Space::partial, Space::replicated, Space::batch}) {
        auto used = used_bytes(plan, space, plan.padded_images);
        used.erase(std::unique(used.begin(), used.end()), used.end());
        arrays += static_cast<std::int64_t>(used.size());
        std::int64_t end = 0;
        for (auto [first, last] : used) {
          if (guards == Guards::before) {
            EXPECT_EQ(first % kPage, 0);
            EXPECT_GE(first - end, kPage);
          } else {
            EXPECT_GE(first - end, end == 0 ? 0 : kPage);
            EXPECT_LT((kPage - last % kPage) % kPage, space == Space::batch ? 64 * plan.padded_images : 64);
          }
          end = last;
        }
      }
    }
  }
  EXPECT_GT(arrays, 1000);
}

TEST(JitSums, OfManyTermsAreAsPreciseAsThoseOfFew) {
  // Terms of one sign, of which an accumulator of its own would lose some 1e-4 of the sum.
  for (const auto& shape : {Ints{120, 110, 9}, Ints{100'003}}) {
    TrainingGraph t(shape);
    auto weight = t.b.emit(OpKind::square, {t.param("weight", shape)});
    Ints all;
    for (int i = 0; i < t.b.type(weight).rank(); ++i) all.push_back(i);
    t.b.emit(OpKind::output, {t.b.emit(OpKind::reduce_sum, {weight}, {{"axes", all}, {"keep_dims", std::int64_t{0}}})},
             {{"name", std::string("of weights")}});
    for (auto& axis : all) ++axis;
    t.b.emit(OpKind::output,
             {t.b.emit(OpKind::reduce_sum, {t.b.emit(OpKind::square, {t.images})}, {{"axes", all}, {"keep_dims", std::int64_t{0}}})},
             {{"name", std::string("of images")}});
    Random random(31);
    const auto values = random_values(t.graph, 3, random);
    for (auto lanes : {Lanes::batch, Lanes::features}) expect_agreement(t.graph, values, {.lanes = lanes}, 2e-6);
  }
}

/// Where values are not numbers: a character for each.
std::string places_of_nan(const std::vector<double>& values) {
  std::string places;
  for (auto v : values) places += std::isnan(v) ? 'N' : '.';
  return places;
}

TEST(JitNan, WhatIsNaNInTheReferenceIsNaNInEveryKernel) {
  // A comparison with NaN has either result, and what a case multiplies with one may be left out where that is 0.
  const std::set<std::string> of_comparisons = {"greater", "equal", "sign", "select", "argmax and one_hot"};
  for (const auto& way : ways) {
    if (!way.options.fuse) continue;
    for (const auto& [test, graph] : cases_of(way)) {
      if (of_comparisons.contains(test.name)) continue;
      SCOPED_TRACE(test.name + ", " + way.name);
      Random random(22);
      auto values = random_values(graph, test.batch, random);
      auto& images = values.inputs.at("images").data;
      images[images.size() / 2] = std::numeric_limits<double>::quiet_NaN();
      for (bool negative : {false, true}) {
        images[images.size() / 2] = std::copysign(images[images.size() / 2], negative ? -1.0 : 1.0);
        auto params = values.params;
        const auto reference = interpret(graph, values.inputs, params, {});
        const auto jit = run_jit(graph, values, way.options);
        for (const auto& [name, tensor] : reference) {
          const auto got = places_of_nan(jit.inputs.at(name).data), expected = places_of_nan(tensor.data);
          for (std::size_t i = 0; i < expected.size(); ++i)
            if (expected[i] == 'N') {
              ASSERT_EQ(got[i], 'N') << name << "[" << i << "]";
            }
        }
      }
    }
  }
}

/// Every number with every other, at which formulas of vectorized functions tend to break.
TEST(JitPointwise, ExtremeNumbersGiveWhatTheReferenceGives) {
  constexpr auto kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> numbers = {0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 1.5, -2.5, 1e-30, -1e-30, 60, -60, kInfinity, -kInfinity};
  const auto count = static_cast<std::int64_t>(numbers.size());
  for (auto kind : all_ops()) {
    if (!is_pointwise(kind)) continue;
    TrainingGraph t({count});
    const auto columns = t.param("columns", {count}), backwards = t.param("backwards", {count});
    std::vector<ValueId> operands = {t.images, columns, backwards};
    operands.resize(definition(kind).operands.size());
    t.b.emit(OpKind::output, {t.b.emit(kind, operands)}, {{"name", std::string("y")}});
    Random random(1);
    auto values = random_values(t.graph, count, random);
    auto& images = values.inputs.at("images").data;
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<float>(numbers[i / numbers.size()]);
    values.params.at("columns").data = numbers;
    values.params.at("backwards").data.assign(numbers.rbegin(), numbers.rend());
    for (auto& v : values.params.at("columns").data) v = static_cast<float>(v);
    for (auto& v : values.params.at("backwards").data) v = static_cast<float>(v);
    auto params = values.params;
    const auto expected = interpret(t.graph, values.inputs, params, {}).at("y").data;
    for (auto lanes : {Lanes::batch, Lanes::features}) {
      const auto got = run_jit(t.graph, values, {.lanes = lanes}).inputs.at("y").data;
      for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto a = images[i], b = values.params.at("columns").data[i % numbers.size()];
        const auto wanted = static_cast<float>(expected[i]);
        // An exponent of single precision is off by its last bit.
        const auto error = std::max(1.0f, std::abs(wanted)) * (1e-6 + (std::abs(wanted) > 1 ? 1.2e-7 * std::log(std::abs(wanted)) : 0));
        if (std::isfinite(wanted))
          EXPECT_NEAR(got[i], wanted, error) << name_of(kind) << " of " << a << " and " << b;
        else
          EXPECT_TRUE(std::isnan(wanted) ? std::isnan(got[i]) : got[i] == wanted)
              << name_of(kind) << " of " << a << " and " << b << " is " << got[i] << ", not " << wanted;
      }
    }
  }
}

/// Rows are added to the table that is there, of which the others stay as they are, bit by bit.
TEST(JitUpdate, RowsAreAddedToATableInItsPlace) {
  for (auto [rows, width, positions, batch] :
       std::vector<std::array<std::int64_t, 4>>{{7, 5, 3, 2}, {40, 64, 9, 17}, {3, 1, 20, 33}, {5000, 16, 2, 1}, {100, 300, 4, 5}})
    for (auto lanes : {Lanes::batch, Lanes::features})
      for (bool fuse : {true, false}) {
        SCOPED_TRACE(fmt::format("{} rows of {}, {} positions, batch {}", rows, width, positions, batch));
        TrainingGraph t({positions});
        const auto table = t.param("table", {rows, width}), weights = t.param("weights", {width});
        const auto numbers = t.b.emit(OpKind::mul, {t.images, t.b.constant(static_cast<double>(rows))});
        const auto row = t.b.emit(OpKind::mul, {t.b.emit(OpKind::gather, {table, numbers}), weights});
        const auto next = t.b.emit(OpKind::scatter_add, {table, numbers, t.b.emit(OpKind::tanh, {row})});
        t.b.emit(OpKind::update, {table, next});
        Random random(27);
        const auto values = random_values(t.graph, batch, random);
        expect_agreement(t.graph, values, {.fuse = fuse, .lanes = lanes});
        const auto &before = values.params.at("table").data,
                   after = run_jit(t.graph, values, {.fuse = fuse, .lanes = lanes}).params.at("table").data;
        std::int64_t changed = 0;
        for (std::int64_t r = 0; r < rows; ++r) changed += !std::equal(&before[r * width], &before[r * width] + width, &after[r * width]);
        EXPECT_GT(changed, 0);
        EXPECT_LE(changed, positions * batch);
      }
}

/// A network of many ops: convolutions, poolings, activations, residual sums and concatenations drawn at random.
Graph random_network(Random& random) {
  TrainingGraph t({random.integer(5, 14), random.integer(5, 14), random.integer(1, 4)});
  auto x = t.images;
  int params = 0;
  auto name = [&](const char* what) { return what + std::to_string(params++); };
  const OpKind activations[] = {OpKind::relu, OpKind::tanh, OpKind::sigmoid, OpKind::elu, OpKind::softplus, OpKind::swish, OpKind::gelu};
  for (int i = 0, layers = static_cast<int>(random.integer(2, 6)); i < layers; ++i) {
    auto dims = t.b.type(x).dims;
    switch (random.integer(0, 5)) {
      case 0:
      case 1: {
        auto rows = random.integer(1, std::min<std::int64_t>(3, dims[1])), columns = random.integer(1, std::min<std::int64_t>(3, dims[2]));
        auto filters = random.integer(1, 9);
        auto w = t.param(name("kernel"), {rows, columns, dims[3], filters});
        auto pad = random.integer(0, 1);
        x = t.b.emit(OpKind::conv, {x, w},
                     {{"strides", Ints{random.integer(1, 2), random.integer(1, 2)}},
                      {"padding", Pairs{{pad, pad}, {pad, 0}}},
                      {"dilation", Ints{1, 1}}});
        if (random.coin()) x = t.b.emit(OpKind::add, {x, t.param(name("bias"), {filters})});
        x = t.b.emit(activations[random.integer(0, 6)], {x});
        break;
      }
      case 2:
        if (dims[1] >= 2 && dims[2] >= 2)
          x = t.b.emit(random.coin() ? OpKind::max_pool : OpKind::avg_pool, {x},
                       {{"strides", Ints{2, 2}}, {"padding", Pairs(2)}, {"window", Ints{2, 2}}});
        break;
      case 3: {
        auto same = t.param(name("square"), {3, 3, dims[3], dims[3]});
        auto y = t.b.emit(OpKind::conv, {x, same}, {{"strides", Ints{1, 1}}, {"padding", Pairs{{1, 1}, {1, 1}}}, {"dilation", Ints{1, 1}}});
        x = t.b.emit(OpKind::relu, {t.b.emit(OpKind::add, {x, y})});
        break;
      }
      case 4: {
        auto moments = t.b.emit_all(OpKind::batch_moments, {x, t.batch_size});
        auto scale = t.b.emit(OpKind::rsqrt, {t.b.emit(OpKind::add, {moments[1], t.b.constant(0.1)})});
        x = t.b.emit(OpKind::mul, {t.b.emit(OpKind::sub, {x, moments[0]}), scale});
        x = t.b.emit(OpKind::add, {t.b.emit(OpKind::mul, {x, t.param(name("gamma"), {dims[3]})}), t.param(name("beta"), {dims[3]})});
        break;
      }
      default: x = t.b.emit(OpKind::concat, {x, t.b.emit(OpKind::square, {x})}, {{"axis", std::int64_t{3}}});
    }
  }
  auto flat = t.b.emit(OpKind::reshape, {x}, {{"dims", Ints{kBatch, t.b.type(x).elements()}}});
  x = t.b.emit(OpKind::dense, {flat, t.param(name("kernel"), {t.b.type(flat).elements(), 5})});
  t.loss_of(t.b.emit(OpKind::softmax, {x}), 3);
  return t.graph;
}

TEST(JitNetwork, RandomNetworksAgreeWithTheReference) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    auto graph = random_network(random);
    differentiate(graph);
    auto values = random_values(graph, random.integer(1, 70), random);
    // Tiles, lanes and register blocks are drawn at random: no choice may change what is computed.
    for (bool fuse : {true, false})
      expect_agreement(graph, values,
                       {.fuse = fuse,
                        .threads = static_cast<int>(random.integer(1, 3)),
                        .lanes = random.coin() ? Lanes::features : Lanes::batch,
                        .images = random.coin() ? 0 : random.integer(1, 20),
                        .candidate = static_cast<int>(random.integer(0, 40))},
                       1e-4);
  }
}

/// Vectors of the loss's gradient are stored and then summed, an image at a time, though images of ten numbers do not fill cache lines.
TEST(JitNetwork, TilesOfOneImageMayHaveAnyNumberOfFeatures) {
  for (std::int64_t classes : {3, 10, 20}) {
    SCOPED_TRACE(classes);
    TrainingGraph t({6});
    auto hidden = t.b.emit(OpKind::dense, {t.images, t.param("first", {6, 9})});
    auto logits = t.b.emit(OpKind::dense, {hidden, t.param("second", {9, classes})});
    logits = t.b.emit(OpKind::add, {logits, t.param("bias", {classes})});
    auto labels = t.b.emit(OpKind::softmax, {t.b.emit(OpKind::dense, {t.images, t.param("labels", {6, classes})})});
    t.loss_of(t.b.emit(OpKind::softmax_cross_entropy, {logits, labels}), 1);
    differentiate(t.graph);
    Random random(5);
    expect_agreement(t.graph, random_values(t.graph, 5, random), {.lanes = Lanes::features, .images = 1});
  }
}

TEST(JitNetwork, AStepTakesOneInputOfEachRoleAndNumber) {
  const auto error_of = [](const char* inputs) {
    auto graph = parse(std::string("graph @two {\n") + inputs + "  output \"y\" %x\n}");
    Params params;
    try {
      compile_step(graph, params, {.backend = Backend::reference});
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_EQ(error_of("  %x = input \"a\" : f32[B,2]\n  %z = input \"b\" : f32[B,3]\n"),
            "graph @two: inputs \"a\" and \"b\" both have the role data, of which a step takes one of each number");
  EXPECT_EQ(error_of("  %x = input \"a\" : f32[B,2]\n  %z = input \"b\" {number = 1} : f32[B,3]\n"), "no error");
  EXPECT_EQ(error_of("  %x = input \"a\" : f32[B,2]\n  %z = input \"b\" {role = \"batch_mask\"} : f32[B]\n"
                     "  %q = input \"c\" {role = \"batch_mask\"} : f32[B]\n"),
            "graph @two: inputs \"b\" and \"c\" both have the role batch_mask, of which a step takes one");
  EXPECT_EQ(error_of("  %x = input \"a\" : f32[B,2]\n  %z = input \"b\" {number = 1, role = \"batch_mask\"} : f32[B]\n"),
            "graph @two: input \"b\" has the number 1, but a step takes one of role batch_mask");
  EXPECT_EQ(error_of("  %x = input \"a\" : f32[2]\n"), "graph @two: input \"a\" of role data is f32[2], which has no batch");
  EXPECT_EQ(error_of("  %x = input \"a\" : f32[B,2]\n  %z = input \"b\" {role = \"label\"} : f32[B,3]\n"), "no error");
}

TEST(JitTarget, KeepsTheWidthOfVectorsThatItsInstructionsDoNotSay) {
  EXPECT_THAT(read_target("x86-64-linux-sse41-vector_bits_256").code, testing::HasSubstr("vector_bits_256"));
}

TEST(JitNetwork, AnyNumberOfThreadsGivesTheSameBits) {
  Random random(4);
  auto graph = random_network(random);
  differentiate(graph);
  auto values = random_values(graph, 130, random);
  for (auto lanes : {Lanes::batch, Lanes::features}) {
    auto one = run_jit(graph, values, {.threads = 1, .lanes = lanes});
    for (int threads : {2, 3, 4, 7}) {
      auto many = run_jit(graph, values, {.threads = threads, .lanes = lanes});
      for (const auto& [name, tensor] : one.inputs)
        EXPECT_EQ(tensor.data, many.inputs.at(name).data) << name << " with " << threads << " threads";
    }
  }
}

}  // namespace
}  // namespace gradc::test
