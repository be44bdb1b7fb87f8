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

/// A window of height×width at a random place of images that are higher and wider. In prediction images become as large by the largest part
/// in their middle of this aspect ratio, and where they are not higher or not wider, always, by what is left of such a window from where
/// that part begins.
struct RandomCrop {
  std::int64_t height = 0, width = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// Turns images around their middle by parts of a full turn: what comes in from outside is as RandomTranslation has it.
struct RandomRotation {
  NumberArray factor = {};
  std::string fill_mode = "reflect", interpolation = "bilinear";
  double fill_value = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// Moves rows to the side by x_factor of how far they are from the first, and columns by y_factor of that: both to one side or both to the
/// other, by chance. What comes in from outside is as RandomTranslation has it.
struct RandomShear {
  NumberArray x_factor = 0, y_factor = 0;
  std::string fill_mode = "reflect", interpolation = "bilinear";
  double fill_value = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// Moves the corners of images, all but the first, by up to half of `scale` of their distances from it, with a probability that is drawn
/// from the factor's range.
struct RandomPerspective {
  NumberArray factor = 1;
  double scale = 1;
  std::string interpolation = "bilinear";
  double fill_value = 0;
  Dims input_shape = {};
  std::string name = {};
};

/// Multiplies the saturation of colors by f / (1 - f), where f is drawn from the factor's range: 0 makes them gray, 1/2 leaves them.
struct RandomSaturation {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Turns the hue of colors by half of a number from the factor's range, to one side or the other.
struct RandomHue {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Moves colors to their luminance by a part of the way.
struct RandomColorDegeneration {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// RandomBrightness, RandomContrast, RandomSaturation and RandomHue after each other, those whose factors are given.
struct RandomColorJitter {
  NumberArray value_range = {0, 255};
  NumberArray brightness_factor = {}, contrast_factor = {}, saturation_factor = {}, hue_factor = {};
  Dims input_shape = {};
  std::string name = {};
};

/// Leaves so many of the 8 bits that say a value of 256: a whole number from low to, not including, high, or the one that both are.
struct RandomPosterization {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Adds a number to values from 0 to 255, and takes those that are then not below another one from 255. Both numbers are from low to 255
/// times high of their factor.
struct Solarization {
  NumberArray addition_factor = 0, threshold_factor = 0;
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Stretches the values of each channel of an image over the whole range, in prediction too.
struct AutoContrast {
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Fills a rectangle, whose sides are the roots of numbers from `scale` as parts of the image's, with a value, one for each channel, or
/// with normal noise as large as the largest value; with a probability that is drawn from the factor's range.
struct RandomErasing {
  NumberArray factor = 1, scale = {0.02, 0.33};
  NumberArray fill_value = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Blends images with the means of their pixels' neighbourhoods, which are left where 1 - 2 f is 0 and taken off where it is below, of a
/// number f from the factor's range.
struct RandomSharpness {
  NumberArray factor = {};
  NumberArray value_range = {0, 255};
  Dims input_shape = {};
  std::string name = {};
};

/// Blurs images by a Gaussian kernel of a width and a height, each with a deviation from the range of `sigma`, with a probability that is
/// drawn from the factor's range.
struct RandomGaussianBlur {
  NumberArray factor = 1;
  Dims kernel_size = {3, 3};
  NumberArray sigma = 1;
  NumberArray value_range = {0, 255};
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

/// How layers end that move pixels.
template <class Fields, class L>
void describe_moves(Fields& f, L& layer) {
  f.choice("fill_mode", layer.fill_mode, {"reflect", "wrap", "constant", "nearest"});
  f.number("fill_value", layer.fill_value);
  f.choice("interpolation", layer.interpolation, {"nearest", "bilinear"});
  describe_images(f, layer);
}

template <class Fields, class L>
  requires requires(L& layer) { layer.height_factor; }
void describe(Fields& f, L& layer) {
  f.array("height_factor", layer.height_factor);
  f.array("width_factor", layer.width_factor);
  describe_moves(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomCrop& layer) {
  f.integer("height", layer.height, 1);
  f.integer("width", layer.width, 1);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomRotation& layer) {
  f.array("factor", layer.factor);
  describe_moves(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomShear& layer) {
  f.array("x_factor", layer.x_factor);
  f.array("y_factor", layer.y_factor);
  describe_moves(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomPerspective& layer) {
  f.array("factor", layer.factor);
  f.number("scale", layer.scale);
  f.choice("interpolation", layer.interpolation, {"nearest", "bilinear"});
  f.number("fill_value", layer.fill_value);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomColorJitter& layer) {
  f.array("value_range", layer.value_range);
  f.array("brightness_factor", layer.brightness_factor);
  f.array("contrast_factor", layer.contrast_factor);
  f.array("saturation_factor", layer.saturation_factor);
  f.array("hue_factor", layer.hue_factor);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, Solarization& layer) {
  f.array("addition_factor", layer.addition_factor);
  f.array("threshold_factor", layer.threshold_factor);
  f.array("value_range", layer.value_range);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, AutoContrast& layer) {
  f.array("value_range", layer.value_range);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomErasing& layer) {
  f.array("factor", layer.factor);
  f.array("scale", layer.scale);
  f.array("fill_value", layer.fill_value);
  f.array("value_range", layer.value_range);
  describe_images(f, layer);
}

template <class Fields>
void describe(Fields& f, RandomGaussianBlur& layer) {
  f.array("factor", layer.factor);
  f.extents("kernel_size", layer.kernel_size, 2);
  f.array("sigma", layer.sigma);
  f.array("value_range", layer.value_range);
  describe_images(f, layer);
}

}  // namespace gradc
