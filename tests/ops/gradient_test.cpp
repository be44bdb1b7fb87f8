#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "passes/differentiate.h"
#include "tests/ops/cases.h"

namespace gradc::test {
namespace {

double loss_of(const Graph& graph, const Values& values) {
  auto params = values.params;
  return interpret(graph, values.inputs, params).at("loss").data[0];
}

/// Every gradient that differentiate makes agrees with central differences, in double. A param of many elements is checked at some of them.
void check_gradients(const OpCase& test, std::uint64_t seed) {
  SCOPED_TRACE(test.name);
  TrainingGraph t(test.image_shape);
  test.build(t);
  auto forward = t.graph;
  differentiate(t.graph);
  Random random(seed);
  auto values = random_values(t.graph, test.batch, random);
  auto params = values.params;
  auto outputs = interpret(t.graph, values.inputs, params);
  int checked = 0;
  for (auto& [name, tensor] : values.params) {
    auto found = outputs.find(gradient_name(name));
    if (found == outputs.end()) continue;
    double largest = 1e-2;
    for (auto g : found->second.data) largest = std::max(largest, std::abs(g));
    for (int k = 0; k < 12; ++k) {
      auto i = static_cast<std::size_t>(random.integer(0, tensor.size() - 1));
      auto difference = [&](double h) {
        auto before = tensor.data[i];
        tensor.data[i] = before + h;
        auto up = loss_of(forward, values);
        tensor.data[i] = before - h;
        auto down = loss_of(forward, values);
        tensor.data[i] = before;
        return (up - down) / (2 * h);
      };
      auto small = difference(1e-6), large = difference(1e-5);
      // Where two step sizes disagree a relu or pooling changes its decision within them: no derivative to compare with.
      if (std::abs(small - large) > 1e-5 * largest) continue;
      EXPECT_NEAR(found->second.data[i], small, 2e-6 * largest) << name << "[" << i << "]";
      ++checked;
    }
  }
  EXPECT_GT(checked, 0) << "no gradient was compared";
}

TEST(Gradient, AgreesWithCentralDifferencesForEveryOp) {
  for (std::uint64_t seed : {1, 2, 3})
    for (const auto& test : op_cases(seed))
      if (test.name != "stop_gradient") check_gradients(test, seed);
}

TEST(Gradient, NoneGoesThroughStopGradient) {
  TrainingGraph t({4});
  auto w = t.param("w", {4});
  t.loss_of(t.b.emit(OpKind::mul, {t.b.emit(OpKind::stop_gradient, {w}), t.b.emit(OpKind::mul, {w, t.images})}), 1);
  differentiate(t.graph);
  Random random(3);
  auto values = random_values(t.graph, 2, random);
  auto params = values.params;
  auto found = interpret(t.graph, values.inputs, params).at(gradient_name("w")).data;
  // Of w² the whole gradient is 2 w, of which half comes from the factor that counts as a constant.
  TrainingGraph whole({4});
  auto v = whole.param("w", {4});
  whole.loss_of(whole.b.emit(OpKind::mul, {v, whole.b.emit(OpKind::mul, {v, whole.images})}), 1);
  differentiate(whole.graph);
  auto twice = interpret(whole.graph, values.inputs, params).at(gradient_name("w")).data;
  for (std::size_t i = 0; i < found.size(); ++i) EXPECT_NEAR(2 * found[i], twice[i], 1e-12);
}

TEST(Gradient, EveryOpThatHasAGradientHasACase) {
  std::set<OpKind> used;
  for (const auto& test : op_cases(1)) {
    TrainingGraph t(test.image_shape);
    test.build(t);
    for (const auto& op : t.graph.ops) used.insert(op.kind);
  }
  for (auto kind : all_ops()) {
    auto name = std::string(name_of(kind));
    bool is_gradient = name.find("_grad") != std::string::npos,
         terminal = kind == OpKind::update || kind == OpKind::reduce || kind == OpKind::random_uniform || kind == OpKind::scatter_add;
    EXPECT_TRUE(used.contains(kind) || is_gradient || terminal) << name << " has no case in tests/ops/cases.cpp";
  }
}

TEST(Gradient, SharedValuesSumTheirGradients) {
  check_gradients({"shared",
                   [](TrainingGraph& g) {
                     auto v = g.b.emit(OpKind::mul, {g.images, g.param("w", {4})});
                     g.loss_of(g.b.emit(OpKind::add, {g.b.emit(OpKind::mul, {v, v}), v}), 1);
                   },
                   {4},
                   3},
                  5);
}

TEST(Gradient, TheInputGetsNoGradientOps) {
  TrainingGraph t({8, 8, 1});
  auto w = t.param("w", {3, 3, 1, 2});
  t.loss_of(t.b.emit(OpKind::conv, {t.images, w}, {{"strides", Ints{1, 1}}, {"padding", Pairs(2)}, {"dilation", Ints{1, 1}}}), 1);
  differentiate(t.graph);
  for (const auto& op : t.graph.ops) EXPECT_NE(op.kind, OpKind::conv_input_grad);
}

}  // namespace
}  // namespace gradc::test
