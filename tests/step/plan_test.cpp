#include "step/plan.h"

#include <filesystem>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "compile/build.h"
#include "frontend/training_choice.h"
#include "gradc/error.h"
#include "ir/text.h"
#include "passes/pipeline.h"
#include "step/text.h"
#include "support/files.h"

namespace gradc::test {
namespace {

using testing::HasSubstr;

StepPlan plan_of(const char* model, const char* target, std::int64_t batch, bool fuse = true) {
  const auto file = read_model(std::filesystem::path(GRADC_SOURCE "/examples") / model / "model.json");
  BuildOptions options{.fuse = fuse, .target = parse_target(target), .workload = {.batch = batch}};
  options.training = training_of(file);
  return make_plan(build(file.topology, options).graph);
}

TEST(Step, PrintingParsingAndPrintingGivesTheSameText) {
  for (const char* model : {"mnist", "models/mlp", "models/cifar_cnn", "models/resnet20"})
    for (const char* target : {"avx512", "avx2"})
      for (bool fuse : {true, false}) {
        SCOPED_TRACE(std::string(model) + " " + target);
        const auto plan = plan_of(model, target, 64, fuse);
        const auto text = print(plan);
        const auto parsed = parse_step(text);
        EXPECT_EQ(print(parsed), text);
        EXPECT_EQ(describe_phases(parsed, 37), describe_phases(plan, 37));
        for (std::size_t k = 0; k < plan.kernels.size(); ++k) {
          EXPECT_EQ(parsed.kernels[k].source.text(), plan.kernels[k].source.text());
          EXPECT_EQ(parsed.kernels[k].info.phase, plan.kernels[k].info.phase);
        }
      }
}

StepPlan plan_of_lstm(std::int64_t steps, Lanes lanes, bool fuse) {
  const auto topology = sequence(
      {LSTM{.units = 20, .return_sequences = true, .input_shape = {steps, 5}}, GRU{.units = 12, .go_backwards = true}, Dense{.units = 3}});
  BuildOptions options{.fuse = fuse, .target = parse_target("avx2"), .workload = {.batch = 64, .force_lanes = lanes}};
  options.training = {.loss = {"meanSquaredError"}, .optimizer = SGD{}};
  return make_plan(build(topology, options).graph);
}

TEST(Step, LoopsAreCommandsThatAreAsManyForAnyNumberOfSteps) {
  for (auto lanes : {Lanes::batch, Lanes::features})
    for (bool fuse : {true, false}) {
      const auto plan = plan_of_lstm(17, lanes, fuse);
      const auto text = print(plan);
      EXPECT_THAT(text, testing::AllOf(HasSubstr("    loop 17 {\n      carry %"), HasSubstr("    loop 17 reverse {\n"), HasSubstr(" now, "),
                                       HasSubstr(" next\n")));
      EXPECT_EQ(print(parse_step(text)), text);
      EXPECT_THAT(describe_phases(plan, 64), HasSubstr("in 17 steps"));
      const auto longer = plan_of_lstm(1700, lanes, fuse);
      EXPECT_EQ(longer.kernels.size(), plan.kernels.size());
      // No value of a tile but what is stacked grows.
      EXPECT_LT(longer.tile_bytes, 101 * plan.tile_bytes);
    }
}

TEST(Step, ALoopThatHandsOnNothingOrReachesBeyondAStackIsRefused) {
  const auto text = print(plan_of_lstm(7, Lanes::batch, true));
  auto refused = [&](const std::string& from, const std::string& to) -> std::string {
    auto broken = text;
    const auto at = broken.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    broken.replace(at, from.size(), to);
    try {
      parse_step(broken);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refused("    loop 7 {", "    loop 8 {"), HasSubstr("which are not 8 steps of"));
  EXPECT_THAT(refused(" next\n", "\n"), HasSubstr("of a loop is carried, now or next"));
}

TEST(Step, OnlyALoopHasABody) {
  const std::string text = "graph @g {\n  %x = input \"x\" : f32[B,2]\n  %y = relu %x : f32[B,2] body {\n  }\n  output \"y\" %y\n}\n";
  try {
    parse(text);
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("relu: has a body, but is no loop"));
  }
}

TEST(Step, InputsOfOneRoleKeepTheirNumbers) {
  const auto graph = parse(R"(graph @two target "avx2" lanes features {
  %b = input "b" {number = 1} : f32[B,3]
  %a = input "a" : f32[B,3]
  kernel @sum phase 0 images 1 {
    %s = add %a, %b : f32[B,3]
  }
  output "s" %s
}
)");
  const auto text = print(make_plan(graph));
  EXPECT_THAT(text, testing::AllOf(HasSubstr("  input data 1 %b\n"), HasSubstr("  input data %a\n")));
  EXPECT_EQ(print(parse_step(text)), text);
}

TEST(Step, ThreadsShareTheColumnsOfATablesGradient) {
  for (const auto& [lanes, stride] : {std::pair("features", 64), std::pair("images", 1024)}) {
    auto graph = parse(read_file(GRADC_SOURCE "/tests/passes/gather.ir"));
    graph.target = parse_target("avx512");
    run_passes(graph, parse_passes(fmt::format("differentiate,layout{{force={}}},shard,fuse,partition,block", lanes)));
    const auto text = print(make_plan(graph));
    // Of the gradient a block of 16 columns has 16 vectors where lanes are images; of the table's as many numbers of a row.
    EXPECT_THAT(text, testing::ContainsRegex(fmt::format(
                          "call @gather_grad times 4 cost [0-9]+ image [0-9]+ %numbers, %[^ ]+ stride {}, %d/table stride 64\n", stride)));
    EXPECT_EQ(print(parse_step(text)), text);
  }
}

TEST(Step, OfOneProcessRefusesASumOverRanks) {
  const auto graph_with = [](const std::string& scope) {
    return parse(R"(graph @sums target "avx2" lanes features {
  %x = input "images" : f32[B]
  kernel @sum phase 0 images 1 {
    %s = reduce_sum %x {axes = [0], keep_dims = 0} : f32[]
  }
  kernel @whole phase 1 flat 1 {
    %whole = reduce %s {scope = )" +
                 scope + R"(} : f32[]
  }
  output "sum" %whole
}
)");
  };
  EXPECT_EQ(make_plan(graph_with("\"threads\"")).outputs.size(), 1);
  EXPECT_THAT([&] { make_plan(graph_with("\"ranks\"")); },
              testing::ThrowsMessage<Error>("graph @sums: %whole is summed over ranks, but a step has one process"));
  EXPECT_THAT([&] { graph_with("\"all\""); }, testing::ThrowsMessage<Error>(HasSubstr("scope is \"threads\" or \"ranks\", not \"all\"")));
}

