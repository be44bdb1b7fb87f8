#pragma once
/// The reference backend: executes a graph with plain loops in double precision. It is the oracle for every other backend.
/// It runs graphs of any stage, as fusion only groups ops.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ir/graph.h"

namespace gradc {

/// A dense array, row-major, of any element type of the IR, held in double.
struct Tensor {
  std::vector<std::int64_t> dims;
  std::vector<double> data;

  std::int64_t size() const { return static_cast<std::int64_t>(data.size()); }
};

using NamedTensors = std::map<std::string, Tensor>;

struct InterpreterOptions {
  /// Rounds every result to float, and a convolution's sums after each term, as tf.js's plain CPU backend does. Where relu or a pooling
  /// decides between nearly equal values, the decision is then that of single precision. Without it all is double.
  bool single_precision = false;
  /// Called after each op with its operands, and its results, which it may change: for numeric checks, and for tests that impose decisions.
  std::function<void(const Op&, const std::vector<const Tensor*>& operands, const std::vector<Tensor*>& results)> after_op;
};

/// Runs `graph` on `inputs`, whose batched ones must agree in their first dimension, and on `params`, which `update` ops change
/// when all ops have run. Returns the outputs by name. Throws InternalError if an input or param is missing or of another shape.
NamedTensors interpret(const Graph& graph, const NamedTensors& inputs, NamedTensors& params, const InterpreterOptions& options = {});

}  // namespace gradc
