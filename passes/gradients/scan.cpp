#include "ir/scan.h"

#include <algorithm>
#include <map>

#include "gradc/error.h"
#include "passes/differentiate.h"
#include "passes/gradients/gradients.h"
#include "passes/min_cut.h"
#include "passes/simplify.h"
#include "passes/steps.h"
#include "target/cost.h"

namespace gradc {
namespace {

/// The gradient of a scan is a scan the other way. Its carries are the gradients of the carries; in each step its body computes the
/// gradients from values of the forward step. Those come from stacks that the forward scan makes, or are computed again from such where
/// they are pointwise: the stacks are those that take least memory traffic. Gradients of constants are sums over the steps, which are made
/// behind the loop from stacks of what they sum: a weight's gradient is one product over all steps and images.
class ScanGradient {
 public:
  explicit ScanGradient(Gradient& g) : g_(g), parts_(g.op), body_(std::make_shared<Graph>()), b_(*body_) {
    body_->name = "body";
    b_.stage = Stage::backward;
  }

  void run() {
    find_reached();
    if (std::none_of(reached_.begin(), reached_.end(), [](bool each) { return each; })) return;
    add_carries();
    copy_forward();
    differentiate_step();
    put_out_carries();
    choose_saved();
    find_stacks();
    all_ops_ = body_->ops;
    eliminate_dead_code(*body_);
    auto results = emit();
    for (std::size_t i = 0; i < parts_.carries; ++i)
      if (g_.needs(static_cast<int>(i)) && carry_number_.contains(i)) g_.set(static_cast<int>(i), results[carry_number_.at(i)]);
    for (std::size_t i = 0; i < stacks_.size(); ++i) stack_results_[stacks_[i]] = results[carry_number_.size() + i];
    for (std::size_t i = parts_.carries; i < parts_.inputs.size(); ++i) set_gradient_of(i);
  }

 private:
  const Graph& forward() const { return parts_.body; }

  /// Which values of the forward body depend on params, by way of earlier steps too.
  void find_reached() {
    std::vector<bool> inputs(forward().values.size(), false);
    for (std::size_t i = 0; i < parts_.inputs.size(); ++i) inputs[parts_.inputs[i]] = g_.needs(static_cast<int>(i));
    for (bool changed = true; changed;) {
      reached_ = reached_from(forward(), inputs);
      changed = false;
      for (std::size_t i = 0; i < parts_.carries; ++i)
        if (reached_[parts_.outputs[i]] && !inputs[parts_.inputs[i]]) inputs[parts_.inputs[i]] = changed = true;
    }
  }

  /// The gradients of the carries behind a step, which are the carries of this loop, and of the step's stacked results.
  void add_carries() {
    auto seed = [&](ValueId value, ValueId gradient) { seeds_[value].push_back(gradient); };
    for (std::size_t i = 0; i < parts_.carries; ++i) {
      if (!reached_[parts_.outputs[i]] || forward().type(parts_.outputs[i]).dtype != DType::f32) continue;
      carry_number_[i] = carry_number_.size();
      const auto type = forward().type(parts_.inputs[i]);
      const auto given = g_.dy(static_cast<int>(i));
      operands_.push_back(given >= 0 ? given : g_.b.constant(0, type));
      seed(parts_.outputs[i], add_body_input(b_, type, "d/" + name(parts_.outputs[i])));
    }
    for (std::size_t i = parts_.carries; i < parts_.outputs.size(); ++i) {
      const auto given = g_.dy(static_cast<int>(i));
      const auto value = parts_.outputs[i];
      if (given < 0 || !reached_[value]) continue;
      seed(value, scanned(given, forward().type(value), "d/" + name(value)));
    }
  }

  const std::string& name(ValueId value) const { return forward().values[value].name; }

  /// A step of a stack of the whole graph.
  ValueId scanned(ValueId stack, const Type& step, const std::string& hint) {
    operands_.push_back(stack);
    const auto value = add_body_input(b_, step, hint);
    stack_results_[value] = stack;
    return value;
  }

