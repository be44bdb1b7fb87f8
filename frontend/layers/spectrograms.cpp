#include "gradc/layers/spectrograms.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "frontend/frame_windows.h"
#include "frontend/layers/context.h"
#include "frontend/names.h"
#include "gradc/error.h"

namespace gradc {
namespace {

/// What a kernel [length,features] makes of the frames of signals [B,rows,samples], of which one begins every `step` samples, as
/// [B,rows,frames,features]. Signals and kernel are cut into pieces of a step, which are then the channels of a convolution.
Symbol product_of_frames(Symbol x, Symbol kernel, std::int64_t step) {
  const auto rows = type_of(x).dims[1], samples = type_of(x).dims[2], length = type_of(kernel).dims[0], features = type_of(kernel).dims[1];
  const auto frames = (samples - length) / step + 1, pieces = (length + step - 1) / step;
  const auto needed = (frames + pieces - 1) * step;
  if (needed > samples) x = emit(OpKind::pad, {x}, {{"before", Ints{0, 0, 0}}, {"after", Ints{0, 0, needed - samples}}}, "filled");
  if (needed < samples) x = slice_of_last(x, 0, needed, "framed");
  if (pieces * step > length)
    kernel = emit(OpKind::pad, {kernel}, {{"before", Ints{0, 0}}, {"after", Ints{pieces * step - length, 0}}}, "filled");
  return emit(OpKind::conv, {reshape(x, {kBatch, rows, needed / step, step}), reshape(kernel, {1, pieces, step, features})},
              {{"strides", Ints{1, 1}}, {"padding", Pairs(2)}, {"dilation", Ints{1, 1}}}, "frames");
}

/// A reshape where only dimensions of 1 move.
Symbol transposed(Symbol x, Ints permutation) {
  Ints dims, moved;
  for (auto axis : permutation) {
    dims.push_back(type_of(x).dims[axis]);
    if (dims.back() != 1) moved.push_back(axis);
  }
  if (std::ranges::is_sorted(moved)) return reshape(x, dims);
  return emit(OpKind::transpose, {x}, {{"permutation", std::move(permutation)}}, "transposed");
}

Symbol joined(std::initializer_list<Symbol> parts, std::int64_t axis) { return emit(OpKind::concat, parts, {{"axis", axis}}, "joined"); }

/// The complex numbers of frequencies, of which the real parts lie before the imaginary ones.
struct Spectrum {
  Symbol both;

