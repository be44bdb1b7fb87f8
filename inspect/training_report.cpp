#include "inspect/training_report.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "inspect/web_assets.h"
#include "support/json.h"

namespace gradc {
namespace {

using Json = nlohmann::ordered_json;

/// Points of a chart: more than this cannot be told apart.
constexpr std::size_t kMostPoints = 1500;

/// To six digits, which are more than a chart shows.
double rounded(double number) { return std::stod(fmt::format("{:.6g}", number)); }

/// Columns of numbers by name; means over runs of steps where there are many.
Json columns(const std::vector<TrainingReport::Step>& steps) {
  std::set<std::string> names;
  for (const auto& step : steps)
    for (const auto& [name, value] : step.logs) names.insert(name);
  Json result = {{"step", Json::array()}, {"seconds", Json::array()}};
  for (const auto& name : names) result[name] = Json::array();
  const auto run = std::max<std::size_t>(1, (steps.size() + kMostPoints - 1) / kMostPoints);
  for (std::size_t begin = 0; begin < steps.size(); begin += run) {
    auto end = std::min(begin + run, steps.size());
    result["step"].push_back(steps[end - 1].step);
    result["seconds"].push_back(steps[end - 1].seconds);
    for (const auto& name : names) {
      double sum = 0;
      int count = 0;
      for (auto i = begin; i < end; ++i)
        if (auto found = steps[i].logs.find(name); found != steps[i].logs.end()) {
          sum += found->second;
          ++count;
        }
      result[name].push_back(count > 0 && std::isfinite(sum) ? Json(rounded(sum / count)) : Json(nullptr));
    }
  }
  return result;
}

std::string base64(const std::vector<std::uint8_t>& bytes) {
  static const char* letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16;
    if (i + 1 < bytes.size()) group |= static_cast<std::uint32_t>(bytes[i + 1]) << 8;
    if (i + 2 < bytes.size()) group |= bytes[i + 2];
    text += letters[group >> 18];
    text += letters[group >> 12 & 63];
    text += i + 1 < bytes.size() ? letters[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? letters[group & 63] : '=';
  }
  return text;
}

}  // namespace

Histogram histogram(std::int64_t step, const std::vector<float>& numbers) {
  constexpr int kBins = 30;
  Histogram result{.step = step, .counts = std::vector<std::int64_t>(kBins)};
  bool first = true;
  for (auto v : numbers) {
    if (!std::isfinite(v)) {
      ++result.not_finite;
      continue;
    }
    result.least = first ? v : std::min<double>(result.least, v);
    result.most = first ? v : std::max<double>(result.most, v);
    first = false;
  }
  auto width = result.most - result.least;
  for (auto v : numbers) {
    if (!std::isfinite(v)) continue;
    result.sum += v;
    result.sum_of_squares += static_cast<double>(v) * v;
    auto bin = width > 0 ? static_cast<int>((v - result.least) / width * kBins) : 0;
    ++result.counts[static_cast<std::size_t>(std::clamp(bin, 0, kBins - 1))];
  }
  return result;
}

std::string json(const TrainingReport& report) {
  Json layers = Json::array(), tensors = Json::array(), mistakes = Json::array();
  for (const auto& row : report.summary.rows) layers.push_back({row.name, row.type, row.output_shape, row.params, row.inputs});
  for (const auto& tensor : report.tensors) {
    Json histograms = Json::array();
    for (const auto& each : tensor.histograms)
      histograms.push_back({{"step", each.step},
                            {"least", rounded(each.least)},
                            {"most", rounded(each.most)},
                            {"counts", each.counts},
                            {"notFinite", each.not_finite}});
    tensors.push_back({{"name", tensor.name}, {"gradient", tensor.gradient}, {"histograms", histograms}});
  }
  for (const auto& each : report.mistakes)
    mistakes.push_back({{"image", each.image},
                        {"label", each.label},
                        {"predicted", each.predicted},
                        {"probability", each.probability},
                        {"pixels", base64(each.pixels)}});
  return json_text(Json{{"title", report.title},
                        {"optimizer", report.optimizer},
                        {"loss", report.loss},
                        {"sequential", report.summary.sequential},
                        {"layers", layers},
                        {"trainable", report.summary.trainable},
                        {"frozen", report.summary.frozen},
                        {"batchSize", report.batch_size},
                        {"images", report.images},
                        {"finished", report.finished},
                        {"steps", columns(report.steps)},
                        {"epochs", columns(report.epochs)},
                        {"tensors", tensors},
                        {"confusion", report.confusion},
                        {"mistakes", mistakes},
                        {"imageShape", {report.height, report.width, report.channels}}});
}

std::string html(const TrainingReport& report) {
  return filled_page(web_asset("report.html"), {{"TITLE", html_escaped(report.title)},
                                                {"PAGE_CSS", std::string(web_asset("page.css"))},
                                                {"UPLOT_CSS", std::string(web_asset("uPlot.min.css"))},
                                                {"REPORT_CSS", std::string(web_asset("report.css"))},
                                                {"UPLOT", std::string(web_asset("uPlot.iife.min.js"))},
                                                {"DATA", script_safe(json(report))},
                                                {"REPORT_JS", std::string(web_asset("report.js"))}});
}

}  // namespace gradc
