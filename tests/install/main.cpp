#include <gradc/gradc.h>

#include <cstdio>

int main() {
  using namespace gradc;
  Sequential model({Dense{.units = 8, .activation = "relu", .input_shape = {4}}, Dense{.units = 2, .activation = "softmax"}});
  model.compile({.optimizer = Adam{.learning_rate = 0.05}, .metrics = {"accuracy"}});
  std::vector<float> x(400), y(100);
  for (int i = 0; i < 400; ++i) x[i] = static_cast<float>(i * 37 % 101) / 50 - 1;
  for (int i = 0; i < 100; ++i) y[i] = x[4 * i] > x[4 * i + 1] ? 1 : 0;
  auto history = model.fit(DataSet::from(x, {4}, y, {}), {.batch_size = 20, .epochs = 40});
  std::printf("accuracy %.2f\n", history.epochs.back()["acc"]);
  return history.epochs.back()["acc"] > 0.9 ? 0 : 1;
}
