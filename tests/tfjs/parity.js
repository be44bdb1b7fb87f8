// tf.js's side of the parity tests: node parity.js COMMAND ARGS...      prints or writes what gradc is compared with.
//   predict MODEL_DIR X.f32 OUT.f32 DIMS...                     runs a saved model on float32 rows of these dimensions
//   make OUT_DIR                                                saves and trains models of many layers
const fs = require('fs');
const path = require('path');
const zlib = require('zlib');
const tf = require(path.join(process.env.GRADC_TFJS, '@tensorflow/tfjs'));

const read32 = (file) => { const b = fs.readFileSync(file); return new Float32Array(b.buffer.slice(b.byteOffset, b.byteOffset + b.length)); };
const write32 = (file, values) => fs.writeFileSync(file, Buffer.from(Float32Array.from(values).buffer));

async function loadModel(dir) {
  const json = JSON.parse(fs.readFileSync(path.join(dir, 'model.json')));
  const artifacts = {modelTopology: json.modelTopology};
  if (json.weightsManifest) {
    const group = json.weightsManifest[0];
    artifacts.weightSpecs = group.weights.filter((w) => w.group !== 'optimizer');
    const bytes = Buffer.concat(group.paths.map((p) => fs.readFileSync(path.join(dir, p))));
    artifacts.weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  }
  return tf.loadLayersModel({load: async () => artifacts});
}

async function saveModel(model, dir) {
  fs.mkdirSync(dir, {recursive: true});
  await model.save({save: async (a) => {
    const json = {modelTopology: a.modelTopology, format: a.format, generatedBy: a.generatedBy, convertedBy: a.convertedBy,
      weightsManifest: [{paths: ['weights.bin'], weights: a.weightSpecs}]};
    if (a.trainingConfig) json.trainingConfig = a.trainingConfig;
    fs.writeFileSync(path.join(dir, 'model.json'), JSON.stringify(json));
    fs.writeFileSync(path.join(dir, 'weights.bin'), Buffer.from(a.weightData));
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
  }}, {includeOptimizer: true});
}

