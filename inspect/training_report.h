#pragma once
/// A page, complete in one file, that shows how a training went.

#include <cstdint>
#include <string>
#include <vector>

#include "gradc/model.h"
#include "inspect/summary.h"

namespace gradc {

/// How many numbers of an array lie in each of equally wide bins from `least` to `most`.
struct Histogram {
  std::int64_t step = 0;
  double least = 0, most = 0;
  std::vector<std::int64_t> counts;
  std::int64_t not_finite = 0;
  double sum = 0, sum_of_squares = 0;  ///< Among the finite numbers.
};
Histogram histogram(std::int64_t step, const std::vector<float>& numbers);

/// An image of the validation data that the model takes for something else.
struct Mistake {
  std::int64_t image = 0;  ///< Its place in the data.
  std::int64_t label = 0, predicted = 0;
  double probability = 0;            ///< The label's, as the model says.
  std::vector<std::uint8_t> pixels;  ///< Row-major, with one channel or three.
};

struct TrainingReport {
  std::string title, optimizer, loss;
  Summary summary;
  std::int64_t batch_size = 0, images = 0;
  bool finished = false;

  struct Step {
    std::int64_t step;
    double seconds;  ///< Since training began.
    Logs logs;
  };
  std::vector<Step> steps;
  std::vector<Step> epochs;  ///< Their last steps, with means over the epoch and validation.

  struct Tensor {
    std::string name;
    bool gradient = false;
    std::vector<Histogram> histograms;
  };
  std::vector<Tensor> tensors;

  std::vector<std::vector<std::int64_t>> confusion;  ///< [label][predicted], images of the validation data; empty unless it has classes.
  std::vector<Mistake> mistakes;                     ///< The worst first.
  std::int64_t height = 0, width = 0, channels = 0;  ///< Their images'.
};

/// What the page shows, as one JSON object.
std::string json(const TrainingReport& report);
std::string html(const TrainingReport& report);

}  // namespace gradc
