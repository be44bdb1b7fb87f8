#include <map>
#include <tuple>

#include <fmt/format.h>

#include "gradc/error.h"
#include "ir/graph_parser.h"
#include "step/text.h"

namespace gradc {
namespace {

class StepParser : public GraphParser {
 public:
  using GraphParser::GraphParser;

  StepPlan step() {
    expect_word("step");
    plan_.name = take(Token::symbol_name, "a name such as @model").text;
    expect_word("target");
    plan_.target = target();
    if (accept_word("lanes")) {
      expect_word("features");
      plan_.lanes = Lanes::features;
    }
    expect("{");
    memory();
    while (!accept("}")) statement();
    expect_end("step");
    for_each_call(plan_, [&](const KernelCall& call, const CallSite& site) { plan_.kernels[call.kernel].info.phase = site.phase; });
    return std::move(plan_);
  }

 private:
  std::int64_t after(std::string_view word) {
    expect_word(word);
    return integer();
  }

  void memory() {
    expect_word("memory");
    plan_.tile_bytes = after("tile");
    plan_.batch_bytes = after("batch");
    plan_.partial_bytes = after("partial");
    plan_.replicated_bytes = after("replicated");
    expect_word("tiles");
    plan_.smallest_tile = positive("of");
    expect_word("at");
    expect_word("least");
    expect(",");
    expect_word("of");
    plan_.padded_images = positive("all");
  }

  std::int64_t positive(std::string_view word) {
    expect_word(word);
    return positive_integer();
  }

  void statement() {
    if (accept_word("param")) return plan_.params.push_back(take(Token::string, "a param's name in quotes").text);
    if (accept_word("buffer")) return buffer();
    if (accept_word("input")) return input();
    if (accept_word("output")) return output();
    if (accept_word("kernel")) return kernel();
    if (accept_word("tiles")) return tiles();
    if (accept_word("blocks")) return blocks();
    if (accept_word("barrier")) return plan_.commands.push_back(Barrier{});
    fail(token().at, "expected param, buffer, input, output, kernel, tiles, blocks or barrier");
  }

  void buffer() {
    const auto name = take(Token::value, "a buffer such as %x");
    Buffer buffer{.name = name.text};
    expect(":");
    buffer.type = type();
    expect_word("at");
    const auto space = take(Token::word, "tile, batch, partial, replicated or param");
    bool known = false;
    for (auto each : {Space::tile, Space::batch, Space::partial, Space::replicated, Space::param})
      if (space.text == name_of(each)) {
        buffer.placement.space = each;
        known = true;
      }
    if (!known) fail(space.at, fmt::format("there is no space '{}'; tile, batch, partial, replicated and param are", space.text));
    buffer.placement.offset = integer();
    buffer.placement.bytes = positive("bytes");
    if (!buffers_.emplace(buffer.name, static_cast<BufferId>(plan_.buffers.size())).second)
      fail(name.at, fmt::format("%{} is defined twice", name.text));
    plan_.buffers.push_back(std::move(buffer));
  }

  /// What a name of this kind stands for.
  template <class Id>
  Id known(const std::map<std::string, Id>& all, Token::Kind kind, const char* what) {
    const auto mark = kind == Token::value ? '%' : '@';
    const auto name = take(kind, fmt::format("a {} such as {}x", what, mark).c_str());
    const auto found = all.find(name.text);
    if (found == all.end()) fail(name.at, fmt::format("there is no {} {}{}", what, mark, name.text));
    return found->second;
  }
  BufferId known_buffer() { return known(buffers_, Token::value, "buffer"); }
  int known_kernel() { return known(kernels_, Token::symbol_name, "kernel"); }

  std::vector<BufferId> known_buffers() {
    std::vector<BufferId> buffers;
    list([&] { buffers.push_back(known_buffer()); });
    return buffers;
  }