/// A step of two phases: each tile adds to a sum, which the second phase makes whole.
constexpr const char* kStep = R"(step @small target "avx2" lanes features {
  memory tile 128 batch 64 partial 1024 replicated 1024
  tiles of 1 at least, of all 2
  param "w"
  buffer %w : f32[4] at param 0 bytes 1024
  buffer %x : f32[B,4] at tile 0 bytes 64
  buffer %y : f32[B,4] at tile 64 bytes 64
  buffer %z : f32[B,4] at batch 0 bytes 64
  buffer %sum : f32[4] at partial 0 bytes 1024
  buffer %whole : f32[4] at replicated 0 bytes 1024
  input data %x
  output "whole" %whole : f32[4]
  kernel @twice flops 4 values %y images 1
    graph @kernel target "avx2" lanes features {
      %v0 = input "0" : f32[B,4]
      %v1 = add %v0, %v0 : f32[B,4]
      output "1" %v1
    }
  kernel @again flops 4 as @twice
  kernel @sum flops 4 values %sum images 1
    graph @kernel target "avx2" lanes features {
      %v0 = input "0" : f32[B,4]
      %v1 = reduce_sum %v0 {axes = [0], keep_dims = 0} : f32[4]
      output "1" %v1
    }
  kernel @reduce flops 0 values %whole layers "dense" flat 256
    graph @kernel target "avx2" lanes features {
      %v0 = input "0" : f32[256]
      %v1 = reduce %v0 : f32[256]
      output "1" %v1
    }
  tiles 1 {
    clear %sum
    load
    call @twice %x, %y
    call @again %y, %z
    call @sum %y, %sum
    pad %z
  }
  barrier
  blocks {
    call @reduce times 1 cost 306 image 0 %sum stride 1024, %whole stride 1024
  }
}
)";

