#pragma once
/// Layers that make spectrograms of signals: which frequencies there are in each of their frames, which may overlap.

#include "gradc/layers/basics.h"

namespace gradc {

/// The short-time Fourier transform of each channel of signals, steps×channels, as a convolution with kernels that are trained if the layer
/// is. Of the complex number of each frequency it gives what `mode` says: "log" and "magnitude" its size, "psd" the square of it, of both
/// signs of a frequency together, "stft" the real parts and then the imaginary ones. Frequencies of one channel lie one after the other,
/// or with `expand_dims` as a dimension before the channels.
struct STFTSpectrogram {
  static constexpr int channels_first = 0;  ///< Its lowering sees to them.
  std::string mode = "log";
  std::int64_t frame_length = 256;
  std::int64_t frame_step = 0;  ///< Half of `frame_length` where it is 0.
  std::int64_t fft_length = 0;  ///< The next power of two from `frame_length` on where it is 0.
  std::string window = "hann";
  NumberArray window_values = {};  ///< In the place of a window with a name.
  bool periodic = false;
  std::string scaling = "density", padding = "valid";
  bool expand_dims = false;
  Dims input_shape = {};
  std::string name = {};
};

/// What is in bands of frequencies that are as wide as they sound, mel bins×frames, of signals of one channel, whose ends are mirrored so
/// that frames have their middles on all of them. With `power_to_db` in decibels, of which none is more than `top_db` below the largest.
struct MelSpectrogram {
  std::int64_t fft_length = 2048, sequence_stride = 512;
  std::int64_t sequence_length = 0;  ///< Of the window, which lies in the middle of a frame; `fft_length` where it is 0.
  std::string window = "hann";
  std::int64_t sampling_rate = 16000, num_mel_bins = 128;
  double min_freq = 20;
  std::optional<double> max_freq = {};  ///< Half of the sampling rate, unless given.
  bool power_to_db = true;
  double top_db = 80, mag_exp = 2, min_power = 1e-10, ref_power = 1;
  Dims input_shape = {};
  std::string name = {};
};

template <class Fields>
void describe(Fields& f, STFTSpectrogram& layer) {
  f.choice("mode", layer.mode, {"log", "magnitude", "psd", "real", "imag", "angle", "stft"});
  f.integer("frame_length", layer.frame_length, 1);
  f.integer("frame_step", layer.frame_step, 0, Written::unless_default);
  f.integer("fft_length", layer.fft_length, 0, Written::unless_default);
  f.choice_or_array("window", layer.window, layer.window_values,
                    {"hann", "hamming", "blackman", "blackmanharris", "nuttall", "flattop", "boxcar", "null"});
  f.boolean("periodic", layer.periodic);
  f.choice("scaling", layer.scaling, {"density", "spectrum", "null"});
  f.choice("padding", layer.padding, {"valid", "same"});
  f.boolean("expand_dims", layer.expand_dims);
  f.data_format();
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

template <class Fields>
void describe(Fields& f, MelSpectrogram& layer) {
  f.integer("fft_length", layer.fft_length, 2);
  f.integer("sequence_stride", layer.sequence_stride, 1);
  f.integer("sequence_length", layer.sequence_length, 0, Written::unless_default);
  f.choice("window", layer.window, {"hann", "hamming", "null"});
  f.integer("sampling_rate", layer.sampling_rate, 1);
  f.integer("num_mel_bins", layer.num_mel_bins, 1);
  f.number("min_freq", layer.min_freq);
  f.number("max_freq", layer.max_freq);
  f.boolean("power_to_db", layer.power_to_db);
  f.number("top_db", layer.top_db);
  f.number("mag_exp", layer.mag_exp);
  f.number("min_power", layer.min_power);
  f.number("ref_power", layer.ref_power);
  f.input_shape(layer.input_shape);
  f.name(layer.name);
}

}  // namespace gradc