  void input() {
    const auto name = take(Token::word, "an input's role");
    const auto role = find_input_role(name.text);
    if (!role) fail(name.at, fmt::format("there is no role '{}'", name.text));
    const auto number = token().kind == Token::number ? integer() : 0;
    plan_.inputs.push_back({*role, number, known_buffer()});
  }

  void output() {
    PlannedOutput output{.name = take(Token::string, "an output's name in quotes").text};
    output.buffer = known_buffer();
    expect(":");
    output.type = type();
    plan_.outputs.push_back(std::move(output));
  }

  void kernel() {
    const auto name = take(Token::symbol_name, "a kernel's name such as @conv");
    PlannedKernel kernel;
    kernel.info.name = name.text;
    kernel.info.flops_per_image = after("flops");
    kernel.info.contraction = accept_word("contraction");
    if (accept_word("values")) list([&] { kernel.info.values.push_back(take(Token::value, "a value such as %x").text); });
    if (accept_word("layers")) list([&] { kernel.info.layers.push_back(take(Token::string, "a layer's name in quotes").text); });
    if (accept_word("as")) {
      kernel.source = plan_.kernels[known_kernel()].source;
    } else {
      std::tie(kernel.source.form, kernel.source.size) = form();
      kernel.source.graph = graph();
    }
    if (!kernels_.emplace(name.text, static_cast<int>(plan_.kernels.size())).second)
      fail(name.at, fmt::format("@{} is defined twice", name.text));
    plan_.kernels.push_back(std::move(kernel));
  }

  std::vector<Argument> arguments() {
    std::vector<Argument> arguments;
    list([&] {
      arguments.push_back({known_buffer()});
      auto& argument = arguments.back();
      if (is_word("stride")) argument.stride = positive("stride");
      if (is_word("step")) argument.step = positive("step");
      if (is_word("now") || is_word("next")) {
        argument.turn = is_word("now") ? CarryTurn::now : CarryTurn::next;
        advance();
      }
    });
    return arguments;
  }

  KernelCall call() {
    expect_word("call");
    KernelCall call{known_kernel(), {}};
    call.arguments = arguments();
    return call;
  }

  TileLoop loop() {
    TileLoop loop{.steps = positive_integer(), .reverse = accept_word("reverse")};
    expect("{");
    while (accept_word("carry")) {
      Carry carry{known_buffer(), -1, -1};
      expect_word("from");
      carry.first = known_buffer();
      if (accept_word("to")) carry.last = known_buffer();
      loop.carries.push_back(carry);
    }
    do loop.calls.push_back(call());
    while (!accept("}"));
    return loop;
  }

  void tiles() {
    Tiles tiles{.images = positive_integer()};
    expect("{");
    if (accept_word("clear")) tiles.clear = known_buffers();
    while (!accept("}")) {
      if (accept_word("load")) {
        tiles.commands.push_back(Load{});
      } else if (accept_word("pad")) {
        tiles.commands.push_back(Pad{known_buffers()});
      } else if (accept_word("loop")) {
        tiles.commands.push_back(loop());
      } else {
        tiles.commands.push_back(call());
      }
    }
    plan_.commands.push_back(std::move(tiles));
  }

  void blocks() {
    Blocks blocks;
    expect("{");
    while (!accept("}")) {
      expect_word("call");
      BlockCalls each{KernelCall{known_kernel(), {}}};
      each.blocks = positive("times");
      each.cost = positive("cost");
      each.cost_of_image = after("image");
      each.call.arguments = arguments();
      blocks.kernels.push_back(std::move(each));
    }
    plan_.commands.push_back(std::move(blocks));
  }

  StepPlan plan_;
  std::map<std::string, BufferId> buffers_;
  std::map<std::string, int> kernels_;
};

}  // namespace

StepPlan parse_step(std::string_view text, const std::string& file) {
  auto plan = StepParser(text, file).step();
  try {
    verify(plan);
  } catch (const InternalError& error) {
    throw Error("{}: {}", file, error.what());
  }
  return plan;
}

}  // namespace gradc
