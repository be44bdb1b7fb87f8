#include "inspect/chrome_trace.h"

#include <nlohmann/json.hpp>

#include "inspect/profile.h"
#include "support/json.h"

namespace gradc {

std::string chrome_trace(const std::vector<StepTrace>& steps, const std::vector<double>& starts, const std::vector<KernelInfo>& kernels,
                         const std::string& process) {
  using Json = nlohmann::ordered_json;
  constexpr int kProcess = 1;
  // Bars of steps have a row of their own, above those of threads.
  constexpr int kStepRow = 1, kFirstThread = 2;
  Json events = Json::array();
  auto named = [&](const char* what, int row, const std::string& name) {
    events.push_back({{"name", what}, {"ph", "M"}, {"pid", kProcess}, {"tid", row}, {"args", {{"name", name}}}});
  };
  named("process_name", kStepRow, process);
  named("thread_name", kStepRow, "steps");
  int threads = 0;
  for (const auto& step : steps) threads = std::max(threads, step.threads);
  for (int thread = 0; thread < threads; ++thread) named("thread_name", kFirstThread + thread, "thread " + std::to_string(thread));
  auto bar = [&](const std::string& name, const char* category, int row, double begin, double end, Json arguments) {
    events.push_back({{"name", name},
                      {"cat", category},
                      {"ph", "X"},
                      {"pid", kProcess},
                      {"tid", row},
                      {"ts", begin * 1e6},
                      {"dur", (end - begin) * 1e6},
                      {"args", std::move(arguments)}});
  };
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const auto& step = steps[i];
    bar("step " + std::to_string(i), "step", kStepRow, starts[i], starts[i] + step.seconds, Json::object());
    for (const auto& span : step.spans) {
      if (span.what == kStarting || span.what == kEnding) continue;  // nothing runs there
      if (span.what < 0) {
        bar(name_of_activity(span.what), "runtime", kFirstThread + span.thread, starts[i] + span.begin, starts[i] + span.end,
            Json::object());
        continue;
      }
      const auto& kernel = kernels[static_cast<std::size_t>(span.what)];
      bar(kernel.name, "kernel", kFirstThread + span.thread, starts[i] + span.begin, starts[i] + span.end,
          {{"phase", kernel.phase}, {"layers", kernel.layers}});
    }
  }
  return json_text(Json{{"traceEvents", std::move(events)}, {"displayTimeUnit", "ns"}}) + "\n";
}

}  // namespace gradc
