#pragma once
#include <string>
#include <vector>

#include "step/kernel_info.h"

namespace gradc {

/// Runs of a step in the Trace Event Format, which Perfetto (ui.perfetto.dev) and chrome://tracing open: a row a thread, a bar a kernel.
/// Format: "Trace Event Format", Google, 2016. Times are microseconds since the first step was called; `starts` has when each step was, in
/// seconds.
std::string chrome_trace(const std::vector<StepTrace>& steps, const std::vector<double>& starts, const std::vector<KernelInfo>& kernels,
                         const std::string& process);

}  // namespace gradc
