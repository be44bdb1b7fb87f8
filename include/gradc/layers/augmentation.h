#pragma once
/// Layers that change images at random in training, each image by itself, and give them as they are otherwise. A `factor` is a range
/// [low, high], or a number for one around 0, or from 0 where it cannot be below.

#include "gradc/layers/basics.h"

namespace gradc {

/// Half of the images turned round: from left to right, upside down, or both at once.
struct RandomFlip {
  std::string mode = "horizontal_and_vertical";  ///< "horizontal", "vertical" or "horizontal_and_vertical"
  Dims input_shape = {};
  std::string name = {};
};

/// Adds to each image a number from the factor's range, of which 1 is the whole range of values; and cuts to that range.
struct RandomBrightness {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Scales how far pixels are from their channel's mean by a number from 1 - low to 1 + high, and cuts to the range of values.
struct RandomContrast {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Takes images from the largest value, with a probability that is drawn from the factor's range.
struct RandomInvert {
  NumberArray factor = 1;
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Makes red, green and blue their luminance, with this probability.
struct RandomGrayscale {
  double factor = 0.5;
  Dims input_shape = {};
  std::string name = {};
};

/// Moves images down and to the right by parts of their height and width. What comes in from outside is "constant", `fill_value`; the
/// "nearest" pixel; the image again ("wrap"), or its mirror image ("reflect").
struct RandomTranslation {
  NumberArray height_factor = {}, width_factor = {};
  std::string fill_mode = "reflect", interpolation = "bilinear";
  double fill_value = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// Shows 1 + factor times as much of images, by their middle; by a width of its own, or the same as the height.
struct RandomZoom {
  NumberArray height_factor = {}, width_factor = {};
  std::string fill_mode = "reflect", interpolation = "bilinear";
  double fill_value = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// How layers of images end.
template <class Fields, class L>
void describe_images(Fields& f, L& layer) {
  f.data_format();
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, RandomFlip& layer) {
  f.choice("mode", layer.mode, {"horizontal", "vertical", "horizontal_and_vertical"});
  describe_images(f, layer);
}

template <class Fields, class L>
  requires requires(L& layer) { layer.value_range; }
void describe(Fields& f, L& layer) {
  f.array("factor", layer.factor);
  f.array("value_range", layer.value_range);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomGrayscale& layer) {
  f.number("factor", layer.factor);
  describe_images(f, layer);
}

template <class Fields, class L>
  requires requires(L& layer) { layer.height_factor; }
void describe(Fields& f, L& layer) {
  f.array("height_factor", layer.height_factor);
  f.array("width_factor", layer.width_factor);
  f.choice("fill_mode", layer.fill_mode, {"reflect", "wrap", "constant", "nearest"});
  f.number("fill_value", layer.fill_value);
  f.choice("interpolation", layer.interpolation, {"nearest", "bilinear"});
  describe_images(f, layer);
}

}  // namespace gradc