TEST(Step, IsReadFromText) {
  const auto plan = parse_step(kStep);
  EXPECT_EQ(print(plan), kStep);
  EXPECT_EQ(plan.phases(), 2);
  EXPECT_EQ(plan.flops_per_image(), 12);
  EXPECT_EQ(plan.kernels[3].info.phase, 1);
  // One image, and one tile of padding.
  EXPECT_EQ(plan.tile_count(*plan.loading(), 1), 2);
  EXPECT_EQ(plan.tile_count(*plan.loading(), 2), 2);
  // Start; a clear for each of two chunks; five commands for each of two tiles; a barrier; the reduction.
  EXPECT_EQ(most_events(plan, 2), 1 + 2 + 2 * 5 + 1 + 1);
  std::map<std::string, std::pair<int, int>> found;
  for (const auto& life : lives(plan)) found[plan.buffers[life.buffer].name] = {life.first, life.last};
  const std::map<std::string, std::pair<int, int>> expected = {{"x", {-1, 0}}, {"y", {0, 2}}, {"z", {0, 0}}};
  EXPECT_EQ(found, expected);
  EXPECT_EQ(bytes_of_kernels(plan, 2), (std::vector<std::int64_t>{2 * 128, 2 * 64 + 2 * 64, 2 * 64 + 2 * 1024, 2 * 1024 + 1024}));
}

/// The error of the step with `from` replaced by `to`.
std::string error_with(const std::string& from, const std::string& to) {
  std::string text = kStep;
  const auto at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  try {
    parse_step(text, "s.step");
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(Step, ThatDoesNotHoldIsRefused) {
  struct Case {
    const char *from, *to, *error;
  };
  for (const auto& [from, to, error] : {
           Case{"  barrier\n", "", "@reduce reads %sum, which other threads may still write; a barrier is missing"},
           Case{"    load\n", "", "@twice reads %x, which nothing has written"},
           Case{"    clear %sum\n", "", "@sum adds to %sum, which is not cleared"},
           Case{"clear %sum", "clear %z", "%z is cleared, but is no partial sum"},
           Case{"%y : f32[B,4] at tile 64", "%y : f32[B,4] at tile 32", "%x and %y share memory while both are needed"},
           Case{"%y : f32[B,4] at tile 64", "%y : f32[B,4] at tile 96", "%y reaches from 96 to 160 in tile, which ends at 128"},
           Case{"at tile 64 bytes 64", "at tile 64 bytes 8", "%y has 8 bytes, too few for f32[B,4]"},
           Case{"    call @again %y, %z\n", "", "%z is padded, but has no images of the batch"},
           Case{"    call @again %y, %z\n", "    call @again %y, %z\n    call @again %y, %z\n", "kernel @again is called 2 times"},
           Case{"call @again %y, %z", "call @again %y", "kernel @again takes 2 arguments, not 1"},
           Case{"call @twice %x, %y", "call @reduce %x, %y", "kernel @reduce works on flat 256, and not on tiles of 1 images"},
           Case{"output \"whole\" %whole", "output \"whole\" %y", "output \"whole\" is %y of a tile"},
           Case{"at param 0", "at param 1", "%w reaches from 1 to 2 in param, which ends at 1"},
           Case{"call @again %y, %z", "call @again %y, %whole", "@again writes %whole once a tile, and there is one for all"},
           Case{"pad %z", "pad %y", "%y is padded, but has no images of the batch"},
           Case{"of all 2", "of all 3", "no error"},
           Case{"call @again", "call @once", "s.step:36:10: there is no kernel @once\n      call @once %y, %z\n           ^"},
           Case{"call @sum %y", "call @sum %v", "there is no buffer %v"},
           Case{"  barrier\n", "  wait\n", "expected param, buffer, input, output, kernel, tiles, blocks or barrier"},
           Case{"times 1", "times 0", "expected a positive number"},
           Case{"add %v0, %v0", "add %v0, %v2", "%v2 is not defined before this use"},
       })
    EXPECT_THAT(error_with(from, to), HasSubstr(error)) << from;
}

}  // namespace
}  // namespace gradc::test
