#pragma once
/// What layers that change images at random share.

#include <string>

#include "frontend/layers/context.h"

namespace gradc {

struct Interval {
  double low, high;
};

inline const Ints kOfImage = {kBatch, 1, 1, 1};

/// An option as a config has it, for errors.
std::string given(LayerContext& context, const char* option);
/// The range that a factor stands for. Throws gradc::Error if it is none, or has numbers out of bounds.
Interval range_of(LayerContext& context, const char* option, const NumberArray& factor, double least, double most);
/// What a `value_range` says.
Interval values_of(LayerContext& context, const NumberArray& range);
/// The probability of what is done with one that is drawn from the range of "factor".
double probability_of(LayerContext& context, const NumberArray& factor);

/// A number of each image from a range.
Symbol drawn(LayerContext& context, const Interval& range, Ints dims = kOfImage);
/// 1 or -1 for each image.
Symbol drawn_sign(LayerContext& context);
Symbol within(Symbol x, const Interval& range);

/// Whether images change, which they do in training alone. Throws gradc::Error if the input is no images.
bool changes(LayerContext& context);
/// The layer's images, of which each is what is given for it with this probability.
Symbol changed_with_probability(LayerContext& context, double probability, Symbol changed);

}  // namespace gradc
