#pragma once
/// What an input gives a step. A role, and never the input's name, says it.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "ir/graph.h"

namespace gradc {

enum class InputRole : std::uint8_t {
  data,           ///< The model's input, batched. The role of inputs that state none.
  label,          ///< What the model is to predict, batched.
  sample_weight,  ///< How many times an image or a position counts in a loss, batched.
  batch_mask,     ///< f32[B]: 1 for an image, 0 for what pads the last tile.
  batch_size,     ///< f32[]: the number of images.
  step_key,       ///< i32[]: the key of a step's random numbers.
  sample_index,   ///< i32[B]: the index of an image in its batch.
};

std::string_view name_of(InputRole role);
std::optional<InputRole> find_input_role(std::string_view name);

/// The role of an `input` op.
InputRole input_role(const Op& input);

/// The first input of a role, or nullptr.
const Op* find_input(const Graph& graph, InputRole role);
/// Whether a graph may have several inputs of a role, told apart by their numbers.
bool may_be_several(InputRole role);
/// All inputs of a role, by their numbers.
std::vector<const Op*> find_inputs(const Graph& graph, InputRole role);

/// Its number among the inputs of its role.
std::int64_t input_number(const Op& input);

/// Appends an input named `name`.
ValueId emit_input(Builder& b, InputRole role, Type type, const std::string& name, std::int64_t number = 0);

/// Why an `input` op with these attributes cannot have this type, or "".
std::string input_problem(const Attributes& attributes, const Type& type);

}  // namespace gradc
