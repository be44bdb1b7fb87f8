#pragma once
/// How much each sample of a frame counts in its Fourier transform.

#include <span>
#include <string>
#include <vector>

namespace gradc {

/// A window of this name, as SciPy has it, is the sum of a[k] (-1)^k cos(2 pi k n / N). Throws gradc::Error for a name that is not known.
std::span<const double> cosines_of_window(const std::string& name);

/// Its values in a frame of so many samples. N is their number where the window is `periodic`, else one less.
std::vector<double> frame_window(const std::string& name, std::int64_t samples, bool periodic);

}  // namespace gradc
