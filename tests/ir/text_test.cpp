#include "ir/text.h"

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gradc/error.h"
#include "ir/verify.h"
#include "passes/differentiate.h"
#include "passes/fuse.h"
#include "passes/partition.h"
#include "passes/pipeline.h"
#include "passes/shard.h"
#include "support/files.h"
#include "tests/ops/cases.h"

namespace gradc::test {
namespace {

using testing::HasSubstr;

/// Ops of every kind with operands of random shapes, and attributes with awkward values.
Graph random_graph(std::uint64_t seed) {
  Random random(seed);
  auto cases = op_cases(seed);
  TrainingGraph t(cases[random.integer(0, static_cast<std::int64_t>(cases.size()) - 1)].image_shape);
  const OpKind binary[] = {OpKind::add, OpKind::sub, OpKind::mul, OpKind::div, OpKind::max, OpKind::greater};
  std::vector<ValueId> values = {t.images};
  for (int i = 0; i < 30; ++i) {
    t.b.loc = random.coin() ? "" : "layer \"" + std::to_string(i) + "\" \\ ü\n";
    auto x = values[random.integer(0, static_cast<std::int64_t>(values.size()) - 1)];
    switch (random.integer(0, 4)) {
      case 0: values.push_back(t.b.emit(OpKind::tanh, {x})); break;
      case 1: values.push_back(t.b.emit(binary[random.integer(0, 5)], {x, t.b.constant(random.uniform() * 1e30)})); break;
      case 2: values.push_back(t.b.emit(binary[random.integer(0, 5)], {x, t.b.constant(random.uniform() * 1e-30)})); break;
      case 3: values.push_back(t.b.emit(OpKind::mul, {x, values.back()})); break;
      default: t.b.emit(OpKind::output, {x}, {{"name", "output " + std::to_string(i)}});
    }
  }
  return t.graph;
}

TEST(Text, PrintingParsingAndPrintingGivesTheSameText) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    auto graph = random_graph(seed);
    if (seed % 3 == 0) graph.target = target_presets()[seed % target_presets().size()].target;
    auto text = print(graph);
    EXPECT_EQ(print(parse(text)), text) << seed;
  }
  // Every op, at every stage of lowering.
  for (const auto& test : op_cases(3)) {
    SCOPED_TRACE(test.name);
    TrainingGraph t(test.image_shape);
    test.build(t);
    differentiate(t.graph);
    auto text = print(t.graph);
    EXPECT_EQ(print(parse(text)), text);
    shard(t.graph);
    fuse(t.graph);
    partition(t.graph);
    verify(t.graph);
    text = print(t.graph);
    EXPECT_EQ(print(parse(text)), text);
  }
}

TEST(Text, EveryPrefixOfAGraphIsAnErrorAndNotACrash) {
  auto text = print(random_graph(7));
  for (std::size_t at = 0; at + 2 < text.size(); ++at) EXPECT_THROW(parse(text.substr(0, at)), Error) << at;
}

std::string output_of(const std::string& arguments) {
  TemporaryFolder folder;
  auto file = folder.path() / "stdout";
  EXPECT_EQ(std::system((GRADC_COMMAND " " + arguments + " >'" + file.string() + "'").c_str()), 0);
  return read_file(file);
}

TEST(Docs, WhatIsListedIsThatOfTheCode) {
  EXPECT_THAT(read_file(GRADC_SOURCE "/docs/training.md"), HasSubstr(output_of("opt --list-losses")));
  EXPECT_THAT(read_file(GRADC_SOURCE "/docs/training.md"), HasSubstr(output_of("opt --list-metrics")));
  EXPECT_THAT(read_file(GRADC_SOURCE "/docs/layers.md"), HasSubstr(output_of("opt --list-layers")));
  EXPECT_THAT(read_file(GRADC_SOURCE "/docs/ir.md"), HasSubstr(output_of("opt --list-ops")));
  EXPECT_THAT(read_file(GRADC_SOURCE "/docs/passes.md"), HasSubstr(output_of("opt --list-passes")));
  EXPECT_THAT(read_file(GRADC_SOURCE "/docs/targets.md"), HasSubstr(output_of("opt --list-targets")));
}

TEST(Docs, EveryPassHasATestThatRunsIt) {
  std::string lines;
  for (const auto& file : std::filesystem::directory_iterator(GRADC_SOURCE "/tests/passes")) {
    if (file.path().extension() != ".ir") continue;
    std::istringstream text(read_file(file.path()));
    for (std::string line; std::getline(text, line);)
      if (line.find("RUN:") != std::string::npos) lines += line + "\n";
  }
  for (const auto& pass : named_passes())
    EXPECT_TRUE(pass.name.starts_with("trigger_") || lines.find(pass.name) != std::string::npos) << pass.name;
}

struct BadText {
  const char *text, *message;
};

