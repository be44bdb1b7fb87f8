// What passes ask of ops: loops of contractions, zeros, instructions, sums over the batch.
#include <cmath>
#include <filesystem>
#include <numeric>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compile/build.h"
#include "frontend/model_json.h"
#include "gradc/error.h"
#include "ir/ops/scalar.h"
#include "ir/text.h"
#include "passes/differentiate.h"
#include "support/files.h"
#include "tests/ops/cases.h"

namespace gradc::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// Calls `visit` for every op of every case, forward and backward.
void for_each_op(const std::function<void(const Graph&, const Op&)>& visit) {
  for (std::uint64_t seed : {3, 4, 5})
    for (const auto& test : op_cases(seed)) {
      SCOPED_TRACE(test.name);
      TrainingGraph t(test.image_shape);
      test.build(t);
      differentiate(t.graph);
      for (const auto& op : t.graph.ops) visit(t.graph, op);
    }
}

/// Elements of what an index of each loop that `along` chooses moves along: of windows that slide over it, their inputs.
std::int64_t elements_along(const Iteration& loops, bool Loop::* along) {
  std::int64_t elements = 1;
  bool space = false, kernel = false;
  for (const auto& loop : loops.loops) {
    if (!(loop.*along)) continue;
    space |= loop.kind == LoopKind::space;
    kernel |= loop.kind == LoopKind::kernel;
    if (loop.kind != LoopKind::space && loop.kind != LoopKind::kernel) elements *= loop.extent;
  }
  const bool slid_over = loops.is_convolution() && (loops.slides_over_result ? along == &Loop::in_result : along == &Loop::in_first);
  for (const auto& window : loops.windows) elements *= slid_over ? window.input : space ? window.output : kernel ? window.size : 1;
  return elements;
}

TEST(OpTraits, CommutativeOpsAreThoseWhoseOperandsMayBeExchanged) {
  const double numbers[] = {0, -0.0, 1, -2.5, 3, INFINITY, -INFINITY, NAN};
  for (auto kind : all_ops()) {
    const auto& op = definition(kind);
    const bool binary = is_pointwise(kind) && op.operands.size() == 2;
    EXPECT_TRUE(binary || !op.commutative) << op.name;
    if (!binary) continue;
    bool same = true;
    for (double a : numbers)
      for (double b : numbers) {
        const double ab[] = {a, b}, ba[] = {b, a};
        const auto left = scalar_function(kind)(ab), right = scalar_function(kind)(ba);
        same = same && (left == right || (std::isnan(left) && std::isnan(right)));
      }
    EXPECT_EQ(op.commutative, same) << op.name;
  }
}

TEST(OpTraits, LoopsOfContractionsMoveAlongAllTheirOperands) {
  int contractions = 0;
  for_each_op([&](const Graph& graph, const Op& op) {
    if (!is_contraction(op.kind)) return;
    SCOPED_TRACE(name_of(op.kind));
    ++contractions;
    const auto loops = graph.iteration(op);
    const auto weights = [&](ValueId value) { return graph.type(value).batched() ? 1 : loops.groups; };
    EXPECT_EQ(elements_along(loops, &Loop::in_first), graph.type(op.operands[0]).elements());
    EXPECT_EQ(elements_along(loops, &Loop::in_second), graph.type(op.operands[1]).elements() * weights(op.operands[1]));
    EXPECT_EQ(elements_along(loops, &Loop::in_result), graph.type(op.result()).elements() * weights(op.result()));
    EXPECT_EQ(loops.makes_images(), graph.type(op.result()).batched());
    EXPECT_EQ(loops.makes_images(), !sums_over_batch(graph, op));
    EXPECT_EQ(graph.flops(op), 2 * loops.multiply_adds());
  });
  EXPECT_GT(contractions, 30);
}

TEST(OpTraits, MultiplyAddsLeaveOutPadding) {
  TrainingGraph t({4, 4, 2});
  auto w = t.b.emit_typed(OpKind::param, {DType::f32, {3, 3, 2, 5}}, {{"name", std::string("w")}, {"trainable", std::int64_t{1}}}, "w");
  t.b.emit(OpKind::conv, {t.images, w}, {{"strides", Ints{1, 1}}, {"dilation", Ints{1, 1}}, {"padding", Pairs{{1, 1}, {1, 1}}}});
  // Of the 12 positions of a row's windows one is padding at either end.
  EXPECT_EQ(t.graph.iteration(t.graph.ops.back()).multiply_adds(), 10 * 10 * 2 * 5);
}