const commands = {
  async predict(dir, x, out, ...dims) {
    const shape = dims.map(Number);
    const values = read32(x);
    const count = values.length / shape.reduce((a, b) => a * b, 1);
    const model = await loadModel(dir);
    write32(out, model.predict(tf.tensor(values, [count, ...shape])).dataSync());
  },

  // Models that use every layer, activation, loss and optimizer, each trained for some steps. OUT_DIR/NAME has what
  // tests/parity/recorded.h compares with: the model before training, batches, and what became of them.
  async make(out) {
    const L = tf.layers;
    let seed = 1;
    const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 1073741824 - 1; };
    const numbers = (n) => Array.from({length: n}, random);
    const sequential = (...layers) => tf.sequential({layers});
    const models = {};
    for (const activation of ['linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'softmax', 'swish', 'gelu'])
      models['activation_' + activation] = {model: sequential(L.dense({units: 7, activation, inputShape: [5]}), L.dense({units: 3, activation: 'softmax'})), classes: 3};
    // Average pooling without padding: with it tf.js's own gradient (AvgPoolGrad.ts) divides by the whole window, where its forward pass
    // divides by the pixels inside, so it is not the derivative. gradc's is, as finite differences show.
    models.conv_same_strides = {model: sequential(
      L.conv2d({inputShape: [9, 8, 2], filters: 5, kernelSize: [3, 2], strides: [2, 1], padding: 'same', activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.averagePooling2d({poolSize: [3, 2], strides: [2, 2]}), L.flatten(), L.dense({units: 4, activation: 'softmax'})), classes: 4};
    models.conv_dilated = {model: sequential(
      L.conv2d({inputShape: [10, 9, 3], filters: 4, kernelSize: 3, dilationRate: 2, useBias: false}), L.reLU(),
      L.maxPooling2d({poolSize: 2, strides: 1, padding: 'same'}), L.conv2d({filters: 3, kernelSize: 1, activation: 'elu'}),
      L.globalAveragePooling2d({dataFormat: 'channelsLast'}), L.dense({units: 5, activation: 'softmax'})), classes: 5, untrainable: true};  // tf.js has no gradient of a dilated convolution
    models.conv_depthwise = {model: sequential(
      L.depthwiseConv2d({inputShape: [9, 8, 3], kernelSize: [3, 2], strides: 2, padding: 'same', depthMultiplier: 2, activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.depthwiseConv2d({kernelSize: 2, useBias: false}), L.flatten(), L.dense({units: 4, activation: 'softmax'})), classes: 4};
    models.conv_separable = {model: sequential(
      L.separableConv2d({inputShape: [8, 9, 3], filters: 5, kernelSize: 3, activation: 'tanh'}),  // without depthMultiplier: tf.js does not save it
      L.separableConv2d({filters: 4, kernelSize: 2, strides: 2, padding: 'same', useBias: false}), L.flatten(), L.dense({units: 4, activation: 'softmax'})), classes: 4};
    models.conv_transposed = {model: sequential(
      L.conv2dTranspose({inputShape: [4, 3, 3], filters: 5, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.conv2dTranspose({filters: 4, kernelSize: [3, 2], strides: [1, 3]}), L.conv2dTranspose({filters: 2, kernelSize: 2, useBias: false}),
      L.flatten(), L.dense({units: 4, activation: 'softmax'})), classes: 4};
    models.batch_norm = {model: sequential(
      L.conv2d({inputShape: [6, 6, 2], filters: 4, kernelSize: 3, padding: 'same'}), L.batchNormalization({momentum: 0.9}), L.activation({activation: 'relu'}),
      L.zeroPadding2d({padding: [[1, 0], [2, 1]]}), L.conv2d({filters: 3, kernelSize: 3}), L.batchNormalization({epsilon: 0.01}),
      L.flatten(), L.dense({units: 3}), L.softmax()), classes: 3};
    models.dense_rows = {model: sequential(L.dense({inputShape: [4, 6], units: 5, activation: 'relu'}), L.reshape({targetShape: [2, 10]}), L.flatten(),
      L.dense({units: 2, activation: 'softmax'})), classes: 2};
    {
      const input = tf.input({shape: [6, 6, 3]});
      const a = L.conv2d({filters: 3, kernelSize: 3, padding: 'same', activation: 'relu'}).apply(input);
      const sum = L.add().apply([a, input]);
      const b = L.conv2d({filters: 2, kernelSize: 1}).apply(sum);
      const joined = L.concatenate().apply([sum, b, a]);
      const out = L.dense({units: 4, activation: 'softmax'}).apply(L.flatten().apply(L.maxPooling2d({poolSize: 2}).apply(joined)));
      models.functional = {model: tf.model({inputs: input, outputs: out}), classes: 4};
    }
    const regression = (units) => sequential(L.dense({inputShape: [5], units: 6, activation: 'tanh'}), L.dense({units}));
    models.mse = {model: regression(3), loss: 'meanSquaredError', metrics: ['mae']};
    models.mae = {model: regression(2), loss: 'meanAbsoluteError', metrics: ['mse']};
    models.binary = {model: sequential(L.dense({inputShape: [5], units: 6, activation: 'relu'}), L.dense({units: 1, activation: 'sigmoid'})), loss: 'binaryCrossentropy', binary: true};
    models.binary_plain = {model: sequential(L.dense({inputShape: [5], units: 3, activation: 'hardSigmoid'})), loss: 'binaryCrossentropy', binary: true};
    models.sparse = {model: sequential(L.dense({inputShape: [5], units: 4, activation: 'softmax'})), loss: 'sparseCategoricalCrossentropy', classes: 4, sparse: true};
    models.unnormalized = {model: sequential(L.dense({inputShape: [5], units: 4, activation: 'softplus'})), classes: 4};
    const optimizers = {momentum: tf.train.momentum(0.05, 0.8), nesterov: tf.train.momentum(0.05, 0.8, true), adam: tf.train.adam(0.02, 0.8, 0.95, 1e-6),
      rmsprop: tf.train.rmsprop(0.01, 0.85, 0.3, 1e-6), adadelta: tf.train.adadelta(0.5, 0.8, 1e-4), adagrad: tf.train.adagrad(0.1, 0.2)};  // tf.js cannot save Adamax
    for (const name in optimizers)
      models['optimizer_' + name] = {model: sequential(L.dense({inputShape: [5], units: 6, activation: 'tanh'}), L.dense({units: 3, activation: 'softmax'})), classes: 3,
        optimizer: optimizers[name]};

    const l1l2 = (l1, l2) => tf.regularizers.l1l2({l1, l2});
    models.regularized = {model: sequential(
      L.conv2d({inputShape: [6, 6, 2], filters: 4, kernelSize: 3, kernelRegularizer: l1l2(0.01, 0.02), biasRegularizer: l1l2(0.03, 0), biasInitializer: 'randomNormal'}),
      L.batchNormalization({gammaRegularizer: l1l2(0, 0.1), betaRegularizer: l1l2(0.1, 0)}),
      L.flatten(),  // tf.js saves the regularizer of a depthwise kernel as its constraint
      L.dense({units: 3, activation: 'softmax', kernelRegularizer: tf.regularizers.l2({l2: 0.01})})), classes: 3, regularized: true};

    for (const name in models) {
      const {model, classes, binary, sparse} = models[name];
      const dir = path.join(out, name);
      model.compile({optimizer: models[name].optimizer || tf.train.sgd(0.1), loss: models[name].loss || 'categoricalCrossentropy', metrics: models[name].metrics || ['accuracy']});
      // Weights of every layer away from their initial zeros and ones, small enough that no probability is: tf.js clips those below 1e-7,
      // where gradc takes the loss of the logits.
      model.setWeights(model.getWeights().map((w) => {
        const fan = w.shape.slice(0, -1).reduce((a, b) => a * b, 1);
        return tf.tensor(numbers(w.size).map((v) => v * Math.min(0.5, Math.sqrt(3 / fan))), w.shape);
      }));
      // The moving variance stays positive.
      for (const layer of model.layers) if (layer.getClassName() === 'BatchNormalization') {
        const w = layer.getWeights(); w[w.length - 1] = tf.abs(w[w.length - 1]).add(0.5); layer.setWeights(w);
      }
      await saveModel(model, dir);
      const shape = model.inputs[0].shape.slice(1), outputs = model.outputs[0].shape.slice(1), batch = 7;
      const labels = sparse ? [1] : outputs, steps = models[name].untrainable ? 0 : 4, rows = batch * Math.max(steps, 1);
      const size = (s) => s.reduce((a, b) => a * b, 1);
      const x = numbers(rows * size(shape));
      let y = numbers(rows * size(labels));
      if (binary) y = y.map((v) => (v > 0 ? 1 : 0));
      if (sparse) y = y.map((v) => Math.floor((v + 1) / 2 * classes));
      if (classes && !sparse) { y.fill(0); for (let i = 0; i < rows; i++) y[i * classes + Math.floor((random() + 1) / 2 * classes)] = 1; }
      write32(path.join(dir, 'x.f32'), x);
      write32(path.join(dir, 'y.f32'), y);
      const part = (values, dims, i) => tf.tensor(values.slice(i * batch * size(dims), (i + 1) * batch * size(dims)), [batch, ...dims]);
      const predictions = () => Array.from(model.predict(part(x, shape, 0)).dataSync());
      const result = {batch, shape, labels, steps: [], before: predictions()};
      if (!models[name].regularized) result.evaluated = model.evaluate(part(x, shape, 0), part(y, labels, 0), {batchSize: batch})[0].dataSync()[0];
      for (let i = 0; i < steps; i++) {
        const logs = await model.trainOnBatch(part(x, shape, i), part(y, labels, i));
        result.steps.push(Object.fromEntries(model.metricsNames.map((metric, m) => [metric, logs[m]])));
      }
      result.names = model.weights.map((w) => w.originalName);
      result.weights = model.getWeights().map((w) => Array.from(w.dataSync()));
      result.after = predictions();
      fs.writeFileSync(path.join(dir, 'result.json'), JSON.stringify(result));
    }
  },
};

commands[process.argv[2]](...process.argv.slice(3)).catch((error) => { console.error(error); process.exit(1); });
