// Where values enter and leave a graph: input, param, constant, output, update.
#include "ir/ops/define.h"
#include "ir/roles.h"

namespace gradc {

OpDef define_input() {
  return {.summary = "what the caller gives each step: images, labels, scalars",
          .attributes = {{"name", AttributeKind::text},
                         {"role", AttributeKind::text, true},
                         {"number", AttributeKind::integer, true},
                         {"steps", AttributeKind::integer, true}},
          .states_its_type = true,
          .problem_of_type = input_problem,
          .has_effect = true,
          .fusion = FusionKind::boundary};
}
OpDef define_param() {
  return {.summary = "a weight or other state that lives from step to step; training finds the gradient of what is `trainable`",
          .attributes = {{"name", AttributeKind::text}, {"trainable", AttributeKind::integer}},
          .states_its_type = true,
          .fusion = FusionKind::boundary};
}
OpDef define_constant() {
  return {.summary = "every element is `value`",
          .attributes = {{"value", AttributeKind::number}},
          .states_its_type = true,
          .fusion = FusionKind::constant,
          .instructions = 0};
}
OpDef define_output() {
  return {.summary = "gives a value to the caller under a name, or to the next steps of a scan by its `number`",
          .operands = {"x"},
          .attributes = {{"name", AttributeKind::text}, {"number", AttributeKind::integer, true}, {"steps", AttributeKind::integer, true}},
          .infer = [](const OpView&) { return std::vector<Type>{}; },
          .has_effect = true,
          .fusion = FusionKind::boundary};
}
OpDef define_update() {
  return {.summary = "the param's value from the next step on",
          .operands = {"param", "value"},
          .infer =
              [](const OpView& op) {
                if (op.operands[0] != op.operands[1])
                  throw Error("a param of type {} cannot become {}", to_string(op.operands[0]), to_string(op.operands[1]));
                return std::vector<Type>{};
              },
          .has_effect = true,
          .fusion = FusionKind::boundary};
}

}  // namespace gradc
