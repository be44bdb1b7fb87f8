#pragma once
#include "ir/graph.h"
#include "passes/workload.h"

namespace gradc {

struct FuseOptions {
  /// Without it every op becomes a kernel of its own: the baseline that fusion is measured against.
  bool fuse = true;
  Workload workload = {};
};

/// Groups ops into kernels. What is grouped:
///  - a convolution, a matrix product or one of their input gradients with the pointwise ops that follow it, and with the max-pooling
///    unless the convolution has better code of its own without it;
///  - the sums over batch and pixels of what a kernel makes (a bias's gradient) with that kernel;
///  - the pointwise ops and the max_pool_grad that only a weight or input gradient reads, with that gradient;
///  - softmax cross-entropy and its gradient; chains of pointwise and other cheap ops;
///  - the reduction of a gradient and the update that uses it, and with them what else is computed of the old param.
/// Constants and scalar arithmetic are repeated in each kernel that reads them; reshapes move no data and belong to no kernel.
/// The ops of a kernel stand together afterwards.
void fuse(Graph& graph, const FuseOptions& options = {});

}  // namespace gradc
