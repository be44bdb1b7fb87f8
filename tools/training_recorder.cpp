#include "tools/training_recorder.h"

#include "frontend/schedules.h"
#include "frontend/training_json.h"
#include "runtime/step.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace gradc {
namespace {

using Clock = std::chrono::steady_clock;

/// Times at which histograms are taken, and how many arrays they are taken of: a report stays below some hundred kilobytes of them.
constexpr std::int64_t kSnapshots = 24;
constexpr std::size_t kMostTensors = 60;
constexpr std::size_t kMostMistakes = 40;
constexpr std::size_t kMostPixelBytes = 300'000;
constexpr std::int64_t kMostClasses = 100;

}  // namespace

TrainingRecorder::TrainingRecorder(Model& model, std::string title, const DataSet& train, std::optional<DataSet> validation,
                                   std::int64_t batch_size, std::int64_t steps)
    : model_(model), probe_(train.slice(0, std::min(batch_size, train.size()))), validation_(std::move(validation)), steps_(steps) {
  report_.title = std::move(title);
  const auto& training = model.training();
  if (training.outputs.empty()) report_.loss = training.loss.name;
  for (const auto& [name, output] : training.outputs)
    report_.loss += (report_.loss.empty() ? "" : ", ") + fmt::format("{} of {}", output.loss.name, name);
  const auto& optimizer = training.optimizer;
  report_.optimizer =
      fmt::format("{} with learning rate {}", to_json(optimizer)["class_name"].get<std::string>(), text_of(learning_rate(optimizer)));
  report_.summary = summarize(model.topology());
  report_.batch_size = batch_size;
  report_.images = train.size();
}

void TrainingRecorder::write_events(const std::filesystem::path& folder) {
  train_events_.emplace(folder / "train");
  if (validation_) validation_events_.emplace(folder / "validation");
}

void TrainingRecorder::begin() {
  take_histograms(0);
  begin_ = Clock::now();
  paused_ = 0;
}

double TrainingRecorder::seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count() - paused_; }

void TrainingRecorder::step(std::int64_t step, const Logs& logs) {
  {
    std::lock_guard lock(mutex_);
    report_.steps.push_back({step, seconds(), logs});
  }
  last_step_ = Clock::now();
  if (train_events_)
    for (const auto& [name, value] : logs) train_events_->scalar("batch_" + name, step, value);
  if (step >= next_histograms_ || step == steps_) take_histograms(step);
}

void TrainingRecorder::epoch(const Logs& logs) {
  // Validation came between, unless histograms did.
  auto now = Clock::now();
  paused_ += std::chrono::duration<double>(now - last_step_).count();
  last_step_ = now;
  std::lock_guard lock(mutex_);
  report_.epochs.push_back({report_.steps.empty() ? 0 : report_.steps.back().step, seconds(), logs});
  // Tags and steps are those of Keras's callback.
  auto number = static_cast<std::int64_t>(report_.epochs.size()) - 1;
  for (const auto& [name, value] : logs) {
    auto* events = name.starts_with("val_") ? &validation_events_ : &train_events_;
    if (*events) (*events)->scalar("epoch_" + (name.starts_with("val_") ? name.substr(4) : name), number, value);
  }
  for (auto* events : {&train_events_, &validation_events_})
    if (*events) (*events)->flush();
}

void TrainingRecorder::take_histograms(std::int64_t step) {
  auto start = Clock::now();
  auto weights = model_.weights(), gradients = model_.gradients(probe_);
  std::lock_guard lock(mutex_);
  std::size_t next = 0;
  auto take = [&](const std::vector<WeightValues>& arrays, bool gradient) {
    for (std::size_t i = 0; i < std::min(arrays.size(), kMostTensors / 2); ++i) {
      if (next == report_.tensors.size()) report_.tensors.push_back({arrays[i].name, gradient, {}});
      auto& histograms = report_.tensors[next++].histograms;
      histograms.push_back(histogram(step, arrays[i].values));
      if (train_events_) train_events_->histogram((gradient ? "gradient/" : "") + arrays[i].name, histograms.back());
    }
  };
  take(weights, false);
  take(gradients, true);
  next_histograms_ = step + std::max<std::int64_t>(1, steps_ / kSnapshots);
  last_step_ = Clock::now();
  paused_ += std::chrono::duration<double>(last_step_ - start).count();
}

