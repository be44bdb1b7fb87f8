// gradc diff on values that are nothing but rounding.
#include "tests/cli/cli.h"

namespace gradc::test {
namespace {

class Diff : public Cli {
 protected:
  /// Convolutions with biases, each before a batch normalization, which takes away what a bias adds: the gradient of those biases is 0 but
  /// for rounding.
  void write_normalized(const std::string& optimizer) const {
    json layers = json::array();
    auto add = [&](const char* type, const std::string& name, json config = json::object()) {
      config["name"] = name;
      layers.push_back({{"class_name", type}, {"config", config}});
    };
    for (const char* block : {"1", "2", "3"}) {
      add("Conv2D", std::string("conv") + block, {{"filters", 4}, {"kernel_size", {3, 3}}, {"padding", "same"}});
      add("BatchNormalization", std::string("normal") + block);
      add("Activation", std::string("relu") + block, {{"activation", "relu"}});
    }
    layers[0]["config"]["batch_input_shape"] = {nullptr, 9, 9, 3};
    add("Flatten", "flat");
    add("Dense", "last", {{"units", 3}, {"activation", "softmax"}});
    json model = {{"modelTopology", {{"class_name", "Sequential"}, {"config", {{"name", "m"}, {"layers", layers}}}}},
                  {"trainingConfig",
                   {{"loss", "categorical_crossentropy"},
                    {"metrics", json::array()},
                    {"optimizer_config", {{"class_name", optimizer}, {"config", {{"learning_rate", 0.01}}}}}}}};
    write(optimizer + ".json", model.dump());
  }
};

TEST_F(Diff, RoundingAroundZeroIsNoDifferenceAndAnotherWeightIs) {
  for (const char* optimizer : {"SGD", "Adam"}) {
    write_normalized(optimizer);
    auto model = path(std::string(optimizer) + ".json");
    for (const char* seed : {"0", "1"}) {
      auto same = run("diff " + model + " reference --data random --batch-size 8 --seed " + seed);
      EXPECT_EQ(same.status, 0) << optimizer << "\n" << same.out << same.err;
    }
    EXPECT_EQ(run("diff " + model + " reference --data random --batch-size 8 --tolerance 1e-9").status, 1) << "rounding is there";

    // One bias of the second convolution is another: all that the step computes from it agrees, as the normalization takes it away.
    fs::remove_all(path("x"));
    write("x/x.npy", npy("<f4", "(8, 9, 9, 3)", std::string(8 * 9 * 9 * 3 * 4, '\0')));
    write("x/y.npy", npy("|u1", "(8,)", std::string(8, '\1')));
    ASSERT_EQ(run("train " + model + " --x " + path("x/x.npy") + " --y " + path("x/y.npy") + " --steps 1 --save " + path("a")).status, 0);
    auto saved = json::parse(read_file(path("a/model.json")));
    auto weights = weights_of("a");
    std::size_t at = 0;
    for (const auto& weight : saved["weightsManifest"][0]["weights"]) {
      std::size_t size = 4;
      for (std::size_t dim : weight["shape"]) size *= dim;
      if (weight["name"] == "conv2/bias") break;
      at += size;
    }
    float other = 1e-3f;
    std::memcpy(weights.data() + at, &other, 4);
    saved["weightsManifest"][0]["paths"] = {"weights.bin"};
    write("b/weights.bin", weights);
    write("b/model.json", saved.dump());
    auto different = run("diff " + path("a") + " " + path("b") + " --data random --batch-size 8");
    EXPECT_EQ(different.status, 1) << different.out;
    EXPECT_THAT(different.out, HasSubstr("the first is\nparam of layer \"conv2\"\n  result  %conv2/bias")) << optimizer;
  }
}

}  // namespace
}  // namespace gradc::test
