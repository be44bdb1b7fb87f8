// A loop over the steps of sequences.
#include "ir/scan.h"

#include "ir/ops/define.h"
#include "ir/roles.h"

namespace gradc {
namespace {

/// What stands in a body works on each image and each step alone.
void expect_body_op(const Graph& body, const Op& op) {
  if (op.kind == OpKind::param || op.kind == OpKind::update || is_loop(op.kind) || definition(op.kind).whole_batch)
    throw Error("the body holds {}, which stands outside of loops", name_of(op.kind));
  if (op.kind == OpKind::input && input_role(op) != InputRole::data) throw Error("the inputs of a body have no role");
  if (sums_over_batch(body, op)) throw Error("the body sums over the batch: {}", name_of(op.kind));
}

std::vector<Type> infer_scan(const OpView& op) {
  if (op.body == nullptr) throw Error("has no body");
  const auto& body = *op.body;
  const auto steps = op.attributes.integer("steps"), carries = op.attributes.integer("carries"), scanned = op.attributes.integer("scanned");
  if (steps < 1) throw Error("steps are at least 1, got {}", steps);
  for (const auto& each : body.ops) expect_body_op(body, each);
  const auto inputs = inputs_of_body(body), outputs = outputs_of_body(body);
  if (inputs.size() != op.operands.size()) throw Error("the body has {} inputs for {} operands", inputs.size(), op.operands.size());
  if (carries < 0 || scanned < 0 || carries + scanned > std::ssize(inputs) || carries > std::ssize(outputs))
    throw Error("{} carries and {} scanned operands do not fit a body with {} inputs and {} outputs", carries, scanned, inputs.size(),
                outputs.size());
  for (std::int64_t i = 0; i < std::ssize(inputs); ++i) {
    const auto& own = body.type(inputs[i]);
    const auto& given = op.operands[i];
    if (i < carries + scanned) expect_batched(own, "what a scan carries or scans");
    const auto expected = i >= carries && i < carries + scanned ? stacked_type(own, steps) : own;
    if (given != expected)
      throw Error("operand {} is {}, but for {} of the body it is {}", i, to_string(given), to_string(own), to_string(expected));
  }
  std::vector<Type> results;
  for (std::int64_t i = 0; i < std::ssize(outputs); ++i) {
    const auto& own = body.type(outputs[i]);
    expect_batched(own, "what a scan carries or stacks");
    if (i < carries && own != body.type(inputs[i]))
      throw Error("carry {} is {}, and cannot become {}", i, to_string(body.type(inputs[i])), to_string(own));
    results.push_back(i < carries ? own : stacked_type(own, steps));
  }
  return results;
}

std::int64_t flops_scan(const OpView& op, std::span<const Type>) {
  std::int64_t flops = 0;
  for (const auto& each : op.body->ops) flops += op.body->flops(each);
  return op.attributes.integer("steps") * flops;
}

}  // namespace

OpDef define_scan() {
  return {.summary =
              "what its body does, `steps` times, with `carries` from step to step: operands are those, what is `scanned` step by step "
              "and constants, results the last carries and what is stacked; in `reverse` from the last step to the first",
          .operands = {"operands..."},
          .attributes = {{"carries", AttributeKind::integer},
                         {"reverse", AttributeKind::integer, true},
                         {"scanned", AttributeKind::integer},
                         {"steps", AttributeKind::integer}},
          .infer = infer_scan,
          .fusion = FusionKind::loop,
          .flops = flops_scan};
}

}  // namespace gradc