TEST(Text, ErrorsNameLineColumnAndShowACaret) {
  const BadText cases[] = {
      {"graph @g {\n  %x = inptu \"a\" : f32[B]\n}", "t.ir:2:8: there is no op 'inptu'\n    %x = inptu \"a\" : f32[B]\n         ^"},
      {"graph @g target \"avx2,l4=1M\" {\n}", "t.ir:1:17: \"l4=1M\" is not known; a number is given as l2=512k or l2=1M"},
      {"graph @g target avx2 {\n}", "t.ir:1:17: expected a target in quotes"},
      {"graph @g {\n  output \"y\" %y\n}", "t.ir:2:14: %y is not defined before this use"},
      {"graph @g {\n  %x = input \"a\" : f64[B]\n}", "t.ir:2:20: there is no element type 'f64'; f32, i32 and u8 are"},
      {"graph @g {\n  %x = input \"a\" : f32[B,0]\n}", "dimension 1 of f32[B,0] is not positive"},
      {"graph @g {\n  %x = input \"a\" : f32[4,B]\n}", "dimension 1 of f32[4,B] is not positive"},
      {"graph @g {\n  %x = input \"a\" : f32[B,3037000500,3037000500,8]\n}", "has more than 2147483647 elements an image"},
      {"graph @g {\n  %x = input \"a\" {role = \"mask\"} : f32[B]\n}",
       "t.ir:2:8: input: there is no role \"mask\"; the roles are data, label, sample_weight, batch_mask, batch_size, step_key, "
       "sample_index"},
      {"graph @g {\n  %x = input \"a\" {role = \"batch_mask\"} : f32[B,2]\n}",
       "t.ir:2:8: input: the input of role batch_mask is f32[B], not f32[B,2]"},
      {"graph @g {\n  %x = input \"a\" : f32[4]  stage back\n}", "t.ir:2:34: there is no stage 'back'; forward, backward and update are"},
      {"graph @g {\n  %x = input \"a\" : f32[4]\n  update %x, %x\n}", "its first operand is no param"},
      {"graph @g {\n  %x = param \"a\" {trainable = 1} : f32[4]\n  update %x, %x\n  update %x, %x\n}", "has an update already"},
      {"graph @g {\n  %x = input \"a : f32[B]\n}", "t.ir:2:14: this string has no end"},
      {"graph @g {\n  %x = input \"a\" : f32[B]\n  %x = relu %x : f32[B]\n}", "t.ir:3:3: %x is defined twice"},
      {"graph @g {\n  %x = input \"a\" : f32[B]\n  %y = relu %x, %x : f32[B]\n}", "t.ir:3:8: relu: takes 1 operand, has 2"},
      {"graph @g {\n  %x = input \"a\" : f32[B]\n  %y = relu %x : f32[B,2]\n}", "relu: gives f32[B], not f32[B,2]"},
      {"graph @g {\n  %x = input \"a\" : f32[B,3]\n  %y = reduce_sum %x {axes = [1]} : f32[B]\n}", "attribute \"keep_dims\" is missing"},
      {"graph @g {\n  %x = input \"a\" : f32[B,3]\n  %y = reshape %x {dims = [B,4]} : f32[B,4]\n}", "f32[B,3] cannot become f32[B,4]"},
      {"graph @g {\n  %x = constant {value = 1.0.0} : f32[]\n}", "t.ir:2:26: expected a number"},
      {"graph @g {\n  %x = reduce_sum\n", "t.ir:2:3: 1 result, but 0 types are stated"},
      {"graph @g {\n  %x = input \"a\" : f32[B,3]\n  kernel @a phase 0 images 16 {\n    %s = reduce_sum %x {axes = [0], keep_dims = 0} : "
       "f32[3]\n  }\n"
       "  kernel @b phase 1 once {\n    %y = relu %s : f32[3]\n  }\n  output \"y\" %y\n}",
       "relu: reads a sum over the batch of which each tile has its part; a reduce makes it whole"},
      {"grph @g {}", "t.ir:1:1: expected 'graph'"},
      {"graph @g {} more", "t.ir:1:13: expected nothing after the graph"},
  };
  for (const auto& bad : cases) try {
      parse(bad.text, "t.ir");
      ADD_FAILURE() << "no error for\n" << bad.text;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(bad.message)) << bad.text;
    }
}

TEST(Verify, FindsWhatBreaksAGraph) {
  auto expect_broken = [](const std::function<void(Graph&)>& damage, const char* message) {
    TrainingGraph t({4});
    auto y = t.b.emit(OpKind::relu, {t.b.emit(OpKind::tanh, {t.images})});
    t.b.emit(OpKind::output, {y}, {{"name", std::string("y")}});
    verify(t.graph);
    damage(t.graph);
    try {
      verify(t.graph);
      ADD_FAILURE() << "not found: " << message;
    } catch (const InternalError& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
  };
  expect_broken([](Graph& g) { std::swap(g.ops[3], g.ops[4]); }, "uses a value that is not defined before it");
  expect_broken([](Graph& g) { g.values[g.ops[3].result()].type.dims = {kBatch, 5}; }, "tanh: gives f32[B,4], not f32[B,5]");
  expect_broken([](Graph& g) { g.ops.push_back(g.ops[3]); }, "defines a value twice");
  expect_broken([](Graph& g) { g.values[g.ops[3].result()].name = "images"; }, "the name %images is taken");
  expect_broken([](Graph& g) { g.ops[3].attributes.set("strides", Ints{1, 1}); }, "has no attribute \"strides\"");
  expect_broken([](Graph& g) { g.ops[3].kernel = 0; }, "its kernel does not exist");
}

}  // namespace
}  // namespace gradc::test
