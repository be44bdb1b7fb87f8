#include "inspect/roofline.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "inspect/web_assets.h"

namespace gradc {
namespace {

constexpr double kWidth = 1040, kHeight = 560, kLeft = 70, kRight = 380, kTop = 50, kBottom = 50;
constexpr std::size_t kMostNames = 16;

/// Decades from the one below `least` to the one above `most`.
struct Axis {
  double from, to, begin, end;
  double at(double value) const { return begin + (std::log10(value) - from) / (to - from) * (end - begin); }
};

}  // namespace

std::string roofline_svg(const std::string& title, double peak, double bandwidth, std::vector<RooflinePoint> points) {
  std::erase_if(points, [](const RooflinePoint& p) { return p.flops <= 0 || p.bytes <= 0 || p.seconds <= 0; });
  std::sort(points.begin(), points.end(), [](const RooflinePoint& a, const RooflinePoint& b) { return a.seconds > b.seconds; });
  double least_x = 0.1, most_x = 100, least_y = peak / 100, total = 0;
  for (const auto& p : points) {
    least_x = std::min(least_x, p.flops / p.bytes);
    most_x = std::max(most_x, p.flops / p.bytes);
    least_y = std::min(least_y, p.flops / p.seconds / 1e9);
    total += p.seconds;
  }
  Axis x{std::floor(std::log10(least_x)), std::ceil(std::log10(most_x)), kLeft, kWidth - kRight},
      y{std::floor(std::log10(least_y)), std::ceil(std::log10(peak * 1.01)), kHeight - kBottom, kTop};
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" font-family=\"sans-serif\" font-size=\"12\">\n"
      "<style>text{{fill:#222}}.grid{{stroke:#ddd}}.roof{{stroke:#b3261e;fill:none;stroke-width:2}}.dot{{fill:#1f6feb;fill-opacity:.6}}"
      ".paper{{fill:#fff}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}.grid{{stroke:#333}}.paper{{fill:#161616}}}}</style>\n"
      "<rect class=\"paper\" width=\"{0}\" height=\"{1}\"/>\n<text x=\"{2}\" y=\"24\" font-size=\"15\">{3}</text>\n",
      kWidth, kHeight, kLeft, html_escaped(title));
  for (double d = x.from; d <= x.to; ++d)
    svg += fmt::format(
        "<line class=\"grid\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\"/><text x=\"{0:.1f}\" y=\"{3}\" "
        "text-anchor=\"middle\">{4:g}</text>\n",
        x.at(std::pow(10, d)), kTop, kHeight - kBottom, kHeight - kBottom + 16, std::pow(10, d));
  for (double d = y.from; d <= y.to; ++d)
    svg += fmt::format(
        "<line class=\"grid\" y1=\"{0:.1f}\" y2=\"{0:.1f}\" x1=\"{1}\" x2=\"{2}\"/><text x=\"{3}\" y=\"{0:.1f}\" dy=\"4\" "
        "text-anchor=\"end\">{4:g}</text>\n",
        y.at(std::pow(10, d)), kLeft, kWidth - kRight, kLeft - 6, std::pow(10, d));
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">FLOPs for each byte read or written</text>\n",
                     (kLeft + kWidth - kRight) / 2, kHeight - 14);
  svg += fmt::format("<text transform=\"translate(18,{}) rotate(-90)\" text-anchor=\"middle\">GFLOP/s</text>\n",
                     (kTop + kHeight - kBottom) / 2);
  auto ridge = std::clamp(peak / bandwidth, std::pow(10, x.from), std::pow(10, x.to));
  auto first = std::max(std::pow(10, x.from), std::pow(10, y.from) / bandwidth);
  svg += fmt::format("<polyline class=\"roof\" points=\"{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}\"/>\n", x.at(first),
                     y.at(first * bandwidth), x.at(ridge), y.at(std::min(peak, ridge * bandwidth)), kWidth - kRight, y.at(peak));
  svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">FMA peak {:.0f} GFLOP/s</text>\n", kWidth - kRight - 4,
                     y.at(peak) - 6, peak);
  svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" dx=\"8\">{:.0f} GB/s</text>\n", x.at(std::sqrt(first * ridge)),
                     y.at(std::sqrt(first * ridge) * bandwidth) + 16, bandwidth);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const auto& p = points[i];
    auto cx = x.at(p.flops / p.bytes), cy = y.at(p.flops / p.seconds / 1e9);
    svg += fmt::format(
        "<circle class=\"dot\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\"><title>{}: {:.1f} us, {:.0f} GFLOP/s</title></circle>\n", cx, cy,
        3 + 22 * std::sqrt(p.seconds / total), html_escaped(p.name), p.seconds * 1e6, p.flops / p.seconds / 1e9);
    if (i >= kMostNames) continue;
    // Names stand in a list beside the picture, where they cannot cover each other.
    svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\" dy=\"4\" font-size=\"10\">{}</text>\n", cx, cy, i + 1);
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{}   {:.0f} %   {}</text>\n", kWidth - kRight + 14, kTop + 10 + 18 * static_cast<double>(i),
                       i + 1, 100 * p.seconds / total, html_escaped(p.name));
  }
  return svg + "</svg>\n";
}

}  // namespace gradc
