#pragma once
#include <string>
#include <vector>

namespace gradc {

struct RooflinePoint {
  std::string name;
  double flops = 0, bytes = 0, seconds = 0;
};

/// A roofline as an SVG picture: what kernels reach, over their arithmetic intensity, below what memory and multiply-add units allow.
/// Williams, Waterman and Patterson, "Roofline: an insightful visual performance model for multicore architectures", CACM 52(4), 2009.
/// Points are as large as their time; those that take the most of it are named.
std::string roofline_svg(const std::string& title, double peak_gflops, double gbytes_per_second, std::vector<RooflinePoint> points);

}  // namespace gradc
