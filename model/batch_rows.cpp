#include "model/batch_rows.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <span>
#include <string_view>

#include <fmt/ranges.h>

#include "frontend/losses.h"
#include "gradc/error.h"
#include "ir/roles.h"

namespace gradc {
namespace {

using Array = DataSet::Array;
using Dims = std::vector<std::int64_t>;

Rows rows_of(const Array& array) { return {.data = array.data(), .dtype = array.dtype, .elements = array.elements(), .scale = 1}; }

/// Whether rows of both shapes lie in memory alike: equal but for dimensions of 1, or one of them flat.
bool lie_alike(std::span<const std::int64_t> left, std::span<const std::int64_t> right) {
  if (std::ranges::equal(left, right)) return true;
  Dims a(left.begin(), left.end()), b(right.begin(), right.end());
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
void expect_labels(const DataSet& data, const DataSet::Array& array, auto fits, const std::string& problem) {
  const auto elements = array.elements();
  Rows numbers{.data = array.data(), .dtype = array.dtype};
  for (std::int64_t row : data.rows())
    for (auto i = row * elements; i < (row + 1) * elements; ++i)
      if (!fits(numbers.at(i, 0))) throw Error("{}: label {} is {}, but {}", array.name, i, array.text(i), problem);
}

void expect_classes(const DataSet& data, const DataSet::Part& part, std::int64_t classes, std::optional<std::int64_t> ignored = {}) {
  const auto& facts = part.facts;
  if (part.finite && facts.whole && facts.least >= 0 && facts.most < static_cast<double>(classes)) return;
  expect_labels(
      data, part.array,
      [&](float v) {
        return (v >= 0 && v < static_cast<float>(classes) && v == std::floor(v)) || (ignored && v == static_cast<float>(*ignored));
      },
      fmt::format("the model has {} classes, 0 to {}{}", classes, classes - 1,
                  ignored ? fmt::format(", and the loss ignores {}", *ignored) : ""));
}

}  // namespace

std::vector<const DataSet::Part*> parts_for(const std::vector<DataSet::Part>& parts, const std::vector<std::string>& names,
                                            const char* what) {
  auto expected = [&] { return fmt::format("the model's {} are \"{}\"", what, fmt::join(names, "\", \"")); };
  const bool named = !parts.empty() && !parts[0].of.empty();
  std::vector<const DataSet::Part*> found;
  if (named)
    for (const auto& part : parts)
      if (std::find(names.begin(), names.end(), part.of) == names.end())
        throw Error("{}: there is no \"{}\"; {}", part.array.name, part.of, expected());
  if (!named && parts.size() != names.size())
    throw Error("{} {} given, but {}", parts.size(), parts.size() == 1 ? "array is" : "arrays are", expected());
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto part = named ? std::find_if(parts.begin(), parts.end(), [&](const auto& each) { return each.of == names[i]; })
                      : parts.begin() + static_cast<std::ptrdiff_t>(i);
    if (part == parts.end()) throw Error("no array is given for \"{}\"; {}", names[i], expected());
    found.push_back(&*part);
  }
  return found;
}

Rows image_rows(const Array& images, const Dims& shape) {
  if (!lie_alike(images.shape, shape) && images.shape.empty())
    throw Error("{}: has rank 1, one number for each image, but the model takes images of shape {}", images.name, shape_string(shape));
  if (!lie_alike(images.shape, shape))
    throw Error("{}: images have shape {}, but the model takes {}{}", images.name, shape_string(images.shape), shape_string(shape),
                remedy(images.shape, shape));
  auto rows = rows_of(images);
  if (images.dtype == DType::u8) rows.scale = 1.0f / 255.0f;
  return rows;
}

void expect_rows(const DataSet& data, const DataSet::Part& part, const NumberedTable& table) {
  const auto& array = part.array;
  const auto elements = array.elements();
  const Rows numbers{.data = array.data(), .dtype = array.dtype};
  for (std::int64_t row : data.rows())
    for (std::int64_t e = 0; e < elements; ++e) {
      const auto i = row * elements + e;
      if (const auto v = numbers.at(i, 0); !(v > -1 && v < static_cast<float>(table.rows)))
        throw Error("{}: row {}: number {} is {}, but layer \"{}\" has a table of {} rows, 0 to {}", array.name, row, e, array.text(i),
                    table.layer, table.rows, table.rows - 1);
    }
}

Rows label_rows(const DataSet& data, const DataSet::Part& part, const Type& output, const Type& labels, const Loss& of_output) {
  const auto& loss = of_output.name;
  const auto& array = part.array;
  auto rows = rows_of(array);
  const auto classes = output.dims.back();
  const auto& definition = *find_loss(loss);
  const bool of_numbers = definition.labels == LabelKind::classes;
  // Floats are class numbers only for a loss of classes: for others they are values, of which there is one a row too few.
  const bool may_be_classes = array.dtype != DType::f32 || definition.of_probabilities;
  if (!of_numbers && rows.elements == 1 && classes > 1 && labels.elements() == classes && may_be_classes) {
    expect_classes(data, part, classes);
    rows.classes = classes;
    return rows;
  }
  if (!lie_alike(array.shape, std::span(labels.dims).subspan(labels.batched() ? 1 : 0))) {
    const auto wanted = labels.image_dims();
    if (of_numbers && rows.elements == classes)
      throw Error("{}: labels have shape {}, but loss {} takes one class number; use categoricalCrossentropy for one-hot labels",
                  array.name, shape_string(array.shape), loss);
    const bool one_class_each = definition.labels == LabelKind::one_hot && rows.elements * classes == labels.elements();
    throw Error("{}: labels have shape {}, but the model's output with loss {} takes {}{}", array.name, shape_string(array.shape), loss,
                shape_string(wanted),
                one_class_each ? "; use sparseCategoricalCrossentropy for class numbers" : remedy(array.shape, wanted));
  }
  if (of_numbers) {
    expect_classes(data, part, classes, of_output.options.ignore_class);
    return rows;
  }
  const auto& facts = part.facts;
  if (array.dtype == DType::u8 && rows.elements > 1 && facts.most > 1)
    throw Error(
        "{}: targets are bytes up to {}, which, unlike images, are not divided by 255; save array.astype('float32') / 255 "
        "if they are pixels, or else array.astype('float32')",
        array.name, facts.most);
  if (definition.labels == LabelKind::binary && !(facts.least >= 0 && facts.most <= 1))
    expect_labels(
        data, array, [](float v) { return std::isnan(v) || (v >= 0 && v <= 1); }, fmt::format("loss {} takes numbers from 0 to 1", loss));
  return rows;
}

std::vector<const DataSet::Part*> weights_for(const std::vector<DataSet::Part>& weights, const std::vector<std::string>& outputs) {
  if (weights.empty()) return {};
  std::vector<const DataSet::Part*> found(outputs.size(), nullptr);
  for (const auto& part : weights) {
    const auto& name = part.of;
    if (name.empty() && outputs.size() > 1)
      throw Error("{}: sample weights of which output? The model has {}", part.array.name, fmt::join(outputs, ", "));
    const auto at = name.empty() ? outputs.begin() : std::find(outputs.begin(), outputs.end(), name);
    if (at == outputs.end())
      throw Error("{}: sample weights for \"{}\", but the model's outputs are {}", part.array.name, name, fmt::join(outputs, ", "));
    found[static_cast<std::size_t>(at - outputs.begin())] = &part;
  }
  return found;
}

Rows weight_rows(const DataSet::Part& part) { return rows_of(part.array); }

void expect_finite(const DataSet& data) {
  auto look = [&](const Array& array) {
    const auto elements = array.elements();
    const auto* numbers = reinterpret_cast<const float*>(array.data());
    for (std::int64_t row : data.rows())
      for (std::int64_t e = 0; e < elements; ++e)
        if (auto i = row * elements + e; !std::isfinite(numbers[i]))
          throw Error("{}: row {}: number {} is {}; leave such rows out, or replace what is missing", array.name, row, e, array.text(i));
  };
  for (const auto* parts : {&data.inputs(), &data.labels(), &data.weights()})
    for (const auto& part : *parts)
      if (!part.finite) look(part.array);
}

}  // namespace gradc