  /// Puts the forward step's values into the body: computed again, or, where that is more than pointwise work, as steps of stacks. What is
  /// computed again may still become a step of a stack.
  void copy_forward() {
    here_.assign(forward().values.size(), -1);
    for (std::size_t i = 0; i < parts_.carries; ++i) here_[parts_.inputs[i]] = saved(parts_.inputs[i]);
    for (std::size_t i = parts_.carries; i < parts_.carries + parts_.scanned; ++i)
      here_[parts_.inputs[i]] = scanned(g_.x(static_cast<int>(i)), forward().type(parts_.inputs[i]), name(parts_.inputs[i]));
    for (const auto& op : forward().ops) {
      if (op.kind == OpKind::input || op.kind == OpKind::output || is_inlined(op.kind) || moves(op)) continue;
      if (forward().type(op.result()).batched())
        for (auto result : op.results) here_[result] = saved(result);
    }
    for (std::size_t i = parts_.carries + parts_.scanned; i < parts_.inputs.size(); ++i) {
      operands_.push_back(g_.x(static_cast<int>(i)));
      here_[parts_.inputs[i]] = add_body_input(b_, forward().type(parts_.inputs[i]), name(parts_.inputs[i]));
      constants_[here_[parts_.inputs[i]]] = g_.x(static_cast<int>(i));
    }
    for (const auto& op : forward().ops) {
      if (op.kind == OpKind::input || op.kind == OpKind::output) continue;
      Op copy = op;
      copy.stage = Stage::backward;
      for (auto& operand : copy.operands) operand = here_[operand];
      const bool again = here_[op.result()] < 0;
      for (auto& result : copy.results) {
        auto& here = here_[result];
        if (here < 0) here = body_->add_value(forward().type(result), name(result));
        result = here;
      }
      if (again) body_->ops.push_back(copy);
      ops_.push_back(std::move(copy));
    }
  }

  /// Whether it only shows or moves values.
  static bool moves(const Op& op) { return fusion_of(op.kind) == FusionKind::movement || op.kind == OpKind::reshape; }

  /// A value of the forward step, which the forward scan is to stack.
  ValueId saved(ValueId value) {
    const auto here = scanned(-1, forward().type(value), name(value));
    saved_[here] = value;
    return here;
  }

  void differentiate_step() {
    std::vector<bool> reached(body_->values.size(), false);
    for (std::size_t value = 0; value < here_.size(); ++value)
      if (here_[value] >= 0) reached[here_[value]] = reached_[value];
    gradient_.assign(body_->values.size(), -1);
    for (const auto& [value, parts] : seeds_) {
      auto& sum = gradient_[here_[value]];
      for (auto part : parts) sum = sum < 0 ? part : b_.emit(OpKind::add, {sum, part});
    }
    add_gradients(b_, ops_, reached, gradient_);
  }

  ValueId gradient_of_input(std::size_t i) const { return gradient_[here_[parts_.inputs[i]]]; }

  void put_out_carries() {
    for (const auto& [i, number] : carry_number_) {
      auto gradient = gradient_of_input(i);
      if (gradient < 0) gradient = b_.constant(0, forward().type(parts_.inputs[i]));
      add_body_output(b_, gradient, "next_d/" + name(parts_.inputs[i]));
    }
  }

