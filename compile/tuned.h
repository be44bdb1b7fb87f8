#pragma once
/// What `gradc tune` found: for the code of a kernel, which candidate of its register blocks was fastest on this machine. Kept in the
/// kernel cache, beside the code.

#include <string>

#include "backends/cache.h"

namespace gradc {

/// As StepOptions::candidate; 0 for code that was not tuned. `code` is KernelInfo::code.
int tuned_candidate(const KernelCache& cache, const std::string& code);
/// Keeps a candidate, or forgets it if it is 0.
void keep_candidate(const KernelCache& cache, const std::string& code, int candidate);

/// Candidates are numbered from 0 to below this.
constexpr int kMostCandidates = 64;

}  // namespace gradc
