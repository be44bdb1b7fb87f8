#pragma once
/// The parts of a `scan`, a loop over the steps of sequences (compare jax.lax.scan). In each step its body, a graph of its own, makes from
/// the carries, a step of each scanned operand and the constants the next carries and a step of each stacked result. Operands are the first
/// carries, what is scanned and the constants; results are the last carries and what is stacked. The body's inputs stand for the operands
/// and its outputs for the results, each by its number.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gradc {

struct ScanParts {
  explicit ScanParts(const Op& op);

  const Graph& body;
  std::int64_t steps;
  bool reverse;  ///< From the last step to the first.
  std::size_t carries, scanned;
  std::vector<ValueId> inputs;   ///< Of the body, one for each operand.
  std::vector<ValueId> outputs;  ///< Of the body, one for each result.

  bool is_scanned(std::size_t operand) const { return operand >= carries && operand < carries + scanned; }
};

/// The values of a body's inputs, by their numbers.
std::vector<ValueId> inputs_of_body(const Graph& body);
/// The values that a body puts out, by their numbers.
std::vector<ValueId> outputs_of_body(const Graph& body);

/// The type of so many steps, B,T,..., of a value, and of one step.
Type stacked_type(const Type& step, std::int64_t steps);
Type step_type(const Type& stacked);

/// Appends an input, or an output, to a body, with the next number.
ValueId add_body_input(Builder& body, Type type, const std::string& name);
void add_body_output(Builder& body, ValueId value, const std::string& name);

/// Makes a scan in a graph: first its carries and what it scans, then its body, with what that reads of the graph, and last its results.
class ScanBuilder {
 public:
  /// So many steps, from the last to the first if `reverse`.
  ScanBuilder(Builder& outside, std::int64_t steps, bool reverse = false);

  Builder& outside;
  std::shared_ptr<Graph> graph;
  Builder body;

  std::int64_t steps() const { return steps_; }
  /// What steps hand on, whose first value this is, as a step gets it.
  ValueId carry(ValueId first, const std::string& name);
  /// A step of a stack. All carries are there before.
  ValueId scan(ValueId stack, const std::string& name);
  /// A value of the graph that is the same in all steps.
  ValueId constant(ValueId value);
  /// The next value of each carry, in order, and then what is stacked.
  void output(ValueId value, const std::string& name) { add_body_output(body, value, name); }
  /// Appends the scan. Results are the last carries, and the stacks.
  std::vector<ValueId> finish(const std::string& hint);

 private:
  ValueId input(ValueId operand, Type type, const std::string& name);

  std::int64_t steps_, carries_ = 0, scanned_ = 0;
  bool reverse_;
  std::vector<ValueId> operands_;
  std::map<ValueId, ValueId> constants_;
};

/// Changes the body of a loop.
template <class Edit>
void edit_body(Op& loop, Edit edit) {
  auto body = std::make_shared<Graph>(*loop.body);
  edit(*body);
  loop.body = std::move(body);
}
/// Changes the bodies of all loops of a graph.
template <class Edit>
void edit_bodies(Graph& graph, Edit edit) {
  for (auto& op : graph.ops)
    if (op.body) edit_body(op, edit);
}

}  // namespace gradc
