#pragma once
/// A model's layers as a table, as Keras's model.summary() shows them.

#include <string>
#include <vector>

#include "frontend/topology.h"

namespace gradc {

struct SummaryRow {
  std::string name, type, output_shape;  ///< "conv2d_1", "Conv2D", "(None, 24, 24, 8)"
  std::int64_t params = 0;
  std::vector<std::string> inputs;  ///< "lstm", or of a layer's further outputs "lstm:1".
};

struct Summary {
  std::string name;
  bool sequential = true;
  std::vector<SummaryRow> rows;
  std::int64_t trainable = 0, frozen = 0;  ///< Numbers in weights.
};

/// Throws gradc::Error that lists all problems of the model.
Summary summarize(const Topology& topology);

/// The table as Keras prints it; with a column of what each layer takes where the model is no sequence.
std::string to_string(const Summary& summary);

/// "1,234,567"
std::string with_commas(std::int64_t number);

}  // namespace gradc
