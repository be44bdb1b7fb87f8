#include "runtime/batch_rows.h"

#include <algorithm>
#include <cmath>

#include "frontend/losses.h"
#include "support/error.h"

namespace gradc {
namespace {

using Array = DataSet::Array;
using Dims = std::vector<std::int64_t>;

Rows rows_of(const Array& array) { return {.data = array.data(), .dtype = array.dtype, .elements = array.elements(), .scale = 1}; }

/// Whether rows of both shapes lie in memory alike: equal but for dimensions of 1, or one of them flat.
bool lie_alike(Dims a, Dims b) {
  std::erase(a, 1);
  std::erase(b, 1);
  auto elements = [](const Dims& dims) { return Type{DType::f32, dims}.elements(); };
  return a == b || ((a.size() <= 1 || b.size() <= 1) && elements(a) == elements(b));
}

/// What to do about rows of shape `given` for a model that has `wanted`, or an empty string.
std::string remedy(const Dims& given, const Dims& wanted) {
  if (given.size() < 2 || given.size() != wanted.size()) return "";
  auto channels_last = given;
  std::rotate(channels_last.begin(), channels_last.begin() + 1, channels_last.end());
  if (channels_last == wanted) return "; its channels stand first: save numpy.moveaxis(array, 1, -1)";
  return "";
}

/// Throws what `problem` says of the first number of the labels of `data` for which `fits` is false. Such a number may lie outside of the
/// rows that `data` stands for, which is no error.
void expect_labels(const DataSet& data, auto fits, const std::string& problem) {
  const auto& array = *data.labels();
  const auto elements = array.elements();
  Rows numbers{.data = array.data(), .dtype = array.dtype};
  for (std::int64_t row : data.rows())
    for (auto i = row * elements; i < (row + 1) * elements; ++i)
      if (!fits(numbers.at(i, 0))) throw Error("{}: label {} is {}, but {}", array.name, i, array.text(i), problem);
}

void expect_classes(const DataSet& data, std::int64_t classes) {
  const auto& facts = data.label_facts();
  if (data.labels_finite() && facts.whole && facts.least >= 0 && facts.most < static_cast<double>(classes)) return;
  expect_labels(
      data, [&](float v) { return v >= 0 && v < static_cast<float>(classes) && v == std::floor(v); },
      fmt::format("the model has {} classes, 0 to {}", classes, classes - 1));
}

}  // namespace

Rows image_rows(const DataSet& data, const Dims& shape) {
  const auto& images = data.images();
  if (!lie_alike(images.shape, shape))
    throw Error("{}: images have shape {}, but the model takes {}{}", images.name, shape_string(images.shape), shape_string(shape),
                remedy(images.shape, shape));
  auto rows = rows_of(images);
  if (images.dtype == DType::u8) rows.scale = 1.0f / 255.0f;
  return rows;
}

Rows label_rows(const DataSet& data, const Type& output, const Type& labels, const std::string& loss) {
  if (data.labels() == nullptr) throw Error("{}: has no labels", data.images().name);
  const auto& array = *data.labels();
  auto rows = rows_of(array);
  auto classes = output.dims.back();
  bool whole = array.dtype != DType::f32;
  if (find_loss(loss)->labels == LabelKind::classes) {
    if (rows.elements != labels.elements())
      throw Error("{}: labels have shape {}, but loss {} takes one class number{}", array.name, shape_string(array.shape), loss,
                  rows.elements == classes ? "; use categoricalCrossentropy for one-hot labels" : "");
    expect_classes(data, classes);
  } else if (rows.elements == 1 && classes > 1 && labels.elements() == classes && (whole || array.shape.empty())) {
    expect_classes(data, classes);
    rows.classes = classes;
  } else if (rows.elements != labels.elements()) {
    throw Error("{}: labels have shape {}, but the model's output is {}", array.name, shape_string(array.shape),
                shape_string(output.image_dims()));
  }
  return rows;
}

void expect_finite(const DataSet& data) {
  auto look = [&](const Array& array) {
    const auto elements = array.elements();
    const auto* numbers = reinterpret_cast<const float*>(array.data());
    for (std::int64_t row : data.rows())
      for (std::int64_t e = 0; e < elements; ++e)
        if (auto v = numbers[row * elements + e]; !std::isfinite(v))
          throw Error("{}: row {}: number {} is {}; leave such rows out, or replace what is missing", array.name, row, e, v);
  };
  if (!data.images_finite()) look(data.images());
  if (data.labels() != nullptr && !data.labels_finite()) look(*data.labels());
}

}  // namespace gradc
