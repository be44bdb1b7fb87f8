#pragma once
/// Steps that the interpreter runs, and what it takes of those of a model.

#include <memory>

#include "backends/reference/interpreter.h"
#include "ir/graph.h"
#include "runtime/params.h"
#include "runtime/step.h"

namespace gradc {

/// A step of any graph, with numbers rounded to single precision after each op. It reads and updates `params` in place.
std::unique_ptr<Step> make_reference_step(const Graph& graph, Params& params);

/// The inputs of a graph for one batch, as the interpreter takes them.
NamedTensors interpreter_inputs(const Graph& graph, const StepInput& input);
/// Params as the interpreter takes them: those that the graph has.
NamedTensors interpreter_params(const Graph& graph, const Params& params);

}  // namespace gradc
