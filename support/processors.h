#pragma once
/// The processors that this process may use, and work on all of them.

#include <cstddef>
#include <functional>
#include <vector>

namespace gradc {

/// Processors that this process may use: as many as the environment's GRADC_PROCESSORS says, or else those of its affinity mask, or fewer
/// if a control group (v1 or v2) limits its CPU time. Throws gradc::Error for a GRADC_PROCESSORS that is no such number.
int available_processors();
/// The numbers of the processors in its affinity mask.
std::vector<int> processors_of_mask();
/// As many threads as asked for; for 0 one for each of those processors.
int threads_or_all(int asked);

/// Calls work(i) for each i below `count`, several at a time. Throws what the first of them threw, when all have ended.
void run_on_all_processors(std::size_t count, const std::function<void(std::size_t)>& work);

inline constexpr int kMostThreads = 4096;  ///< That anything may be asked to run on.

}  // namespace gradc
