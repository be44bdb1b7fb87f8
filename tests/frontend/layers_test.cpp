// Layers: what their descriptions read and write, and what is said of options and inputs that do not fit.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include <nlohmann/json.hpp>

#include "frontend/layer_json.h"
#include "frontend/layers/layers.h"
#include "frontend/lower.h"
#include "frontend/names.h"
#include "frontend/topology.h"
#include "gradc/error.h"
#include "gradc/model.h"

namespace gradc::test {
namespace {

using nlohmann::json;
using testing::FloatNear;
using testing::HasSubstr;
using testing::Pointwise;

template <class L>
L read(const json& config, Writer writer = Writer::tfjs) {
  std::vector<std::string> problems;
  ConfigReader reader(config, dialect_of(writer), problems);
  FieldReader fields(reader);
  L layer;
  describe(fields, layer);
  EXPECT_THAT(problems, testing::IsEmpty());
  reader.find("data_format");  // Read for every layer alike.
  reader.report_unread();
  EXPECT_THAT(problems, testing::IsEmpty()) << "something that is written is not read";
  return layer;
}

/// What a layer's description writes it reads again, in the spelling of either library.
template <class L>
void expect_round_trip(const L& layer) {
  const auto config = config_of(layer);
  EXPECT_EQ(config_of(read<L>(config)), config) << config.dump();
  json camel = json::object();
  for (const auto& [key, value] : config.items()) camel[key == "batch_input_shape" ? "batchInputShape" : camel_case(key)] = value;
  EXPECT_EQ(config_of(read<L>(camel)).dump(), config.dump()) << camel.dump();
}

TEST(Layers, AreReadAsTheyWereWritten) {
  expect_round_trip(Conv2D{.filters = 3, .kernel_size = {3, 2}, .padding = "same", .groups = 3, .kernel_regularizer = {.l2 = 0.1}});
  expect_round_trip(Conv2D{.filters = 3, .kernel_size = {1, 1}, .lora = {.rank = 2, .alpha = 3}});
  expect_round_trip(DepthwiseConv2D{.kernel_size = {2, 2}, .depthwise_regularizer = {.l1 = 0.5}});
  expect_round_trip(SeparableConv2D{.filters = 2, .kernel_size = {2, 2}, .depth_multiplier = 2});
  expect_round_trip(Conv2DTranspose{.filters = 2, .kernel_size = {2, 2}, .strides = {2, 2}, .output_padding = {1, 0}});
  expect_round_trip(Dense{.units = 4, .activation = "relu", .use_bias = false});
  expect_round_trip(
      Embedding{.input_dim = 4, .output_dim = 3, .embeddings_constraint = UnitNorm{}, .input_length = {5}, .lora = {.rank = 1}});
  expect_round_trip(MaxPooling2D{.pool_size = {3, 2}, .strides = {1, 2}});
  expect_round_trip(AveragePooling2D{});
  expect_round_trip(GlobalMaxPooling2D{.keepdims = true});
  expect_round_trip(BatchNormalization{.momentum = 0.5, .renorm = true, .renorm_clipping = RenormClipping{.rmax = 2}});
  expect_round_trip(ReLU{.max_value = 2, .negative_slope = 0.1});
  expect_round_trip(LeakyReLU{.alpha = 0.2});
  expect_round_trip(PReLU{.alpha_initializer = Constant{0.3}, .shared_axes = {1, 2}});
  expect_round_trip(ThresholdedReLU{});
  expect_round_trip(Reshape{.target_shape = {3, -1}});
  expect_round_trip(Permute{.dims = {2, 1}});
  expect_round_trip(RepeatVector{.n = 3});
  expect_round_trip(Cropping2D{.cropping = {1, 0, 2, 3}});
  expect_round_trip(UpSampling2D{.size = {2, 3}, .interpolation = "bilinear"});
  expect_round_trip(Concatenate{.axis = 2});
  expect_round_trip(Dot{.axes = {1, -1}, .normalize = true});
  expect_round_trip(Attention{.use_scale = true, .score_mode = "concat", .dropout = 0.5, .use_causal_mask = true});
  expect_round_trip(AdditiveAttention{.use_scale = false});
  expect_round_trip(
      MultiHeadAttention{.num_heads = 2, .key_dim = 3, .value_dim = 4, .output_shape = {5, 6}, .attention_axes = {2}, .sliding_window = 3});
  expect_round_trip(GroupedQueryAttention{.head_dim = 3, .num_query_heads = 4, .num_key_value_heads = 2, .use_gate = true});
  expect_round_trip(EinsumDense{.equation = "...c,cd->...d", .output_shape = {-1, 4}, .bias_axes = "d"});
  expect_round_trip(Dropout{.rate = 0.5});
  expect_round_trip(SpatialDropout2D{.rate = 0.5});
  expect_round_trip(AlphaDropout{.rate = 0.5});
  expect_round_trip(GaussianDropout{.rate = 0.5});
  expect_round_trip(GaussianNoise{.stddev = 0.5});
  expect_round_trip(ActivityRegularization{.l1 = 0.5, .l2 = 0.25});
  expect_round_trip(LayerNormalization{.axis = {1, -1}, .epsilon = 0.5, .scale = false});
  expect_round_trip(GroupNormalization{.groups = -1, .gamma_regularizer = {.l1 = 0.5}});
  expect_round_trip(RMSNormalization{.axis = {2}});
  expect_round_trip(Dense{.units = 2, .kernel_constraint = MinMaxNorm{.max_value = 3, .axis = {0, 1}}, .bias_constraint = NonNeg{}});
  expect_round_trip(PReLU{.alpha_constraint = UnitNorm{}});
  expect_round_trip(UnitNormalization{.axis = {1, 2}});
  expect_round_trip(Rescaling{.scale = 2, .offset = {1, 0.5}});
  expect_round_trip(IdentityLayer{});
  expect_round_trip(Normalization{.axis = {}, .mean = 1, .variance = 2, .invert = true});
  expect_round_trip(Discretization{.bin_boundaries = {0, 1}, .output_mode = "count"});
  expect_round_trip(Resizing{.height = 2, .width = 3, .interpolation = "lanczos5", .pad_to_aspect_ratio = true, .fill_value = 2});
  expect_round_trip(
      STFTSpectrogram{.mode = "psd", .frame_step = 3, .window_values = {{0, 1, 0.5}}, .scaling = "null", .expand_dims = true});
  expect_round_trip(MelSpectrogram{.fft_length = 64, .sequence_length = 60, .window = "null", .max_freq = 3000, .top_db = 20});
  expect_round_trip(AdaptiveAveragePooling2D{.output_size = {2, 3}});
  expect_round_trip(RandomFlip{.mode = "vertical"});
  expect_round_trip(RandomBrightness{.factor = {-0.5, 0.25}, .value_range = {0, 1}});
  expect_round_trip(RandomGrayscale{.factor = 0.25});
  expect_round_trip(RandomCrop{.height = 3, .width = 2});
  expect_round_trip(RandomRotation{.factor = 0.5, .fill_mode = "nearest"});
  expect_round_trip(RandomShear{.x_factor = {0, 0.5}, .y_factor = 0.25, .interpolation = "nearest"});
  expect_round_trip(RandomPerspective{.factor = 0.5, .scale = 0.25, .fill_value = 1});
  expect_round_trip(RandomColorJitter{.value_range = {0, 1}, .contrast_factor = 0.5, .hue_factor = {0, 0.25}});
  expect_round_trip(RandomPosterization{.factor = {2, 4}});
  expect_round_trip(Solarization{.addition_factor = 0.5, .threshold_factor = {0, 0.25}});
  expect_round_trip(AutoContrast{.value_range = {0, 1}});
  expect_round_trip(RandomErasing{.factor = {0, 0.5}, .scale = 0.25, .fill_value = {1, 2, 3}});
  expect_round_trip(RandomErasing{});
  expect_round_trip(RandomGaussianBlur{.kernel_size = {3, 5}, .sigma = {0.25, 0.5}});
  expect_round_trip(RandomTranslation{.height_factor = 0.5, .width_factor = {0, 0.25}, .fill_mode = "wrap", .fill_value = 1});
  expect_round_trip(SimpleRNN{.units = 3, .recurrent_regularizer = {.l1 = 0.5}, .recurrent_constraint = NonNeg{}, .go_backwards = true});
  expect_round_trip(LSTM{.units = 3, .recurrent_activation = "tanh", .unit_forget_bias = false, .dropout = 0.25, .return_sequences = true});
  expect_round_trip(GRU{.units = 3, .reset_after = true, .recurrent_dropout = 0.5, .zero_output_for_mask = true});
  expect_round_trip(RNN{.cell = StackedRNNCells{.cells = {GRUCell{.units = 2, .reset_after = true}, LSTMCell{.units = 4, .name = "own"}}}});
  expect_round_trip(Bidirectional{.layer = LSTM{.units = 2}, .backward_layer = GRU{.units = 2, .go_backwards = true}, .merge_mode = "ave"});
  expect_round_trip(SpectralNormalization{.layer = Dense{.units = 2, .name = "inner"}, .power_iterations = 2});
  expect_round_trip(ReversibleEmbedding{.input_dim = 4, .output_dim = 3, .tie_weights = false, .logit_soft_cap = 2, .mask_zero = true});
  expect_round_trip(LayerNormalization{.rms_scaling = true});
  expect_round_trip(AdditiveAttention{.return_attention_scores = true});
  expect_round_trip(TimeDistributed{.layer = Dense{.units = 2, .name = "each"}});
}

TEST(Layers, WhatALibraryLacksIsWrittenOnlyWhereItIsUsed) {
  const auto plain = config_of(Conv2D{.filters = 1, .kernel_size = {1, 1}});
  for (const char* key : {"groups", "lora_rank", "kernel_regularizer", "activity_regularizer"}) EXPECT_FALSE(plain.contains(key)) << key;
  EXPECT_TRUE(plain.contains("use_bias"));
  EXPECT_EQ(config_of(Conv2D{.filters = 2, .kernel_size = {1, 1}, .groups = 2})["groups"], 2);
  EXPECT_FALSE(config_of(BatchNormalization{}).contains("renorm"));
  EXPECT_TRUE(config_of(BatchNormalization{.renorm = true}).contains("renorm"));
}

TEST(Layers, EveryOptionThatIsWrittenIsListed) {
  auto listed = [](const char* layer, const json& config) {
    for (const auto& [key, value] : config.items()) {
      if (key == "name") continue;
      const auto fields = find_layer(layer)->fields();
      EXPECT_TRUE(std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.name.starts_with(key); }))
          << layer << ": " << key;
    }
  };
  listed("Conv2D", config_of(Conv2D{}));
  listed("BatchNormalization", config_of(BatchNormalization{}));
  listed("LeakyReLU", config_of(LeakyReLU{}));
  listed("MaxPooling2D", config_of(MaxPooling2D{}));
  listed("ZeroPadding2D", config_of(ZeroPadding2D{}));
}

