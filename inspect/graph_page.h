#pragma once
/// A page, complete in one file, that shows a step from pass to pass: the graph as a picture, kernels with their code, memory over time.

#include <string>
#include <vector>

#include "ir/graph.h"
#include "step/plan.h"

namespace gradc {

struct GraphSnapshot {
  std::string pass, summary;
  Graph graph;
};

/// The code of kernels that share it.
struct KernelText {
  std::string statement, assembly;
  int shared = 0;  ///< How many.
};

struct GraphPage {
  std::string title;
  std::int64_t batch = 1;
  std::vector<GraphSnapshot> passes;  ///< In order.
  StepPlan plan;                      ///< The last one's.
  std::vector<KernelText> code;
  std::vector<int> code_of_kernel;  ///< For each kernel of the plan its place in `code`.
};

std::string html(const GraphPage& page);

}  // namespace gradc
