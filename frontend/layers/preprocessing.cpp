#include "gradc/layers/preprocessing.h"

#include <algorithm>

#include "frontend/layers/context.h"
#include "frontend/layers/resampling.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// Class numbers as vectors of `classes` numbers, of those along an axis where they are taken together.
Symbol encoded(Symbol x, const std::string& output_mode, std::int64_t classes, std::int64_t axis) {
  if (output_mode == "one_hot") {
    auto dims = type_of(x).dims;
    if (dims.size() > 1 && dims.back() == 1) {
      dims.pop_back();
      x = reshape(x, dims);
    }
    return one_hot(x, classes);
  }
  if (type_of(x).rank() == 1) x = reshape(x, {kBatch, 1});
  const auto count = sum(one_hot(x, classes), {axis});
  return output_mode == "count" ? count : min(count, 1);
}

}  // namespace

ValueId lower(LayerContext& context, const CenterCrop& layer) {
  context.expect_images(2);
  auto size = context.input_type().dims;
  if (size[1] < layer.height || size[2] < layer.width)
    throw Error("cuts images of at least {}×{}, got {}×{}: smaller ones would have to be resized", layer.height, layer.width, size[1],
                size[2]);
  const Ints begin = {0, (size[1] - layer.height) / 2, (size[2] - layer.width) / 2, 0};
  size[1] = layer.height;
  size[2] = layer.width;
  return context.emit(OpKind::slice, {context.input()}, {{"begin", begin}, {"size", size}}, "middle");
}

ValueId lower(LayerContext& context, const CategoryEncoding& layer) {
  const auto last = std::max(context.input_type().rank() - 1, 1);
  return encoded(truncated(context.symbol(context.input())), layer.output_mode, layer.num_tokens, last).id;
}

ValueId lower(LayerContext& context, const Discretization& layer) {
  const auto& boundaries = layer.bin_boundaries.values;
  if (boundaries.empty() || layer.bin_boundaries.shape.size() != 1)
    throw Error("\"bin_boundaries\" is {}, expected a list of numbers, which a library's adapt() finds in data",
                context.config.find("bin_boundaries").dump());
  if (!std::is_sorted(boundaries.begin(), boundaries.end()))
    throw Error("\"bin_boundaries\" is {}, expected numbers that rise", context.config.find("bin_boundaries").dump());
  const auto x = context.symbol(context.input());
  auto bin = constant(x, static_cast<double>(boundaries.size()));
  for (auto boundary : boundaries) bin = bin - greater(boundary, x);
  return layer.output_mode == "int" ? bin.id : encoded(bin, layer.output_mode, static_cast<std::int64_t>(boundaries.size()) + 1, 1).id;
}

ValueId lower(LayerContext& context, const Resizing& layer) {
  context.expect_images(2);
  if (layer.crop_to_aspect_ratio && layer.pad_to_aspect_ratio)
    throw Error("\"crop_to_aspect_ratio\" and \"pad_to_aspect_ratio\" cannot both be true");
  auto x = context.symbol(context.input());
  const auto height = type_of(x).dims[1], width = type_of(x).dims[2];
  const bool by_middles = context.config.dialect().interpolates_by_middles;
  // The height and the width that the other and the aspect ratio ask for.
  const auto wanted_height = width * layer.height / layer.width, wanted_width = height * layer.width / layer.height;
  if (layer.crop_to_aspect_ratio && by_middles) x = cut(x, part_of_ratio(type_of(x).dims, layer.height, layer.width));
  // Weights add up to 1, so that what is padded may as well be 0.
  const bool pads = layer.pad_to_aspect_ratio && (wanted_height > height + 1 || wanted_width > width + 1);
  if (pads) {
    const Ints border = {0, std::max<std::int64_t>(wanted_height - height, 0) / 2, std::max<std::int64_t>(wanted_width - width, 0) / 2, 0};
    if (layer.fill_value != 0) x = x - layer.fill_value;
    x = emit(OpKind::pad, {x}, {{"before", border}, {"after", border}}, "padded");
  }
  const auto grid = by_middles ? Grid::middles : layer.crop_to_aspect_ratio ? Grid::corners : Grid::ends;
  const Resampling rule = {layer.interpolation, grid, layer.antialias};
  x = resampled(context, resampled(context, x, 1, layer.height, rule), 2, layer.width, rule);
  return (pads && layer.fill_value != 0 ? x + layer.fill_value : x).id;
}

}  // namespace gradc
