#pragma once
#include <string>

#include "ir/graph.h"

namespace gradc {

/// Reverse-mode differentiation of the output "loss" (summed, where it is not a scalar) with respect to every trainable param.
/// Adds the backward ops after the forward ones, and an output "gradient/NAME" for each param that the loss depends on. A value
/// with several uses sums their gradients; nothing is computed for what no trainable param feeds.
/// Throws gradc::Error where there is no output "loss".
void differentiate(Graph& graph);

/// The name of the output that differentiate gives a param's gradient.
std::string gradient_name(const std::string& param);

}  // namespace gradc