TEST(OpTraits, ZeroFollowsFromWhatARowComputes) {
  auto zero = [](OpKind kind, std::vector<bool> operands) { return definition(kind).gives_zero(operands); };
  EXPECT_TRUE(zero(OpKind::mul, {true, false}));
  EXPECT_TRUE(zero(OpKind::mul, {false, true}));
  EXPECT_TRUE(zero(OpKind::div, {true, false}));
  EXPECT_FALSE(zero(OpKind::div, {false, true}));
  EXPECT_FALSE(zero(OpKind::div, {true, true}));
  EXPECT_FALSE(zero(OpKind::add, {true, false}));
  EXPECT_TRUE(zero(OpKind::add, {true, true}));
  EXPECT_FALSE(zero(OpKind::max, {true, false}));
  EXPECT_FALSE(zero(OpKind::min, {false, true}));
  EXPECT_TRUE(zero(OpKind::select, {false, true, true}));
  EXPECT_FALSE(zero(OpKind::select, {false, true, false}));
  EXPECT_FALSE(zero(OpKind::sub, {false, false}));
  EXPECT_FALSE(zero(OpKind::equal, {false, false}));
  EXPECT_FALSE(zero(OpKind::greater, {false, false}));
  EXPECT_TRUE(zero(OpKind::tanh, {true}));
  EXPECT_FALSE(zero(OpKind::sigmoid, {true}));
  EXPECT_FALSE(zero(OpKind::exp, {true}));
  EXPECT_FALSE(zero(OpKind::equal, {true, true}));
  EXPECT_FALSE(zero(OpKind::concat, {true, false, true}));
  EXPECT_EQ(definition(OpKind::softmax).gives_zero, nullptr);
}

TEST(OpTraits, InstructionsAreCountedInTheRow) {
  auto instructions = [](OpKind kind) { return definition(kind).instructions; };
  EXPECT_EQ(instructions(OpKind::constant), 0);
  EXPECT_EQ(instructions(OpKind::stop_gradient), 0);
  EXPECT_EQ(instructions(OpKind::add), 1);
  EXPECT_EQ(instructions(OpKind::relu6), 2);
  EXPECT_EQ(instructions(OpKind::sign), 4);
  EXPECT_GE(instructions(OpKind::div), 8);
  EXPECT_GT(instructions(OpKind::gelu), instructions(OpKind::erf));
  EXPECT_FALSE(is_inlined(OpKind::conv));
}

TEST(OpTraits, AGradientThatIsNotKnownIsAnError) {
  TrainingGraph t({4});
  auto w = t.b.emit_typed(OpKind::param, {DType::f32, {4, 3}}, {{"name", std::string("w")}, {"trainable", std::int64_t{1}}}, "w");
  auto y = t.b.emit(OpKind::dense_input_grad, {t.images, w});
  auto loss = t.b.emit(OpKind::reduce_sum, {y}, {{"axes", Ints{0, 1}}, {"keep_dims", std::int64_t{0}}});
  t.b.emit(OpKind::output, {loss}, {{"name", std::string("loss")}});
  try {
    differentiate(t.graph);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("dense_input_grad has no gradient"));
  }
}

TEST(Stage, FollowsTheFlowOfAStep) {
  for (const char* name : {"/examples/mnist/model.json", "/examples/models/resnet20/model.json"})
    for (const bool kernels : {false, true}) {
      SCOPED_TRACE(std::string(name) + (kernels ? ", kernels" : ", plain ops"));
      const auto file = read_model(std::string(GRADC_SOURCE) + name);
      BuildOptions options{.kernels = kernels};
      options.training = file.training.value();
      const auto graph = build(file.topology, options).graph;
      const auto definers = graph.definers();
      std::map<Stage, int> count;
      for (const auto& op : graph.ops) {
        ++count[op.stage];
        for (auto operand : op.operands) EXPECT_LE(graph.ops[definers[operand]].stage, op.stage) << print(graph, op);
        EXPECT_TRUE(op.kind != OpKind::update || op.stage == Stage::update) << print(graph, op);
        EXPECT_TRUE(op.kind != OpKind::output || op.stage == Stage::forward) << print(graph, op);
      }
      for (auto stage : {Stage::forward, Stage::backward, Stage::update}) EXPECT_GT(count[stage], 10) << name_of(stage);
    }
}

TEST(OpTraits, PassesNameNoConvolutionDenseOrPoolingOp) {
  int files = 0;
  for (const auto& file : std::filesystem::directory_iterator(GRADC_SOURCE "/passes")) {
    if (file.is_directory()) continue;
    ++files;
    std::istringstream text(read_file(file.path()));
    for (std::string line; std::getline(text, line);)
      EXPECT_THAT(line, Not(ContainsRegex("OpKind::[a-z0-9_]*(conv|dense|pool)"))) << file.path().filename();
  }
  EXPECT_GT(files, 20);
}

}  // namespace
}  // namespace gradc::test