void TrainingRecorder::look_at_validation() {
  const auto shapes = model_.output_shapes();
  if (shapes.size() != 1 || shapes[0].size() != 1 || validation_->labels().empty()) return;
  const auto classes = shapes[0][0];
  if (classes < 2 || classes > kMostClasses) return;
  const auto* labels = &validation_->labels()[0].array;
  const bool numbers = labels->elements() == 1;
  if (!numbers && labels->elements() != classes) return;
  Rows rows{.data = labels->data(), .dtype = labels->dtype, .elements = labels->elements()};
  auto label_of = [&](std::int64_t image) {
    auto row = static_cast<std::int64_t>(validation_->rows()[static_cast<std::size_t>(image)]);
    if (numbers) return static_cast<std::int64_t>(rows.at(row, 0));
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < classes; ++c)
      if (rows.at(row, c) > rows.at(row, best)) best = c;
    return best;
  };
  auto outputs = model_.predict(*validation_);
  std::lock_guard lock(mutex_);
  report_.confusion.assign(static_cast<std::size_t>(classes), std::vector<std::int64_t>(static_cast<std::size_t>(classes)));
  std::vector<Mistake> mistakes;
  for (std::int64_t i = 0; i < validation_->size(); ++i) {
    const auto* of_image = outputs.data() + i * classes;
    auto predicted = std::max_element(of_image, of_image + classes) - of_image;
    auto label = label_of(i);
    if (label < 0 || label >= classes) continue;
    ++report_.confusion[static_cast<std::size_t>(label)][static_cast<std::size_t>(predicted)];
    if (predicted != label) mistakes.push_back({i, label, predicted, of_image[label], {}});
  }
  const auto& images = validation_->images();
  const auto channels = images.shape.size() == 3 ? images.shape[2] : 1;
  if (images.shape.size() < 2 || images.shape.size() > 3 || (channels != 1 && channels != 3)) return;
  report_.height = images.shape[0];
  report_.width = images.shape[1];
  report_.channels = channels;
  auto bytes = static_cast<std::size_t>(images.elements());
  auto most = std::min({mistakes.size(), kMostMistakes, kMostPixelBytes / std::max<std::size_t>(bytes, 1)});
  std::partial_sort(mistakes.begin(), mistakes.begin() + static_cast<std::ptrdiff_t>(most), mistakes.end(),
                    [](const Mistake& a, const Mistake& b) { return a.probability < b.probability; });
  mistakes.resize(most);
  Rows pixels{.data = images.data(), .dtype = images.dtype, .elements = images.elements()};
  for (auto& mistake : mistakes) {
    auto row = static_cast<std::int64_t>(validation_->rows()[static_cast<std::size_t>(mistake.image)]);
    float least = 0, most_bright = images.dtype == DType::u8 ? 255.0f : 1.0f;
    for (std::int64_t e = 0; e < images.elements(); ++e) {
      least = std::min(least, pixels.at(row, e));
      most_bright = std::max(most_bright, pixels.at(row, e));
    }
    for (std::int64_t e = 0; e < images.elements(); ++e)
      mistake.pixels.push_back(static_cast<std::uint8_t>(std::lround((pixels.at(row, e) - least) / (most_bright - least) * 255)));
  }
  report_.mistakes = std::move(mistakes);
}

std::string TrainingRecorder::page() const {
  std::lock_guard lock(mutex_);
  return html(report_);
}

std::string TrainingRecorder::data() const {
  std::lock_guard lock(mutex_);
  return json(report_);
}

void TrainingRecorder::end() {
  if (validation_) look_at_validation();
  std::lock_guard lock(mutex_);
  report_.finished = true;
}

}  // namespace gradc