  /// Chooses the values of the forward step that come from stacks: the lightest cut between those that cannot be computed again and what
  /// gradients read. A stack weighs the bytes to write and to read it, one that is there already those to read it.
  void choose_saved() {
    std::map<ValueId, ValueId> forward_of;
    for (std::size_t value = 0; value < here_.size(); ++value)
      if (here_[value] >= 0 && forward().type(static_cast<ValueId>(value)).batched() && !constants_.contains(here_[value]))
        forward_of[here_[value]] = static_cast<ValueId>(value);
    std::vector<Vertex> vertices(body_->values.size());
    for (const auto& op : body_->ops) {
      const bool is_forward = std::any_of(op.results.begin(), op.results.end(), [&](ValueId each) { return forward_of.contains(each); });
      if (is_forward) {
        auto& vertex = vertices[op.result()];
        vertex.source = op.kind == OpKind::input;
        vertex.weight = weight_of_stack(op, forward_of.at(op.result()));
      }
      for (auto operand : op.operands)
        if (!forward_of.contains(operand))
          continue;
        else if (is_forward)
          vertices[operand].successors.push_back(op.result());
        else
          vertices[operand].sink = true;
    }
    const auto cut = least_vertex_cut(vertices);
    for (std::size_t value = 0; value < cut.size(); ++value)
      if (cut[value] && !vertices[value].source) come_from_stack(static_cast<ValueId>(value), forward_of.at(static_cast<ValueId>(value)));
  }

  /// In bytes. Of stacks that weigh the same those are better that have a place in memory anyway.
  std::int64_t weight_of_stack(const Op& op, ValueId value) const {
    const auto& type = forward().type(value);
    const auto bytes = type.elements() * size_of(type.dtype);
    const auto stacked = std::find(parts_.outputs.begin() + static_cast<std::ptrdiff_t>(parts_.carries), parts_.outputs.end(), value);
    if (stacked != parts_.outputs.end() || (op.kind == OpKind::input && !saved_.contains(op.result()))) return bytes;
    return bytes * (1 + cost::kWrite) + (moves(op) ? 1 : 0);
  }

  /// Makes a value of the body, which is computed again, a step of a stack of the forward scan.
  void come_from_stack(ValueId here, ValueId value) {
    const auto number = operands_.size() - constants_.size();
    std::erase_if(body_->ops, [&](const Op& op) { return op.kind != OpKind::output && op.result() == here; });
    for (auto& op : body_->ops)
      if (op.kind == OpKind::input)
        if (const auto own = op.attributes.integer("number"); own >= static_cast<std::int64_t>(number))
          op.attributes.set("number", own + 1);
    operands_.insert(operands_.begin() + static_cast<std::ptrdiff_t>(number), -1);
    Op input{.kind = OpKind::input, .results = {here}, .stage = Stage::backward};
    input.attributes = {{"name", name(value)}, {"number", static_cast<std::int64_t>(number)}};
    body_->ops.insert(body_->ops.begin(), std::move(input));
    stack_results_[here] = -1;
    saved_[here] = value;
  }

  /// The values of each step that are needed behind the loop: gradients of what is scanned, and what gradients of constants sum.
  void find_stacks() {
    definers_ = body_->definers();
    for (std::size_t i = parts_.carries; i < parts_.inputs.size(); ++i)
      if (g_.needs(static_cast<int>(i)) && gradient_of_input(i) >= 0) need_stack(gradient_of_input(i));
  }

  void need_stack(ValueId value) {
    if (!body_->type(value).batched()) {
      for (auto operand : body_->ops[definers_[value]].operands) need_stack(operand);
      return;
    }
    if (stack_results_.contains(value) || constants_.contains(value) || std::find(stacks_.begin(), stacks_.end(), value) != stacks_.end())
      return;
    stacks_.push_back(value);
    add_body_output(b_, value, "stack/" + body_->values[value].name);
  }

  /// Appends the loop to the graph, with what the forward one has to stack for it. Operands that it does not read are dead code.
  std::vector<ValueId> emit() {
    const auto inputs = inputs_of_body(*body_);
    for (std::size_t i = 0; i < inputs.size(); ++i)
      if (operands_[i] < 0) operands_[i] = stack_of_saved(inputs[i]);
    Attributes attributes = {{"carries", std::ssize(carry_number_)},
                             {"scanned", std::ssize(operands_) - std::ssize(carry_number_) - std::ssize(constants_)},
                             {"steps", parts_.steps}};
    if (!parts_.reverse) attributes.set("reverse", std::int64_t{1});
    return g_.b.emit_all(OpKind::scan, operands_, attributes, "d/" + g_.b.graph().values[g_.y()].name, body_);
  }

