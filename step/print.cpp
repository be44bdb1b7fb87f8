#include <map>

#include <fmt/format.h>

#include "ir/text.h"
#include "step/text.h"

namespace gradc {
namespace {

class Printer {
 public:
  explicit Printer(const StepPlan& plan) : plan_(plan) {}

  std::string run() {
    out_ = fmt::format("step @{} target {}{} {{\n", plan_.name, quote(to_string(plan_.target)),
                       plan_.lanes == Lanes::features ? " lanes features" : "");
    out_ += fmt::format("  memory tile {} batch {} partial {} replicated {}\n", plan_.tile_bytes, plan_.batch_bytes, plan_.partial_bytes,
                        plan_.replicated_bytes);
    out_ += fmt::format("  tiles of {} at least, of all {}\n", plan_.smallest_tile, plan_.padded_images);
    for (const auto& param : plan_.params) out_ += fmt::format("  param {}\n", quote(param));
    for (const auto& [name, type, at] : plan_.buffers)
      out_ += fmt::format("  buffer %{} : {} at {} {} bytes {}\n", name, to_string(type), name_of(at.space), at.offset, at.bytes);
    for (const auto& input : plan_.inputs)
      out_ += fmt::format("  input {}{} {}\n", name_of(input.role), input.number > 0 ? fmt::format(" {}", input.number) : "",
                          buffer(input.buffer));
    for (const auto& output : plan_.outputs)
      out_ += fmt::format("  output {} {} : {}\n", quote(output.name), buffer(output.buffer), to_string(output.type));
    print_kernels();
    for (const auto& command : plan_.commands) std::visit([&](const auto& each) { print(each); }, command);
    return out_ + "}\n";
  }

 private:
  std::string buffer(BufferId id) const { return "%" + plan_.buffers[id].name; }

  template <class List, class Text>
  static std::string listed(const List& list, Text text) {
    std::string out;
    for (const auto& each : list) out += (out.empty() ? "" : ", ") + text(each);
    return out;
  }

  /// Kernels of one code name the first of them.
  void print_kernels() {
    std::map<std::string, std::string> first;
    for (const auto& [source, info] : plan_.kernels) {
      out_ += fmt::format("  kernel @{} flops {}", info.name, info.flops_per_image);
      if (info.contraction) out_ += " contraction";
      if (!info.values.empty()) out_ += " values " + listed(info.values, [](const auto& value) { return "%" + value; });
      if (!info.layers.empty()) out_ += " layers " + listed(info.layers, quote);
      const auto [found, is_new] = first.try_emplace(source.text(), info.name);
      if (!is_new) {
        out_ += fmt::format(" as @{}\n", found->second);
        continue;
      }
      out_ += fmt::format(" {}", name_of(source.form));
      if (source.form != KernelForm::once) out_ += fmt::format(" {}", source.size);
      out_ += "\n";
      indent(gradc::print(source.graph));
    }
  }

  void indent(const std::string& text) {
    for (std::size_t begin = 0; begin < text.size();) {
      const auto end = text.find('\n', begin) + 1;
      out_ += "    " + text.substr(begin, end - begin);
      begin = end;
    }
  }

  std::string arguments(const KernelCall& call) const {
    return listed(call.arguments, [&](const Argument& argument) {
      auto text = buffer(argument.buffer);
      if (argument.stride > 0) text += fmt::format(" stride {}", argument.stride);
      if (argument.step > 0) text += fmt::format(" step {}", argument.step);
      if (argument.turn != CarryTurn::none) text += argument.turn == CarryTurn::now ? " now" : " next";
      return text;
    });
  }

  std::string buffers(const std::vector<BufferId>& ids) const {
    return listed(ids, [&](BufferId id) { return buffer(id); });
  }

  std::string text(const KernelCall& call) const {
    return fmt::format("call @{} {}\n", plan_.kernels[call.kernel].info.name, arguments(call));
  }

  std::string text(const TileLoop& loop) const {
    auto out = fmt::format("loop {}{} {{\n", loop.steps, loop.reverse ? " reverse" : "");
    for (const auto& [own, first, last] : loop.carries)
      out += fmt::format("      carry {} from {}{}\n", buffer(own), buffer(first), last >= 0 ? " to " + buffer(last) : "");
    for (const auto& call : loop.calls) out += "      " + text(call);
    return out + "    }\n";
  }

  void print(const Tiles& tiles) {
    out_ += fmt::format("  tiles {} {{\n", tiles.images);
    if (!tiles.clear.empty()) out_ += fmt::format("    clear {}\n", buffers(tiles.clear));
    for (const auto& command : tiles.commands)
      out_ += std::visit(
          Overloaded{[](const Load&) { return std::string("    load\n"); }, [&](const KernelCall& call) { return "    " + text(call); },
                     [&](const TileLoop& loop) { return "    " + text(loop); },
                     [&](const Pad& pad) { return fmt::format("    pad {}\n", buffers(pad.buffers)); }},
          command);
    out_ += "  }\n";
  }

  void print(const Blocks& blocks) {
    out_ += "  blocks {\n";
    for (const auto& [call, count, cost, cost_of_image] : blocks.kernels)
      out_ += fmt::format("    call @{} times {} cost {} image {} {}\n", plan_.kernels[call.kernel].info.name, count, cost, cost_of_image,
                          arguments(call));
    out_ += "  }\n";
  }

  void print(const Barrier&) { out_ += "  barrier\n"; }

  const StepPlan& plan_;
  std::string out_;
};

}  // namespace

std::string print(const StepPlan& plan) { return Printer(plan).run(); }

}  // namespace gradc