  std::int64_t frequencies() const { return type_of(both).dims.back() / 2; }
  Symbol real() const { return slice_of_last(both, 0, frequencies(), "real"); }
  Symbol imag() const { return slice_of_last(both, frequencies(), frequencies(), "imag"); }
  Symbol power() const { return square(real()) + square(imag()); }
};

/// The numbers that a mode gives.
Symbol of_mode(LayerContext& context, const std::string& mode, Symbol transform) {
  if (mode == "real" || mode == "imag" || mode == "stft") return transform;
  const Spectrum spectrum{transform};
  if (mode == "angle") return emit(OpKind::atan2, {spectrum.imag(), spectrum.real()});
  const auto power = spectrum.power();
  if (mode == "psd") {
    // The first frequency and the last have no negative twin.
    std::vector<double> twins(static_cast<std::size_t>(spectrum.frequencies()), 2);
    twins.front() = twins.back() = 1;
    return power * numbers(context, twins, {spectrum.frequencies()});
  }
  const auto magnitude = sqrt(max(power, kEpsilon));
  return mode == "magnitude" ? magnitude : log(max(magnitude, kEpsilon));
}

/// Cosines and then sines of each frequency, seen through a window, [samples,2·frequencies]. Where a frame begins changes no magnitude.
Symbol waves(LayerContext& context, const MelSpectrogram& layer, std::int64_t samples) {
  const auto frequencies = layer.fft_length / 2 + 1;
  constexpr std::int64_t kMostExact = 1 << 24;
  if (samples * frequencies > kMostExact)
    throw Error("\"fft_length\" is {} with a window of {} samples: the product of a sample's and a frequency's number may be {} at most",
                layer.fft_length, samples, kMostExact);
  const auto period = static_cast<double>(layer.fft_length);
  const auto product = place(context, 0, {samples, frequencies}) * place(context, 1, {samples, frequencies});
  // Half a turn at most, either way, as whole numbers, which are exact.
  const auto rest = product - emit(OpKind::round, {product * (1 / period)}) * period;
  const auto angle = rest * (2 * std::numbers::pi / period);
  auto seen = [&](Symbol wave) {
    if (layer.window == "null") return wave;
    const auto turn = place(context, 0, {samples, 1}) * (2 * std::numbers::pi / static_cast<double>(samples));
    const auto cosines = cosines_of_window(layer.window);
    return wave * (cos(turn) * -cosines[1] + cosines[0]);
  };
  return joined({seen(cos(angle)), seen(sin(angle))}, 1);
}

double mel(double hertz) { return 1127 * std::log(1 + hertz / 700); }

/// How much each frequency counts in each band: those between the middles of its neighbours, as in a triangle over its own. The first
/// frequency, 0, counts nowhere.
Symbol bands(LayerContext& context, const MelSpectrogram& layer) {
  const double highest = layer.max_freq.value_or(static_cast<double>(layer.sampling_rate / 2));
  if (layer.min_freq <= -700 || highest <= layer.min_freq)
    throw Error("\"min_freq\" is {} and \"max_freq\" {}, expected a larger one", layer.min_freq, highest);
  const auto frequencies = layer.fft_length / 2 + 1;
  const auto first = mel(layer.min_freq), width = (mel(highest) - first) / static_cast<double>(layer.num_mel_bins + 1);
  const Ints dims = {frequencies, layer.num_mel_bins};
  const auto number = place(context, 0, dims);
  const auto hertz = number * (static_cast<double>(layer.sampling_rate) / 2 / static_cast<double>(frequencies - 1));
  const auto rises = (log(hertz * (1.0 / 700) + 1) * (1127 / width) - first / width) - place(context, 1, dims);
  return max(emit(OpKind::min, {rises, 2 - rises}), 0) * greater(number, 0);
}

double decibels(double power, double least) { return 10 * std::log10(std::max(power, least)); }

/// In decibels, of an image at most so many below its largest.
Symbol in_decibels(LayerContext& context, const MelSpectrogram& layer, Symbol x) {
  const auto level = log(max(x, layer.min_power)) * (10 / std::numbers::ln10) - decibels(std::abs(layer.ref_power), layer.min_power);
  const auto dims = type_of(x).dims;
  const Ints window = {dims[1], dims[2]};
  const auto image = reshape(level, {kBatch, dims[1], dims[2], 1});
  const auto largest = context.b.emit_all(OpKind::max_pool, {image.id}, {{"window", window}, {"strides", window}, {"padding", Pairs(2)}},
                                          context.name + "/largest")[0];
  return emit(OpKind::max, {level, reshape(context.symbol(largest), {kBatch, 1, 1}) - layer.top_db});
}

}  // namespace

ValueId lower(LayerContext& context, const STFTSpectrogram& layer) {
  context.expect_rank(3, "signals of rank 2 (samples×channels)");
  const bool channels_first = plain_name(context.config.text("data_format", "channels_last")) == "channelsfirst";
  const auto length = layer.frame_length, step = layer.frame_step > 0 ? layer.frame_step : std::max<std::int64_t>(length / 2, 1);
  if (step > length) throw Error("\"frame_step\" is {}, expected at most \"frame_length\", {}", step, length);
  const auto fft_length =
      layer.fft_length > 0 ? layer.fft_length : static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(length)));
  if (fft_length < length) throw Error("\"fft_length\" is {}, expected at least \"frame_length\", {}", fft_length, length);
  const auto& window = layer.window_values;
  if (!window.empty() && window.shape != Dims{length})
    throw Error("\"window\" is {}, expected a number for each of {} samples of a frame", context.config.find("window").dump(), length);
  const auto frequencies = fft_length / 2 + 1;
  auto kernel = [&](const std::string& side) {
    const STFT initial{side, layer.window, window.values, layer.scaling, layer.periodic};
    return reshape(context.symbol(context.weight(side + "_kernel", {length, 1, frequencies}, initial)), {length, frequencies});
  };
  auto kernels = [&] {
    if (layer.mode == "real" || layer.mode == "imag") return kernel(layer.mode);
    const auto real = kernel("real");
    return joined({real, kernel("imag")}, 1);
  };
  auto x = context.symbol(context.input());
  if (!channels_first) x = transposed(x, {0, 2, 1});
  const auto channels = type_of(x).dims[1];
  const auto padding = window_padding(layer.padding, {type_of(x).dims[2]}, {length}, {step}, {1})[0];
  if (padding != Pairs(1)[0]) x = emit(OpKind::pad, {x}, {{"before", Ints{0, 0, padding[0]}}, {"after", Ints{0, 0, padding[1]}}}, "padded");
  const auto y = of_mode(context, layer.mode, product_of_frames(x, kernels(), step));  // [B,channels,frames,numbers]
  const auto frames = type_of(y).dims[2], features = channels * type_of(y).dims[3];
  if (layer.expand_dims) return channels_first ? y.id : transposed(y, {0, 2, 3, 1}).id;
  if (channels_first) return reshape(transposed(y, {0, 1, 3, 2}), {kBatch, features, frames}).id;
  return reshape(transposed(y, {0, 2, 1, 3}), {kBatch, frames, features}).id;
}

ValueId lower(LayerContext& context, const MelSpectrogram& layer) {
  context.expect_rank(2, "signals of rank 1 (samples)");
  const auto length = layer.sequence_length > 0 ? layer.sequence_length : layer.fft_length;
  if (length > layer.fft_length) throw Error("\"sequence_length\" is {}, expected at most \"fft_length\", {}", length, layer.fft_length);
  const auto samples = context.input_type().dims[1], border = layer.fft_length / 2;
  if (samples <= border)
    throw Error("takes signals of more than {} samples, half of \"fft_length\", as it mirrors their ends; got {}", border, samples);
  const auto x = context.symbol(context.input());
  auto mirrored = [&](std::int64_t begin) {
    return emit(OpKind::reverse, {slice_of_last(x, begin, border, "end")}, {{"axes", Ints{1}}}, "mirrored");
  };
  const auto all = joined({mirrored(1), x, mirrored(samples - 1 - border)}, 1);
  const auto frames = (samples + 2 * border - layer.fft_length) / layer.sequence_stride + 1;
  // What windows see.
  const auto size = (frames - 1) * layer.sequence_stride + length;
  const auto seen = size == type_of(all).dims[1] ? all : slice_of_last(all, (layer.fft_length - length) / 2, size, "seen");
  const auto transform = product_of_frames(reshape(seen, {kBatch, 1, size}), waves(context, layer, length), layer.sequence_stride);
  const auto power = Spectrum{transform}.power();
  const auto magnitude = layer.mag_exp == 2 ? power : pow(power, layer.mag_exp / 2);
  const auto rows = reshape(magnitude, {kBatch, frames, layer.fft_length / 2 + 1});
  const auto y = emit(OpKind::dense, {rows, bands(context, layer)}, {}, "bands");
  return transposed(layer.power_to_db ? in_decibels(context, layer, y) : y, {0, 2, 1}).id;
}

}  // namespace gradc