TEST(Layers, ADefaultIsThatOfTheFilesWriter) {
  const json config = {{"units", 2}};
  EXPECT_EQ(json_of(read<Dense>(config).kernel_initializer)["class_name"], "GlorotNormal");
  EXPECT_EQ(json_of(read<Dense>(config, Writer::keras3).kernel_initializer)["class_name"], "GlorotUniform");
  EXPECT_EQ(read<LeakyReLU>({{"negative_slope", 0.125}}, Writer::keras3).alpha, 0.125);
  EXPECT_EQ(read<LeakyReLU>({{"alpha", 0.25}}).alpha, 0.25);
}

struct Unfitting {
  std::vector<Layer> layers;
  const char* message;
};

TEST(Layers, WhatDoesNotFitIsSaidWithTheLayer) {
  auto images = [](Layer layer) { return std::vector<Layer>{InputLayer{.input_shape = {4, 5, 3}}, std::move(layer)}; };
  const Unfitting cases[] = {
      {images(Cropping2D{.cropping = {2, 2}}), "(Cropping2D): \"cropping\" is [[2,2],[2,2]], which leaves nothing of images of 4×5×3"},
      {images(Permute{.dims = {1, 2}}), "(Permute): \"dims\" is [1,2], expected the numbers from 1 to 3"},
      {images(Permute{.dims = {1, 2, 2}}), "expected the numbers from 1 to 3"},
      {images(RepeatVector{.n = 2}), "(RepeatVector): takes vectors, got an input of shape 4×5×3; put a Flatten before it"},
      {images(RepeatVector{}), "\"n\" is 0, expected a whole number from 1"},
      {images(PReLU{.shared_axes = {4}}), "(PReLU): \"shared_axes\" is [4], but its input 4×5×3 has 3 dimensions"},
      {images(UpSampling2D{.interpolation = "area"}), "interpolation \"area\" is not known; nearest and bilinear and bicubic and"},
      {images(Resizing{.height = 2}), "\"width\" is 0, expected a whole number from 1"},
      {images(Resizing{.height = 2, .width = 3, .crop_to_aspect_ratio = true, .pad_to_aspect_ratio = true}),
       "(Resizing): \"crop_to_aspect_ratio\" and \"pad_to_aspect_ratio\" cannot both be true"},
      {images(make_layer("Resizing", {{"height", 2}, {"width", 3}, {"fill_mode", "reflect"}})),
       "fill_mode \"reflect\" is not known; constant are"},
      {images(AdaptiveAveragePooling1D{.output_size = {2}}), "takes sequences of rank 2 (steps×channels), got an input of shape 4×5×3"},
      {images(BatchNormalization{.axis = 4}), "(BatchNormalization): \"axis\" is 4, expected one from 1 to 3 of an input of shape 4×5×3"},
      {images(BatchNormalization{.axis = 0}), "\"axis\" is 0, expected one from 1 to 3"},
      {images(Normalization{.axis = {0}}), "expected axes from 1 to 3"},
      {images(Normalization{.mean = 1}), "\"mean\" and \"variance\" are given both, in the same shape, or neither"},
      {images(Normalization{.mean = {1, 2}, .variance = {1, 2}}),
       "\"mean\" is [1.0,2.0], expected a number or an array that stretches to 3"},
      {images(make_layer("Normalization", {{"mean", {1, "two"}}})),
       "\"mean\" is [1,\"two\"], expected a number that float32 can hold, or an array of such"},
      {images(Rescaling{.scale = {1, 2}}), "\"scale\" is [1.0,2.0], expected a number, or 3, as its input has along its last dimension"},
      {images(Discretization{}), "\"bin_boundaries\" is null, expected a list of numbers"},
      {images(Discretization{.bin_boundaries = {1, 0}}), "\"bin_boundaries\" is [1.0,0.0], expected numbers that rise"},
      {images(RandomFlip{.mode = "diagonal"}), "mode \"diagonal\" is not known; horizontal and vertical and horizontal_and_vertical are"},
      {images(RandomBrightness{}), "\"factor\" is null, expected a number or [low, high]"},
      {images(RandomBrightness{.factor = 1.5}), "\"factor\" is 1.5, expected numbers from -1 to 1"},
      {images(RandomContrast{.factor = {-0.5, 0.5}}), "\"factor\" is [-0.5,0.5], expected numbers from 0 to 1"},
      {images(RandomContrast{.factor = 0.5, .value_range = 1}), "\"value_range\" is 1.0, expected [low, high]"},
      {images(RandomGrayscale{.factor = 2}), "\"factor\" is 2, expected a probability from 0 to 1"},
      {images(RandomTranslation{.height_factor = 0.5}), "\"width_factor\" is null, expected a number or [low, high]"},
      {images(RandomCrop{.height = 3}), "\"width\" is 0, expected a whole number from 1"},
      {images(RandomRotation{}), "\"factor\" is null, expected a number or [low, high]"},
      {images(RandomShear{.x_factor = -0.5}), "\"x_factor\" is -0.5, expected numbers from 0 to 1"},
      {images(RandomPerspective{.scale = 2}), "\"scale\" is 2, expected a number from 0 to 1"},
      {images(RandomPosterization{.factor = 2.5}), "\"factor\" is 2.5, expected whole numbers of bits"},
      {images(RandomPosterization{.factor = 9}), "\"factor\" is 9.0, expected numbers from 1 to 8"},
      {images(RandomErasing{.fill_value = {1, 2}}), "\"fill_value\" is [1.0,2.0], expected a number, or one for each of 3 channels"},
      {images(RandomHue{.factor = 1, .value_range = {1, 1}}), "\"value_range\" is [1.0,1.0], expected [low, high]"},
      {images(RandomColorJitter{.hue_factor = 2}), "\"hue_factor\" is 2.0, expected numbers from 0 to 1"},
      {images(RandomGaussianBlur{.kernel_size = {3, 4}}), "\"kernel_size\" is [3,4], expected odd numbers"},
      {{InputLayer{.input_shape = {4, 5, 2}}, RandomHue{.factor = 1}},
       "(RandomHue): takes images of 3 channels, red, green and blue, got 2"},
      {images(RandomZoom{.height_factor = -1}), "\"height_factor\" is -1.0, expected numbers from -0.999999 to 1"},
      {images(Conv2D{.filters = 2, .kernel_size = {3, 3}, .padding = "full"}), "padding \"full\" is not known; valid and same are"},
      {images(Conv2D{.filters = 2}), "\"kernel_size\" is"},
      {images(STFTSpectrogram{}), "takes signals of rank 2 (samples×channels), got an input of shape 4×5×3"},
      {{InputLayer{.input_shape = {9, 2}}, STFTSpectrogram{.frame_length = 4, .frame_step = 5}},
       "\"frame_step\" is 5, expected at most \"frame_length\", 4"},
      {{InputLayer{.input_shape = {9, 2}}, STFTSpectrogram{.frame_length = 4, .fft_length = 3}},
       "\"fft_length\" is 3, expected at least \"frame_length\", 4"},
      {{InputLayer{.input_shape = {9, 2}}, STFTSpectrogram{.frame_length = 16}}, "a 16 window does not fit its 9 input"},
      {{InputLayer{.input_shape = {9, 2}}, STFTSpectrogram{.mode = "phase"}}, "mode \"phase\" is not known; log and magnitude and psd"},
      {{InputLayer{.input_shape = {9, 2}}, STFTSpectrogram{.window = "kaiser"}}, "window \"kaiser\" is not known; hann and hamming"},
      {{InputLayer{.input_shape = {9, 2}}, STFTSpectrogram{.frame_length = 4, .window_values = {{1, 2}}}},
       "\"window\" is [1.0,2.0], expected a number for each of 4 samples of a frame"},
      {images(MelSpectrogram{}), "takes signals of rank 1 (samples), got an input of shape 4×5×3"},
      {{InputLayer{.input_shape = {9}}, MelSpectrogram{.fft_length = 18}},
       "takes signals of more than 9 samples, half of \"fft_length\", as it mirrors their ends; got 9"},
      {{InputLayer{.input_shape = {9}}, MelSpectrogram{.fft_length = 4, .sequence_length = 5}},
       "\"sequence_length\" is 5, expected at most \"fft_length\", 4"},
      {{InputLayer{.input_shape = {9}}, MelSpectrogram{.fft_length = 4, .max_freq = 20}},
       "\"min_freq\" is 20 and \"max_freq\" 20, expected a larger one"},
      {{InputLayer{.input_shape = {9000}}, MelSpectrogram{.fft_length = 8192}}, "may be 16777216 at most"},
      {images(Reshape{.target_shape = {7, -1}}), "target_shape [7,-1] does not hold the 60 elements of its input 4×5×3"},
      {images(SpatialDropout1D{.rate = 0.5}), "takes sequences of rank 2 (steps×channels), got an input of shape 4×5×3"},
      {images(GaussianDropout{.rate = 1}), "\"rate\" is 1, expected a number from 0 up to, not including, 1"},
      {images(GaussianNoise{.stddev = -1}), "\"stddev\" is -1, expected a number of at least 0"},
      {images(LayerNormalization{.axis = {1, -3}}), "\"axis\" is [1,-3], expected axes from 1 to 3 of an input of shape 4×5×3, each once"},
      {images(LayerNormalization{.axis = {0}}), "expected axes from 1 to 3"},
      {images(make_layer("UnitNormalization", {{"axis", "last"}})), "\"axis\" is \"last\", expected numbers of dimensions"},
      {images(GroupNormalization{.groups = 2}), "\"groups\" is 2, which does not divide its input's 3 channels"},
      {images(GroupNormalization{.groups = 1, .axis = 1}), "normalizes groups of its last axis, not of axis 1"},
      {images(Softmax{.axis = 4}), "\"axis\" is 4, expected one from 1 to 3"},
      {images(MaxPooling2D{.pool_size = {1 << 30, 1}, .padding = "same"}),
       "a 1073741824×1 window with dilation 1×1 spans 1073741824 elements; at most 268435456 are possible"},
      {images(make_layer("Rescaling", {{"scale", 1e39}})), "\"scale\" is 1e+39, expected a number that float32 can hold"},
      {images(make_layer("LeakyReLU", {{"alpha", 1e39}})), "\"alpha\" is 1e+39, expected a number that float32 can hold"},
      {images(make_layer("ReLU", {{"max_value", "six"}})), "\"max_value\" is \"six\", expected a number"},
      {images(make_layer("Dense", {{"units", 3}, {"kernel_constraint", {{"class_name", "Orthogonal"}}}})),
       "\"kernel_constraint\": constraint \"Orthogonal\" is not known; known are MaxNorm, MinMaxNorm, NonNeg and UnitNorm"},
      {images(make_layer("Dense", {{"units", 3}, {"bias_constraint", {{"class_name", "MaxNorm"}, {"config", {{"max_value", -1}}}}}})),
       "\"bias_constraint\": constraint MaxNorm: \"max_value\" is -1, expected a finite number of at least 0"},
  };
  auto steps = [](Layer layer) { return std::vector<Layer>{InputLayer{.input_shape = {5, 3}}, std::move(layer)}; };
  const Unfitting recurrent[] = {
      {images(LSTM{.units = 2}), "(LSTM): takes sequences of rank 2 (steps×features), got an input of shape 4×5×3"},
      {steps(GRU{}), "\"units\" is 0, expected a whole number from 1"},
      {steps(GRU{.units = 2, .recurrent_dropout = 1}), "\"recurrent_dropout\" is 1, expected a number from 0 up to, not including, 1"},
      {steps(LSTM{.units = 2, .stateful = true}), "(LSTM): \"stateful\" needs to know how many images a batch has"},
      {steps(ConvLSTM1D{.filters = 2, .kernel_size = {2}}), "takes sequences of images with channels last, got an input of shape 5×3"},
      {steps(RNN{}), "(RNN): \"cell\" is missing"},
      {steps(make_layer("RNN", {{"cell", {{"class_name", "PeepholeLSTMCell"}, {"config", {{"units", 2}}}}}})),
       "its cell is a PeepholeLSTMCell, which is not known; SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells are"},
      {steps(RNN{.cell = StackedRNNCells{.cells = {LSTMCell{.units = 2, .activation = "tanhh"}}}}),
       "its cell (LSTMCell): activation \"tanhh\" is not known"},
      {steps(RNN{.cell = StackedRNNCells{}}), "its cell has no cells"},
      {steps(Bidirectional{.layer = Dense{.units = 2}}), "its layer is a Dense; LSTM, GRU, SimpleRNN and RNN go both ways"},
      {steps(Bidirectional{.layer = LSTM{.units = 2}, .backward_layer = LSTM{.units = 3}}), "its layers give 2 and 3"},
      {steps(TimeDistributed{}), "(TimeDistributed): \"layer\" is missing"},
      {steps(make_layer("TimeDistributed",
                        {{"layer", {{"class_name", "Sequential"}, {"config", {{"name", "inner"}, {"layers", json::array()}}}}}})),
       "(TimeDistributed): its layer is a model, which gradc has in the TimeDistributed of a file alone"},
      {steps(TimeDistributed{.layer = LSTM{.units = 2}}),
       "a LSTM in it takes sequences of sequences (steps×steps×features), got an input of shape 5×3"},
      {images(TimeDistributed{.layer = GRU{.units = 2, .return_state = true}}),
       "a GRU in it gives several outputs, of which TimeDistributed takes one"},
      {steps(TimeDistributed{.layer = SpectralNormalization{.layer = Dense{.units = 2}}}), "is not there yet within a TimeDistributed"},
      {steps(SpectralNormalization{}), "(SpectralNormalization): \"layer\" is missing"},
      {steps(SpectralNormalization{.layer = LSTM{.units = 2}}), "its layer (LSTM) has neither a kernel nor embeddings"},
      {steps(SpectralNormalization{.layer = Dense{.units = 2, .lora = {.rank = 1}}}),
       "its layer (Dense) has no single kernel with \"lora_rank\""},
      {steps(ReversibleEmbedding{.input_dim = 4, .output_dim = 2, .reverse = true}),
       "is called with \"reverse\", which takes vectors of \"output_dim\", 2, numbers; got an input of shape 5×3"},
      {steps(TimeDistributed{.layer = Dense{.units = 2, .activity_regularizer = {.l2 = 1}}}),
       "\"activity_regularizer\" of a layer in another is not there yet"},
      {steps(make_layer("TimeDistributed", {{"layer", {{"class_name", "Dense"}, {"config", {{"units", 2}, {"unit", 3}}}}}})),
       "its layer (Dense): \"unit\" is 3, an option that gradc does not have"},
  };
  std::vector<Unfitting> all(std::begin(cases), std::end(cases));
  all.insert(all.end(), std::begin(recurrent), std::end(recurrent));
  for (const auto& each : all) try {
      lower(sequence(each.layers), {.mode = Mode::predict});
      ADD_FAILURE() << "no error: " << each.message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(each.message));
    }
}