  ValueId stack_of_saved(ValueId here) {
    auto& stack = stack_results_.at(here);
    if (stack < 0) stack = stacked_by_forward(saved_.at(here));
    return stack;
  }

  /// The stack of a value of the forward step, which the forward scan then makes if it does not already.
  ValueId stacked_by_forward(ValueId value) {
    auto& graph = g_.b.graph();
    auto loop = std::find_if(graph.ops.begin(), graph.ops.end(), [&](const Op& op) { return op.body && op.results[0] == g_.y(); });
    check(loop != graph.ops.end(), "the forward loop is part of the graph");
    const auto outputs = outputs_of_body(*loop->body);
    for (std::size_t i = parts_.carries; i < outputs.size(); ++i)
      if (outputs[i] == value) return loop->results[i];
    edit_body(*loop, [&](Graph& body) {
      Builder b(body);
      add_body_output(b, value, "stack/" + body.values[value].name);
    });
    loop->results.push_back(graph.add_value(stacked_type(forward().type(value), parts_.steps), name(value) + "/steps"));
    return loop->results.back();
  }

  void set_gradient_of(std::size_t i) {
    if (!g_.needs(static_cast<int>(i)) || gradient_of_input(i) < 0) return;
    auto gradient = behind_loop(gradient_of_input(i));
    // Each step added to the gradient of what is the same for all.
    if (!parts_.is_scanned(i) && forward().type(parts_.inputs[i]).batched())
      gradient = g_.b.emit(OpKind::reduce_sum, {gradient}, {{"axes", Ints{1}}, {"keep_dims", std::int64_t{0}}});
    g_.set(static_cast<int>(i), gradient);
  }

  /// A value of the body behind the loop: a stack, or the sum over all steps.
  ValueId behind_loop(ValueId value) {
    if (saved_.contains(value)) return stack_of_saved(value);
    if (auto found = stack_results_.find(value); found != stack_results_.end()) return found->second;
    if (auto constant = constants_.find(value); constant != constants_.end())
      return stack_results_[value] = over_steps(g_.b, constant->second, parts_.steps);
    const auto& op = all_ops_[definers_[value]];
    std::vector<ValueId> operands;
    for (auto operand : op.operands) operands.push_back(behind_loop(operand));
    auto result = emit_over_steps(g_.b, *body_, op, operands, parts_.steps);
    if (!result) throw Error("the gradient of a constant of a scan goes through {}, which has no form over steps", name_of(op.kind));
    return stack_results_[value] = *result;
  }

  Gradient& g_;
  const ScanParts parts_;
  std::shared_ptr<Graph> body_;
  Builder b_;
  std::vector<bool> reached_;                        ///< By params, values of the forward body.
  std::map<std::size_t, std::size_t> carry_number_;  ///< The carries of this loop, by those of the forward one.
  std::map<ValueId, std::vector<ValueId>> seeds_;    ///< The gradients that come into a step, by values of the forward body.
  std::vector<ValueId> operands_;                    ///< One for each input of the body; -1 for what the forward loop is to stack.
  std::vector<ValueId> here_;                        ///< For each value of the forward body the one of this body, or -1.
  std::vector<Op> ops_;                              ///< The forward step's, over values of this body.
  std::vector<Op> all_ops_;                          ///< Of this body, with those that only gradients of constants need.
  std::map<ValueId, ValueId> saved_;                 ///< The values of the forward body that inputs of this body are.
  std::map<ValueId, ValueId> constants_;             ///< Operands, by inputs of this body.
  std::vector<ValueId> gradient_;                    ///< Of values of this body.
  std::vector<std::int32_t> definers_;
  std::vector<ValueId> stacks_;               ///< Values of this body that it stacks.
  std::map<ValueId, ValueId> stack_results_;  ///< What stands behind the loop for a value of the body.
};

}  // namespace

void gradient_scan(Gradient& g) { ScanGradient(g).run(); }

}  // namespace gradc
