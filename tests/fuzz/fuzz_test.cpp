#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <set>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "frontend/layers/layers.h"
#include "fuzz/graphs.h"
#include "fuzz/models.h"
#include "fuzz/shrink.h"
#include "support/files.h"

namespace gradc::fuzz {
namespace {

using testing::HasSubstr;

TEST(Fuzz, EveryLayerIsDrawn) {
  std::set<std::string> drawn;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    Choices choices(1, i);
    auto model = random_model(choices);
    for (const auto& layer : model["modelTopology"]["config"]["layers"]) drawn.insert(layer["class_name"]);
  }
  for (const auto& layer : all_layers())
    EXPECT_TRUE(drawn.contains(layer.class_name)) << layer.class_name << " is a layer that fuzz/models.cpp does not draw";
}

TEST(Fuzz, EveryOpIsDrawn) {
  std::set<OpKind> drawn;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    Choices choices(2, i);
    auto graph = random_graph(choices);
    for (const auto& op : graph.ops) drawn.insert(op.kind);
  }
  for (auto kind : all_ops()) {
    // Passes alone make these.
    if (kind == OpKind::dense_weight_grad_whole || kind == OpKind::reduce) continue;
    EXPECT_TRUE(drawn.contains(kind)) << name_of(kind) << " is an op that fuzz/graphs.cpp does not draw";
  }
}

TEST(Fuzz, ChoicesGiveTheSameCaseAgain) {
  for (auto kind : {Case::Kind::model, Case::Kind::graph})
    for (std::uint64_t i = 0; i < 20; ++i) {
      Choices drawn(3, i);
      auto first = random_case(kind, drawn);
      Choices again(drawn.made());
      EXPECT_EQ(file_text(random_case(kind, again)), file_text(first));
    }
}

TEST(Fuzz, NoChoicesGiveTheSimplestCase) {
  Choices none{std::vector<std::int64_t>()};
  auto simplest = random_case(Case::Kind::model, none);
  EXPECT_EQ(simplest.configuration.batch, 1);
  EXPECT_EQ(compare(simplest).kind, Verdict::Kind::agrees);
}

TEST(Fuzz, CaseFileHoldsTheConfiguration) {
  TemporaryFolder folder;
  for (auto kind : {Case::Kind::model, Case::Kind::graph}) {
    Choices choices(4, 7);
    auto written = random_case(kind, choices);
    auto file = folder.path() / ("case" + file_extension(kind));
    write_file(file, file_text(written));
    auto read = read_case(file);
    EXPECT_EQ(read.kind, kind);
    EXPECT_EQ(to_json(read.configuration), to_json(written.configuration));
  }
}

TEST(Fuzz, CrashAndHangOfACaseAreVerdicts) {
  TemporaryFolder folder;
  Judge judge(folder.path(), 1);
  std::vector<Verdict> verdicts(2);
  judge.start([]() -> Case { raise(SIGSEGV), std::abort(); }, [&](const Verdict& verdict) { verdicts[0] = verdict; });
  judge.start(
      []() -> Case {
        while (getpid() != 0) continue;
        return {};
      },
      [&](const Verdict& verdict) { verdicts[1] = verdict; });
  while (judge.running() > 0) judge.wait();
  EXPECT_EQ(verdicts[0].kind, Verdict::Kind::crashed);
  EXPECT_EQ(verdicts[1].kind, Verdict::Kind::hung);
}

TEST(Fuzz, InvalidGraphIsRefused) {
  Case wrong{.kind = Case::Kind::graph, .text = "graph @g {\n  %images = input \"images\" : f32[B,0]\n  output \"y\" %images\n}\n"};
  auto verdict = compare(wrong);
  EXPECT_EQ(verdict.kind, Verdict::Kind::refused);
  EXPECT_THAT(verdict.text, HasSubstr("not positive"));
}

}  // namespace
}  // namespace gradc::fuzz