TEST(Layers, StatesAreFurtherOutputsAndInputs) {
  auto error_of = [](auto make) -> std::string {
    Functional f;
    auto x = f.input({5, 3}, "x");
    try {
      lower(make(f, x).topology(), {.mode = Mode::predict});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of([](Functional& f, Node x) {
              auto [y, h, c] = f.apply<3>(LSTM{.units = 4, .return_sequences = true, .return_state = true}, {x});
              return f.model(f.apply(LSTM{.units = 4}, {y, h, c}));
            }),
            "");
  EXPECT_THAT(error_of([](Functional& f, Node x) {
                auto [y, h, c] = f.apply<3>(GRU{.units = 4, .return_state = true, .name = "gru"}, {x});
                return f.model(f.apply(Add{}, {y, c}));
              }),
              HasSubstr("takes output 2 of layer \"gru\", which has 2"));
  EXPECT_THAT(error_of([](Functional& f, Node x) {
                auto [y, h, c] = f.apply<3>(GRU{.units = 4, .return_state = true, .name = "gru"}, {x});
                return f.model({y, c});
              }),
              HasSubstr("the model takes output 2 of layer \"gru\", which has 2"));
  EXPECT_THAT(error_of([](Functional& f, Node x) {
                auto [y, h] = f.apply<2>(GRU{.units = 4, .return_state = true}, {x});
                return f.model(f.apply(LSTM{.units = 3}, {x, h, h}));
              }),
              HasSubstr("state 0 has shape 3, but what it is to start as 4"));
  EXPECT_THAT(error_of([](Functional& f, Node x) {
                auto [y, h] = f.apply<2>(GRU{.units = 4, .return_state = true}, {x});
                return f.model(f.apply(Bidirectional{.layer = GRU{.units = 4}}, {x, h}));
              }),
              HasSubstr("takes a sequence and as many first states for each way, got 2 inputs"));
}

/// Keras 3 writes the masks of graphs as operations: those that only masks read say nothing new.
TEST(Layers, OperationsBetweenLayersAreThoseOfMasks) {
  auto tensor = [](const char* name) {
    return json{{"class_name", "__keras_tensor__"},
                {"config", {{"shape", {nullptr, 5}}, {"dtype", "float32"}, {"keras_history", {name, 0, 0}}}}};
  };
  auto entry = [](const char* class_name, const char* module, json config, const char* name, json args, json kwargs = json::object()) {
    return json{{"class_name", class_name},
                {"module", module},
                {"name", name},
                {"config", std::move(config)},
                {"inbound_nodes", json::array({{{"args", std::move(args)}, {"kwargs", std::move(kwargs)}}})}};
  };
  auto model = [&](bool masks, json argument, const char* output) {
    json input = entry("InputLayer", "keras.layers", {{"batch_shape", {nullptr, 5}}, {"name", "x"}}, "x", json::array());
    input["inbound_nodes"] = json::array();
    json layers = {
        input,
        entry("NotEqual", "keras.src.ops.numpy", {{"name", "not_equal"}}, "not_equal", {tensor("x"), 0}),
        entry("Embedding", "keras.layers", {{"input_dim", 4}, {"output_dim", 3}, {"mask_zero", masks}}, "words", {tensor("x")}),
        entry("GRU", "keras.layers", {{"units", 2}}, "gru", {tensor("words")}, {{"mask", std::move(argument)}}),
        entry("Add", "keras.src.ops.numpy", {{"name", "twice"}}, "twice", {tensor("gru"), tensor("gru")}),
        entry("Multiply", "keras.src.ops.numpy", {{"name", "scaled"}}, "scaled", {tensor("twice"), 3}),
        entry("Power", "keras.src.ops.numpy", {{"name", "cubed"}}, "cubed", {tensor("scaled"), 3}),
    };
    json config = {{"name", "m"}, {"layers", layers}, {"input_layers", {{"x", 0, 0}}}, {"output_layers", {{output, 0, 0}}}};
    return json{{"class_name", "Functional"}, {"config", config}};
  };
  auto error_of = [&](bool masks, const json& argument, const char* output) -> std::string {
    try {
      lower(read_topology(model(masks, argument, output), Writer::keras3), {.mode = Mode::predict});
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(error_of(true, tensor("not_equal"), "gru"), "");
  EXPECT_EQ(error_of(true, tensor("not_equal"), "twice"), "");
  EXPECT_EQ(error_of(false, nullptr, "gru"), "");
  EXPECT_THAT(error_of(false, tensor("not_equal"), "gru"), HasSubstr("is called with a \"mask\" that no layer made"));
  EXPECT_EQ(error_of(true, tensor("not_equal"), "scaled"), "");
  EXPECT_THAT(error_of(true, tensor("not_equal"), "cubed"), HasSubstr("\"cubed\" is the operation Power of keras.ops between layers"));
}

/// Layers of several inputs: a sequence [5,3] several times, beside one of other steps or features if it is said.
TEST(Layers, WhatDoesNotFitSeveralInputsIsSaid) {
  struct Case {
    Layer layer;
    std::vector<Dims> inputs;
    const char* message;
  };
  const Dims x = {5, 3}, longer = {7, 3}, wider = {5, 4}, image = {2, 5, 3};
  const auto heads = [](MultiHeadAttention layer) {
    layer.num_heads = 2;
    layer.key_dim = 3;
    return layer;
  };
  const Case cases[] = {
      {RandomRotation{.factor = 1},
       {{200, 100, 1}},
       "(RandomRotation): moves pixels to both sides of images of up to 16384 pixels, as it weighs all for each, got 200×100"},
      {Dot{}, {x}, "(Dot): takes two inputs, got 1"},
      {Dot{.axes = {3}}, {x, x}, "\"axes\" is 3, expected dimensions from 1 to 2 of an input of shape 5×3"},
      {Dot{.axes = {1, 2, 1}}, {x, x}, "\"axes\" is [1,2,1], expected one dimension, or one of each input"},
      {Dot{.axes = {2}}, {x, wider}, "multiplies along dimensions of one size, got 3 and 4 of inputs of shapes 5×3 and 5×4"},
      {Attention{}, {x}, "(Attention): takes two or three inputs, the query, the value and the key, got 1"},
      {Attention{}, {image, image}, "takes sequences of rank 2 (steps×features), got an input of shape 2×5×3"},
      {Attention{}, {x, x, longer}, "takes as many keys as values, got 7 and 5"},
      {Attention{}, {x, wider}, "both have as many features, got 3 and 4"},
      {Attention{.score_mode = "cosine"}, {x, x}, "score_mode \"cosine\" is not known; dot and concat are"},
      {Attention{.dropout = 1}, {x, x}, "\"dropout\" is 1, expected a number from 0 up to, not including, 1"},
      {MultiHeadAttention{}, {x, x}, "\"num_heads\" is 0, expected a whole number from 1"},
      {heads({}), {x}, "(MultiHeadAttention): takes a query and a value, got 1 input"},
      {heads({}), {x, x, x, x}, "takes a query, a value and a key, got 4 inputs"},
      {heads({}), {x, x, longer}, "takes as many keys as values, got 7×3 and 5×3"},
      {heads({}), {x, image}, "takes sequences (steps×features) as query, value and key, got 5×3, 2×5×3 and 2×5×3"},
      {heads({.attention_axes = {2}}), {x, x}, "\"attention_axes\" is [2], expected axes from 1 to 1"},
      {heads({.attention_axes = {2}}), {image, {3, 5, 3}}, "the others of query and value are the same, got 2×5×3 and 3×5×3"},
      {heads({.use_causal_mask = true}), {image, image}, "takes masks only of sequences (steps×features), got a query of shape 2×5×3"},
      {heads({.return_attention_scores = true}),
       {image, image},
       "returns the attention scores only of sequences (steps×features), got a query of shape 2×5×3"},
      {GroupedQueryAttention{.head_dim = 2, .num_query_heads = 3, .num_key_value_heads = 2},
       {x, x},
       "\"num_query_heads\" is 3, expected a multiple of \"num_key_value_heads\", 2"},
      {make_layer("Dense", {{"units", 2}, {"use_causal_mask", true}}),
       {x},
       "\"use_causal_mask\" is true, an option that gradc does not have"},
  };
  for (const auto& each : cases) try {
      Functional f;
      std::vector<Node> inputs;
      for (std::size_t i = 0; i < each.inputs.size(); ++i) inputs.push_back(f.input(each.inputs[i], "x" + std::to_string(i)));
      lower(f.model(f.apply(each.layer, inputs)).topology(), {.mode = Mode::train, .loss = "mse"});
      ADD_FAILURE() << "no error: " << each.message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(each.message));
    }
}

TEST(Layers, EquationsThatAreNoDenseLayerAreSaid) {
  const std::pair<EinsumDense, const char*> cases[] = {
      {{.equation = "abc", .output_shape = {2}}, "\"equation\" is \"abc\", expected one as \"abc,cd->abd\""},
      {{.equation = "ab,bc->ac", .output_shape = {2}}, "whose input has 2 dimensions with the batch, got an input of 3"},
      {{.equation = "abb,bc->ac", .output_shape = {2}}, "where 'b' stands twice in a value, which is not there yet"},
      {{.equation = "abc,cd->bad", .output_shape = {2, 2}}, "expected the first dimension of input and result to be the batch"},
      {{.equation = "abc,cd->ad", .output_shape = {2}}, "where 'b' stands in the input alone, a sum that is not there yet"},
      {{.equation = "abc,cde->abd", .output_shape = {5, 2}}, "where 'e' of the kernel is neither in the input nor in the result"},
      {{.equation = "abc,cd->abde", .output_shape = {5, 2, 2}}, "where 'e' of the result is neither in the input nor in the kernel"},
      {{.equation = "abc,cd->abd", .output_shape = {2}}, "\"output_shape\" has 1 dimensions, expected 2"},
      {{.equation = "abc,cd->abd", .output_shape = {4, 2}}, "\"output_shape\" has 4 for 'b', which is 5 in the input"},
      {{.equation = "abc,cd->abd", .output_shape = {5, -1}}, "\"output_shape\" leaves 'd' open, which is no dimension of the input"},
      {{.equation = "abc,cd->abd", .output_shape = {5, 2}, .bias_axes = "c"},
       "\"bias_axes\" is \"c\", where 'c' is no dimension of the result"},
  };
  for (const auto& [layer, message] : cases) try {
      lower(sequence({InputLayer{.input_shape = {5, 3}}, layer}), {.mode = Mode::predict});
      ADD_FAILURE() << "no error: " << message;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(message));
    }
}

TEST(Layers, ACellThatIsNotTrainedKeepsItsWeights) {
  const json frozen = {{"class_name", "GRUCell"}, {"config", {{"units", 2}, {"trainable", false}}}},
             trained = {{"class_name", "LSTMCell"}, {"config", {{"units", 4}}}};
  const json stack = {{"class_name", "StackedRNNCells"}, {"config", {{"cells", {frozen, trained}}}}};
  const auto lowered = lower(sequence({InputLayer{.input_shape = {5, 3}}, make_layer("RNN", {{"cell", stack}})}), {.mode = Mode::predict});
  ASSERT_EQ(lowered.weights.size(), 6U);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(lowered.weights[i].trainable, i >= 3) << lowered.weights[i].name;
}

/// Errors, of each number squared and of means over steps squared, that a layer makes of ones in training, where `truth` is expected.
std::pair<double, double> errors_of(const Layer& noise, double truth) {
  constexpr std::int64_t kImages = 2048, kSteps = 4, kChannels = 6;
  const Dense first{.units = kChannels, .use_bias = false, .kernel_initializer = Identity{}, .input_shape = {kSteps, kChannels}};
  const std::vector<float> ones(kImages * kSteps * kChannels, 1);
  auto loss = [&](Sequential model, std::vector<std::int64_t> shape) {
    std::int64_t numbers = kImages;
    for (auto extent : shape) numbers *= extent;
    model.compile({.optimizer = SGD{.learning_rate = 0}, .loss = "mse"});
    const std::vector<float> labels(static_cast<std::size_t>(numbers), static_cast<float>(truth));
    return model.train_on_batch(DataSet::from(ones, {kSteps, kChannels}, labels, std::move(shape))).at("loss");
  };
  return {loss({first, noise}, {kSteps, kChannels}), loss({first, noise, GlobalAveragePooling1D{}}, {kChannels})};
}

/// The variance that each layer says, also of means over the steps of an image: a fourth where steps are drawn for themselves.
TEST(Layers, NoiseIsDistributedAsItSays) {
  auto expect_variance = [](const Layer& layer, double truth, double variance, bool by_channel) {
    const auto [each, mean] = errors_of(layer, truth);
    EXPECT_NEAR(each, variance, 0.02 * variance) << layer.class_name();
    EXPECT_NEAR(mean, by_channel ? variance : variance / 4, 0.05 * variance) << layer.class_name();
  };
  expect_variance(Dropout{.rate = 0.2}, 1, 0.25, false);
  expect_variance(SpatialDropout1D{.rate = 0.2}, 1, 0.25, true);
  expect_variance(GaussianDropout{.rate = 0.2}, 1, 0.25, false);
  expect_variance(GaussianNoise{.stddev = 0.5}, 1, 0.25, false);
  expect_variance(TimeDistributed{.layer = GaussianNoise{.stddev = 0.5}}, 1, 0.25, false);
  expect_variance(TimeDistributed{.layer = Dropout{.rate = 0.2}}, 1, 0.25, false);
  // The same in all steps.
  expect_variance(SimpleRNN{.units = 6,
                            .activation = "linear",
                            .kernel_initializer = Identity{},
                            .recurrent_initializer = Zeros{},
                            .dropout = 0.2,
                            .return_sequences = true},
                  1, 0.25, true);
  const double saturated = -1.0507009873554805 * 1.6732632423543772, rate = 0.2;
  const double a = 1 / std::sqrt((1 - rate) * (1 + rate * saturated * saturated)), b = -a * saturated * rate;
  const double mean = (1 - rate) * (a + b) + rate * (a * saturated + b);
  expect_variance(AlphaDropout{.rate = rate}, mean, rate * (1 - rate) * a * a * (1 - saturated) * (1 - saturated), false);
}

/// The error of images that a layer has changed in training, by what they were.
double change_by(const Layer& layer, const std::vector<float>& image, const std::vector<std::int64_t>& shape) {
  constexpr std::int64_t kImages = 4096;
  std::vector<float> images;
  for (std::int64_t i = 0; i < kImages; ++i) images.insert(images.end(), image.begin(), image.end());
  Sequential model({Dense{.units = shape.back(), .use_bias = false, .kernel_initializer = Identity{}, .input_shape = shape}, layer});
  model.compile({.optimizer = SGD{.learning_rate = 0}, .loss = "mse"});
  return model.train_on_batch(DataSet::from(images, shape, images, shape)).at("loss");
}

TEST(Layers, AugmentationsAreDistributedAsTheySay) {
  auto expect_change = [](const Layer& layer, const std::vector<float>& image, const std::vector<std::int64_t>& shape, double expected) {
    EXPECT_NEAR(change_by(layer, image, shape), expected, 0.05 * expected) << layer.class_name();
  };
  const std::vector<float> row = {0, 1}, corner = {1, 0, 0, 0}, red = {1, 0, 0};
  expect_change(RandomFlip{.mode = "horizontal"}, row, {1, 2, 1}, 0.5);
  expect_change(RandomFlip{.mode = "vertical"}, row, {2, 1, 1}, 0.5);
  // Both ways or none, as Keras has it.
  expect_change(RandomFlip{}, corner, {2, 2, 1}, 0.5 * 2 / 4);
  auto mean_square = [](double low, double high) { return (high * high * high - low * low * low) / (3 * (high - low)); };
  expect_change(RandomBrightness{.factor = {-0.1, 0.2}, .value_range = {-10, 10}}, row, {1, 2, 1}, mean_square(-2, 4));
  expect_change(RandomContrast{.factor = {0.1, 0.5}, .value_range = {-10, 10}}, row, {1, 2, 1}, mean_square(-0.05, 0.25));
  expect_change(RandomInvert{.factor = {0.2, 0.6}, .value_range = {0, 3}}, {1, 1}, {1, 2, 1}, 0.4 * 1);
  expect_change(RandomGrayscale{.factor = 0.25}, red, {1, 1, 3}, 0.25 * (0.7011 * 0.7011 + 2 * 0.2989 * 0.2989) / 3);
  // A pixel that moves by up to two.
  double moved = 0;
  constexpr int kParts = 1000;
  for (int part = 0; part < kParts; ++part)
    for (int pixel = 0; pixel < 4; ++pixel)
      moved += std::pow(std::max(0.0, 1 - std::abs(pixel - 2 * (part + 0.5) / kParts)) - (pixel == 0), 2) / (4 * kParts);
  const RandomTranslation to_the_right{.height_factor = 0, .width_factor = {0, 0.5}, .fill_mode = "constant"};
  expect_change(to_the_right, corner, {1, 4, 1}, moved);
}

TEST(Layers, ImagesAreCroppedAtAllPlacesAlike) {
  const std::vector<std::int64_t> shape = {3, 4, 1}, window = {2, 2, 1};
  constexpr std::int64_t kImages = 4096;
  std::vector<float> images, corners;
  for (std::int64_t i = 0; i < kImages; ++i)
    for (int row = 0; row < 3; ++row)
      for (int column = 0; column < 4; ++column) {
        images.push_back(static_cast<float>(row * 10 + column));
        if (row < 2 && column < 2) corners.push_back(images.back());
      }
  Sequential model({InputLayer{.input_shape = shape}, RandomCrop{.height = 2, .width = 2}});
  model.compile({.optimizer = SGD{.learning_rate = 0}, .loss = "mse"});
  const double of_rows = 10 * 10 / 2.0, of_columns = (1 * 1 + 2 * 2) / 3.0, of_both = 2 * 10 * (1.0 / 2) * (3.0 / 3);
  EXPECT_NEAR(model.train_on_batch(DataSet::from(images, shape, corners, window)).at("loss"), of_rows + of_columns + of_both, 3);
}

TEST(Layers, CroppedImagesArePredictedByTheirMiddle) {
  const std::vector<std::int64_t> shape = {5, 8, 1};
  std::vector<float> image, expected;
  for (int i = 0; i < 40; ++i) image.push_back(static_cast<float>(i * 37 % 100) / 100);
  // Of the 5×3 pixels in the middle.
  auto at = [&](int row, int column) { return image[row * 8 + 2 + column]; };
  for (double row : {1 / 3.0, 2.0, 3 + 2 / 3.0})
    for (double column : {0.25, 1.75}) {
      const int i = static_cast<int>(row), j = static_cast<int>(column);
      const double down = row - i, to_right = column - j;
      auto between = [&](int in_row) { return at(in_row, j) * (1 - to_right) + at(in_row, j + 1) * to_right; };
      expected.push_back(static_cast<float>(between(i) * (1 - down) + between(i + 1) * down));
    }
  Sequential model({InputLayer{.input_shape = shape}, RandomCrop{.height = 3, .width = 2}});
  EXPECT_THAT(model.predict(DataSet::from(image, shape, std::vector<float>(1), {})), Pointwise(FloatNear(1e-6f), expected));
}

TEST(Layers, ImagesAreChangedInTrainingAlone) {
  for (const Layer& layer :
       {Layer(RandomFlip{}), Layer(RandomBrightness{.factor = 1}), Layer(RandomTranslation{.height_factor = 1, .width_factor = 1}),
        Layer(RandomZoom{.height_factor = 0.5}), Layer(RandomRotation{.factor = 1}), Layer(RandomShear{.x_factor = 1}),
        Layer(RandomPerspective{}), Layer(RandomSaturation{.factor = 1}), Layer(RandomHue{.factor = 1}),
        Layer(RandomColorDegeneration{.factor = 1}), Layer(RandomColorJitter{.hue_factor = 1}), Layer(RandomPosterization{.factor = 1}),
        Layer(Solarization{}), Layer(RandomErasing{}), Layer(RandomSharpness{.factor = 1}), Layer(RandomGaussianBlur{})}) {
    const auto lowered = lower(sequence({InputLayer{.input_shape = {4, 5, 3}}, layer}), {.mode = Mode::predict});
    for (const auto& op : lowered.graph.ops) EXPECT_TRUE(op.kind == OpKind::input || op.kind == OpKind::output) << layer.class_name();
  }
}

}  // namespace
}  // namespace gradc::test
