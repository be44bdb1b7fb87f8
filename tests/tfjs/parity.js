// tf.js's side of the parity tests: node parity.js COMMAND ARGS...      prints or writes what gradc is compared with.
//   predict MODEL_DIR X.f32 OUT.f32 DIMS...                     runs a saved model on float32 rows of these dimensions
//   make OUT_DIR                                                saves and trains models of many layers
//   draws DRAWS.json OUT.json                                   says how far initializers draw (tests/parity/draws.py)
//   train SPECS.json OUT_DIR DATA_SEED                          saves and trains models of specs (tests/parity/specs.py)
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

async function saveModel(model, dir, saved = () => {}) {
  fs.mkdirSync(dir, {recursive: true});
  await model.save({save: async (a) => {
    const json = {modelTopology: a.modelTopology, format: a.format, generatedBy: a.generatedBy, convertedBy: a.convertedBy,
      weightsManifest: [{paths: ['weights.bin'], weights: a.weightSpecs}]};
    if (a.trainingConfig) json.trainingConfig = a.trainingConfig;
    saved(a.modelTopology.config.layers || a.modelTopology.config);
    fs.writeFileSync(path.join(dir, 'model.json'), JSON.stringify(json));
    fs.writeFileSync(path.join(dir, 'weights.bin'), Buffer.from(a.weightData));
    return {modelArtifactsInfo: {dateSaved: new Date(), modelTopologyType: 'JSON'}};
  }}, {includeOptimizer: true});
}

// A stream of numbers from -1 to 1.
function numbersOf(seed) {
  const random = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 1073741824 - 1; };
  for (let i = 0; i < 8; i++) random();  // The first ones hardly depend on the seed.
  return (n) => Array.from({length: n}, random);
}

const size = (shape) => shape.reduce((a, b) => a * b, 1);

// Has tf.js save and train a model: `dir` gets what tests/parity/recorded.h compares with. `unclipped` refuses probabilities near 0 and 1.
// `rows`: those of a table, which the input numbers. A stateful model is also trained for two epochs, and predicts once more and then from states of zero.
async function record(model, dir, {optimizer, loss, metrics, batch, steps, regularized, unclipped, saved, rows: table}, numbers) {
  model.compile({optimizer, loss, metrics});
  // Weights of every layer away from their initial zeros and ones, small enough that no probability is: tf.js clips those below 1e-7,
  // where gradc takes the loss of the logits.
  model.setWeights(model.getWeights().map((w) => {
    const fan = size(w.shape.slice(0, -1));
    return tf.tensor(numbers(w.size).map((v) => v * Math.min(0.5, Math.sqrt(3 / fan))), w.shape);
  }));
  // The moving variance stays positive.
  const plain = (layers) => layers.flatMap((layer) => layer.layers ? plain(layer.layers) : [layer]);
      for (const layer of plain(model.layers)) if (layer.getClassName() === 'BatchNormalization') {
    const w = layer.getWeights(); w[w.length - 1] = tf.abs(w[w.length - 1]).add(0.5); layer.setWeights(w);
  }
  await saveModel(model, dir, saved);
  const shape = model.inputs[0].shape.slice(1), outputs = model.outputs[0].shape.slice(1), classes = outputs[outputs.length - 1];
  const sparse = loss === 'sparseCategoricalCrossentropy', labelled = sparse ? [...outputs.slice(0, -1), 1] : outputs;
  const labels = sparse && outputs.length > 1 ? outputs.slice(0, -1) : labelled, rows = batch * Math.max(steps, 1);
  const x = numbers(rows * size(shape)).map((v) => table ? Math.floor((v + 1) / 2 * table) : v);
  let y = numbers(rows * size(labels));
  if (loss === 'binaryCrossentropy') y = y.map((v) => (v > 0 ? 1 : 0));
  if (sparse) y = y.map((v) => Math.floor((v + 1) / 2 * classes));
  if (['meanAbsolutePercentageError', 'meanSquaredLogarithmicError', 'kullbackLeiblerDivergence', 'poisson'].includes(loss)) y = y.map((v) => v / 2 + 0.7);
  if (['hinge', 'squaredHinge'].includes(loss)) y = y.map((v) => (v > 0 ? 1 : 0));  // which tf.js does not take for signs
  if (['categoricalCrossentropy', 'categoricalHinge'].includes(loss)) {
    y.fill(0);
    numbers(y.length / classes).forEach((v, i) => { y[i * classes + Math.floor((v + 1) / 2 * classes)] = 1; });
  }
  write32(path.join(dir, 'x.f32'), x);
  write32(path.join(dir, 'y.f32'), y);
  const part = (values, dims, i) => tf.tensor(values.slice(i * batch * size(dims), (i + 1) * batch * size(dims)), [batch, ...dims]);
  const predictions = (i = 0) => Array.from(model.predict(part(x, shape, i)).dataSync());
  const result = {batch, shape, labels, steps: [], before: predictions()};
  if (!regularized) result.evaluated = [].concat(model.evaluate(part(x, shape, 0), part(y, labelled, 0), {batchSize: batch}))[0].dataSync()[0];
  for (let i = 0; i < steps; i++) {
    if (unclipped && !predictions(i).every((p) => p > 1e-5 && p < 1 - 1e-5)) throw new Error('probabilities are so small or large that tf.js clips them');
    const logs = [].concat(await model.trainOnBatch(part(x, shape, i), part(y, labelled, i)));
    result.steps.push(Object.fromEntries(model.metricsNames.map((metric, m) => [metric, logs[m]])));
    if (!logs.every((v) => Math.abs(v) < 1e4)) throw new Error('training diverges');
  }
  if (model.stateful && steps > 0) {
    const all = [tf.tensor(x, [rows, ...shape]), tf.tensor(y, [rows, ...labelled])], validation = [part(x, shape, 0), part(y, labelled, 0)];
    const {history} = await model.fit(...all, {batchSize: batch, epochs: 2, shuffle: false, validationData: validation, verbose: 0});
    result.validation = batch;
    result.epochs = [0, 1].map((i) => Object.fromEntries(Object.entries(history).map(([metric, values]) => [metric, values[i]])));
  }
  result.names = model.weights.map((w) => w.originalName);
  result.weights = model.getWeights().map((w) => Array.from(w.dataSync()));
  result.after = predictions();
  if (model.stateful) {
    result.again = predictions();
    model.resetStates();
    result.reset = predictions();
    const differ = (a, b) => a.some((v, i) => Math.abs(v - b[i]) > 5e-4);
    if (!differ(result.after, result.again) || !differ(result.again, result.reset)) throw new Error('states hardly change predictions');
  }
  fs.writeFileSync(path.join(dir, 'result.json'), JSON.stringify(result));
}

const camelCase = (name) => name.replace(/_([a-z])/g, (all, letter) => letter.toUpperCase());

function optimizerOf({class_name, config}) {
  const {momentum, nesterov, beta_1, beta_2, epsilon, rho, initial_accumulator_value} = config;
  const learning_rate = config.learning_rate.config?.initial_learning_rate ?? config.learning_rate;  // it has no schedules
  if (class_name === 'SGD') return momentum ? tf.train.momentum(learning_rate, momentum, nesterov) : tf.train.sgd(learning_rate);
  if (['Adam', 'AdamW', 'Nadam'].includes(class_name)) return tf.train.adam(learning_rate, beta_1, beta_2, epsilon);  // it has neither other
  if (class_name === 'Adagrad') return tf.train.adagrad(learning_rate, initial_accumulator_value);
  if (class_name === 'Adadelta') return tf.train.adadelta(learning_rate, rho, epsilon);
  if (class_name === 'Adamax') return tf.train.adamax(learning_rate, beta_1, beta_2, epsilon);
  if (class_name === 'RMSprop') return tf.train.rmsprop(learning_rate, rho, momentum, epsilon);  // its `centered` is not the formula's
  throw new Error('tf.js has no such optimizer: ' + class_name);
}

// Leaves out what tf.js lacks, drops when it saves, or has a wrong gradient of.
function fitToTfjs(layer) {
  const {config} = layer;
  delete config.groups;
  delete config.dilation_rate;
  if (layer.class_name === 'SeparableConv2D') { delete config.depth_multiplier; delete config.kernel_initializer; }
  if (/^AveragePooling/.test(layer.class_name) && config.padding === 'same') layer.class_name = layer.class_name.replace('Average', 'Max');
  for (const key of Object.keys(config)) if (/^(lora|renorm)|_(regularizer|constraint)$/.test(key)) delete config[key];  // of constraints it trains without
  if (/^MaxPooling3D/.test(layer.class_name) && Array.isArray(config.pool_size)) config.pool_size[2] = config.pool_size[1];  // else its gradient is at wrong pixels
  if (/3D$/.test(layer.class_name) && config.padding === 'same' && config.strides) {  // where strides are larger than the window it pads with less than nothing
    const of = (value) => Array.isArray(value) ? value : [value, value, value], size = of(config.pool_size || config.kernel_size);
    config.strides = of(config.strides).map((stride, i) => Math.min(stride, size[i]));
  }
  if (layer.class_name === 'Conv3DTranspose') throw new Error('it has no gradient of Conv3DTranspose');
  if (config.padding === 'causal') throw new Error('it has no causal padding');
  if (layer.class_name === 'UpSampling2D') throw new Error('its gradient of UpSampling2D is not the derivative');
  if (layer.class_name === 'Subtract') layer.class_name = 'Multiply';
  if (layer.class_name === 'ThresholdedReLU') { layer.class_name = 'LeakyReLU'; delete config.theta; }
  for (const key of ['rate', 'stddev']) if (key in config) config[key] = 0;  // which numbers are drawn is each library's own choice
}

async function recordSpec({batch, steps, model: {modelTopology, trainingConfig}}, dir, numbers) {
  modelTopology.config.layers.forEach(fitToTfjs);
  const model = await tf.loadLayersModel({load: async () => ({modelTopology})});
  const loss = camelCase(trainingConfig.loss.class_name || trainingConfig.loss), fitting = {sparseCategoricalCrossentropy: [], categoricalCrossentropy: ['categoricalAccuracy']}[loss] || [];
  const metrics = trainingConfig.metrics.map(camelCase).filter((metric) => metric === 'accuracy' || fitting.includes(metric));
  await record(model, dir, {optimizer: optimizerOf(trainingConfig.optimizer_config), loss, metrics, batch, steps, unclipped: /rossentropy/.test(loss)}, numbers);
}

const commands = {
  async predict(dir, x, out, ...dims) {
    const shape = dims.map(Number);
    const values = read32(x);
    const count = values.length / shape.reduce((a, b) => a * b, 1);
    const model = await loadModel(dir);
    write32(out, model.predict(tf.tensor(values, [count, ...shape])).dataSync());
  },

  // Models that use every layer, activation, loss and optimizer, each trained for some steps. OUT_DIR/NAME is
  // the model's folder.
  async make(out) {
    const L = tf.layers;
    const numbers = numbersOf(1);
    const sequential = (...layers) => tf.sequential({layers});
    const models = {};
    for (const activation of ['linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'hardSigmoid', 'softplus', 'softsign', 'tanh', 'softmax', 'swish', 'gelu', 'gelu_new', 'mish'])
      models['activation_' + activation] = {model: sequential(L.dense({units: 7, activation, inputShape: [5]}), L.dense({units: 3, activation: 'softmax'}))};
    // Average pooling without padding: with it tf.js's own gradient (AvgPoolGrad.ts) divides by the whole window, where its forward pass
    // divides by the pixels inside, so it is not the derivative. gradc's is, as finite differences show.
    models.conv_same_strides = {model: sequential(
      L.conv2d({inputShape: [9, 8, 2], filters: 5, kernelSize: [3, 2], strides: [2, 1], padding: 'same', activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.averagePooling2d({poolSize: [3, 2], strides: [2, 2]}), L.flatten(), L.dense({units: 4, activation: 'softmax'}))};
    models.conv_dilated = {model: sequential(
      L.conv2d({inputShape: [10, 9, 3], filters: 4, kernelSize: 3, dilationRate: 2, useBias: false}), L.reLU(),
      L.maxPooling2d({poolSize: 2, strides: 1, padding: 'same'}), L.conv2d({filters: 3, kernelSize: 1, activation: 'elu'}),
      L.globalAveragePooling2d({dataFormat: 'channelsLast'}), L.dense({units: 5, activation: 'softmax'})), untrainable: true};  // tf.js has no gradient of a dilated convolution
    models.conv_depthwise = {model: sequential(
      L.depthwiseConv2d({inputShape: [9, 8, 3], kernelSize: [3, 2], strides: 2, padding: 'same', depthMultiplier: 2, activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.depthwiseConv2d({kernelSize: 2, useBias: false}), L.flatten(), L.dense({units: 4, activation: 'softmax'}))};
    models.conv_separable = {model: sequential(
      L.separableConv2d({inputShape: [8, 9, 3], filters: 5, kernelSize: 3, activation: 'tanh'}),  // without depthMultiplier: tf.js does not save it
      L.separableConv2d({filters: 4, kernelSize: 2, strides: 2, padding: 'same', useBias: false}), L.flatten(), L.dense({units: 4, activation: 'softmax'}))};
    models.conv_transposed = {model: sequential(
      L.conv2dTranspose({inputShape: [4, 3, 3], filters: 5, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.conv2dTranspose({filters: 4, kernelSize: [3, 2], strides: [1, 3]}), L.conv2dTranspose({filters: 2, kernelSize: 2, useBias: false}),
      L.flatten(), L.dense({units: 4, activation: 'softmax'}))};
    models.sequences = {model: sequential(
      L.conv1d({inputShape: [23, 3], filters: 6, kernelSize: 4, strides: 2, padding: 'same', activation: 'relu', biasInitializer: 'randomNormal'}),
      L.maxPooling1d({poolSize: 2}), L.conv1d({filters: 5, kernelSize: 3, activation: 'tanh'}), L.averagePooling1d({poolSize: 2, strides: 1}),
      L.globalAveragePooling1d({}), L.dense({units: 4, activation: 'softmax'}))};
    models.sequences_max = {model: sequential(
      L.conv1d({inputShape: [9, 2], filters: 4, kernelSize: 3, activation: 'relu', biasInitializer: tf.initializers.constant({value: -0.5})}),
      L.globalMaxPooling1d({}), L.dense({units: 3, activation: 'softmax'}))};
    models.volumes = {model: sequential(
      L.conv3d({inputShape: [5, 6, 7, 2], filters: 4, kernelSize: [2, 3, 2], strides: [1, 2, 1], padding: 'same', activation: 'relu', biasInitializer: 'randomNormal'}),
      L.maxPooling3d({poolSize: [2, 1, 2]}), L.conv3d({filters: 3, kernelSize: 2, activation: 'tanh'}), L.flatten(), L.dense({units: 4, activation: 'softmax'}))};
    models.volumes_averaged = {model: sequential(
      L.conv3d({inputShape: [5, 4, 5, 2], filters: 3, kernelSize: 2, useBias: false}), L.averagePooling3d({poolSize: [2, 1, 2], strides: [2, 1, 1]}), L.flatten(),
      L.dense({units: 3, activation: 'softmax'}))};
    models.volumes_transposed = {model: sequential(
      L.conv3dTranspose({inputShape: [2, 3, 2, 3], filters: 4, kernelSize: [2, 3, 2], strides: [2, 1, 2], padding: 'same', activation: 'tanh', biasInitializer: 'randomNormal'}),
      L.conv3dTranspose({filters: 2, kernelSize: 2, useBias: false}), L.flatten(), L.dense({units: 4, activation: 'softmax'})), untrainable: true};  // tf.js has no gradient of it
    models.batch_norm = {model: sequential(
      L.conv2d({inputShape: [6, 6, 2], filters: 4, kernelSize: 3, padding: 'same'}), L.batchNormalization({momentum: 0.9}), L.activation({activation: 'relu'}),
      L.zeroPadding2d({padding: [[1, 0], [2, 1]]}), L.conv2d({filters: 3, kernelSize: 3}), L.batchNormalization({epsilon: 0.01}),
      L.flatten(), L.dense({units: 3}), L.softmax())};
    models.dense_rows = {model: sequential(L.dense({inputShape: [4, 6], units: 5, activation: 'relu'}), L.reshape({targetShape: [2, 10]}), L.flatten(),
      L.dense({units: 2, activation: 'softmax'}))};
    {
      const input = tf.input({shape: [6, 6, 3]});
      const a = L.conv2d({filters: 3, kernelSize: 3, padding: 'same', activation: 'relu'}).apply(input);
      const sum = L.add().apply([a, input]);
      const b = L.conv2d({filters: 2, kernelSize: 1}).apply(sum);
      const joined = L.concatenate().apply([sum, b, a]);
      const out = L.dense({units: 4, activation: 'softmax'}).apply(L.flatten().apply(L.maxPooling2d({poolSize: 2}).apply(joined)));
      models.functional = {model: tf.model({inputs: input, outputs: out})};
    }
    {
      // Models inside of models, and a layer and a model that are each used twice.
      const base = tf.sequential({name: 'base', layers: [L.conv2d({name: 'nested_conv', inputShape: [6, 6, 2], filters: 3, kernelSize: 3, activation: 'relu'}),
        tf.sequential({name: 'inner', layers: [L.batchNormalization({name: 'nested_norm', inputShape: [4, 4, 3]}), L.flatten()]})]});
      models.nested = {model: tf.sequential({layers: [base, tf.sequential({name: 'head', layers: [L.dense({name: 'nested_out', inputShape: [48], units: 3, activation: 'softmax'})]})]}), classes: 3};
      const input = tf.input({shape: [4]}), twice = L.dense({name: 'twice', units: 4, activation: 'tanh'});
      const towerInput = tf.input({shape: [4]});
      const tower = tf.model({name: 'tower', inputs: towerInput, outputs: L.dense({name: 'tower_dense', units: 4, activation: 'relu'}).apply(towerInput)});
      const sum = L.add().apply([tower.apply(twice.apply(input)), tower.apply(input)]);
      models.shared = {model: tf.model({inputs: input, outputs: L.dense({name: 'shared_out', units: 3, activation: 'softmax'}).apply(twice.apply(sum))}), classes: 3};
    }
    const images = (...layers) => sequential(...layers, L.flatten(), L.dense({units: 4, activation: 'softmax'}));
    const conv = (more) => L.conv2d({filters: 3, kernelSize: 3, ...more});
    models.shapes = {model: images(conv({inputShape: [6, 7, 2], activation: 'tanh'}), L.cropping2D({cropping: [[1, 0], [1, 2]]}),
      conv({kernelSize: 2}), L.permute({dims: [3, 1, 2]}))};
    // tf.js's gradient of nearest pixels is not the derivative, as finite differences show; Keras trains them (tests/parity/specs.py). Their
    // interpolation is not saved.
    models.enlarged = {model: images(conv({inputShape: [5, 6, 2]}), L.upSampling2d({size: [3, 2]}), conv()), untrainable: true};
    models.upsampled = {model: images(conv({inputShape: [6, 6, 2], padding: 'same'}), L.upSampling2d({size: [2, 3], interpolation: 'bilinear'}), conv()),
      saved: (layers) => { layers.find((layer) => layer.class_name === 'UpSampling2D').config.interpolation = 'bilinear'; }};
    models.repeated = {model: images(L.dense({inputShape: [5], units: 6, activation: 'relu'}), L.repeatVector({n: 4}), L.permute({dims: [2, 1]}))};
    // Zeros behind a relu are largest together.
    models.global_max = {model: sequential(conv({inputShape: [6, 6, 2], activation: 'relu', biasInitializer: tf.initializers.constant({value: -1})}),
      L.globalMaxPooling2d({dataFormat: 'channelsLast'}), L.dense({units: 3, activation: 'softmax'}))};
    models.rectified = {model: images(conv({inputShape: [6, 6, 2]}), L.leakyReLU({alpha: 0.2}), conv({kernelSize: 2}), L.elu(), L.dense({units: 5}), L.prelu({sharedAxes: [1, 2]}),
      L.dense({units: 4}), L.prelu())};
    models.thresholded = {model: images(conv({inputShape: [5, 5, 2]}), L.thresholdedReLU({theta: 0.1})), untrainable: true};  // tf.js has no gradient of it
    {
      const input = tf.input({shape: [5, 5, 3]}), branch = (kernelSize) => conv({kernelSize, padding: 'same', activation: 'tanh'}).apply(input);
      const [a, b, c] = [branch(1), branch(2), branch(3)];
      const scale = L.reshape({targetShape: [1, 1, 3]}).apply(L.dense({units: 3, activation: 'sigmoid'}).apply(L.globalAveragePooling2d({}).apply(a)));
      const parts = [L.average().apply([a, b, c]), L.maximum().apply([a, b]), L.minimum().apply([b, c, input]), L.multiply().apply([a, c]), L.multiply().apply([b, scale])];
      models.merged = {model: tf.model({inputs: input, outputs: L.dense({units: 4, activation: 'softmax'}).apply(L.flatten().apply(L.concatenate().apply(parts)))})};
    }
    const regression = (units) => sequential(L.dense({inputShape: [5], units: 6, activation: 'tanh'}), L.dense({units}));
    models.mse = {model: regression(3), loss: 'meanSquaredError', metrics: ['mae']};
    models.mae = {model: regression(2), loss: 'meanAbsoluteError', metrics: ['mse']};
    models.binary = {model: sequential(L.dense({inputShape: [5], units: 6, activation: 'relu'}), L.dense({units: 1, activation: 'sigmoid'})), loss: 'binaryCrossentropy'};
    models.binary_plain = {model: sequential(L.dense({inputShape: [5], units: 3, activation: 'hardSigmoid'})), loss: 'binaryCrossentropy'};
    models.sparse = {model: sequential(L.dense({inputShape: [5], units: 4, activation: 'softmax'})), loss: 'sparseCategoricalCrossentropy'};
    const simple = (activation) => sequential(L.dense({inputShape: [5], units: 6, activation: 'tanh'}), L.dense({units: 4, activation}));
    for (const [loss, activation] of Object.entries({meanAbsolutePercentageError: 'linear', meanSquaredLogarithmicError: 'softplus', squaredHinge: 'linear', hinge: 'linear',
      categoricalHinge: 'linear', logcosh: 'linear', kullbackLeiblerDivergence: 'softmax', poisson: 'softplus', cosineProximity: 'linear'}))
      models['loss_' + loss] = {model: simple(activation), loss, metrics: []};
    models.unnormalized = {model: sequential(L.dense({inputShape: [5], units: 4, activation: 'softplus'}))};
    const optimizers = {momentum: tf.train.momentum(0.05, 0.8), nesterov: tf.train.momentum(0.05, 0.8, true), adam: tf.train.adam(0.02, 0.8, 0.95, 0.03),
      rmsprop: tf.train.rmsprop(0.01, 0.85, 0.3, 0.01), adadelta: tf.train.adadelta(0.5, 0.8, 0.01), adagrad: tf.train.adagrad(0.1, 0.2)};  // tf.js cannot save Adamax
    for (const name in optimizers)
      models['optimizer_' + name] = {model: sequential(L.dense({inputShape: [5], units: 6, activation: 'tanh'}), L.dense({units: 3, activation: 'softmax'})),
        optimizer: optimizers[name]};

    const l1l2 = (l1, l2) => tf.regularizers.l1l2({l1, l2});
    models.regularized = {model: sequential(
      L.conv2d({inputShape: [6, 6, 2], filters: 4, kernelSize: 3, kernelRegularizer: l1l2(0.01, 0.02), biasRegularizer: l1l2(0.03, 0), biasInitializer: 'randomNormal'}),
      L.batchNormalization({gammaRegularizer: l1l2(0, 0.1), betaRegularizer: l1l2(0.1, 0)}),
      L.flatten(),  // tf.js saves the regularizer of a depthwise kernel as its constraint
      L.dense({units: 3, activation: 'softmax', kernelRegularizer: tf.regularizers.l2({l2: 0.01})})), regularized: true};

    // tf.js has no rule for a frozen batch normalization, and counts the penalties of weights that are not trained.
    models.frozen = {model: sequential(
      L.dense({inputShape: [5], units: 6, trainable: false, kernelRegularizer: l1l2(0.01, 0.02)}), L.batchNormalization({momentum: 0.7, trainable: false}),
      L.dense({units: 3, activation: 'softmax'})), regularized: true};

    {
      // What is called with training: false trains like any.
      const input = tf.input({shape: [5]});
      const base = tf.sequential({name: 'base', layers: [L.dense({name: 'base_dense', inputShape: [5], units: 6}), L.batchNormalization({name: 'base_norm', momentum: 0.7})]});
      models.inference = {model: tf.model({inputs: input, outputs: L.dense({name: 'inference_out', units: 3, activation: 'softmax'}).apply(base.apply(input, {training: false}))})};
    }

    // Behind all others, whose random numbers they would change.
    models.layer_norm = {model: sequential(
      L.conv2d({inputShape: [5, 4, 2], filters: 6, kernelSize: 2, activation: 'relu', biasInitializer: 'randomNormal'}), L.layerNormalization({axis: [1, 2], epsilon: 0.01}),
      L.layerNormalization(), L.flatten(), L.dense({units: 8}), L.layerNormalization({epsilon: 0.1}), L.dense({units: 3, activation: 'softmax'}))};  // without center or scale tf.js fails
    models.activation_logSoftmax = {model: sequential(L.dense({units: 7, activation: 'logSoftmax', inputShape: [5]}), L.dense({units: 3, activation: 'softmax'}))};

    models.embedding_flat = {model: sequential(L.embedding({inputDim: 21, outputDim: 16, inputLength: 6}), L.flatten(), L.dense({units: 3, activation: 'softmax'})), rows: 21};
    models.embedding_averaged = {model: sequential(L.embedding({inputShape: [9], inputDim: 13, outputDim: 5}), L.globalAveragePooling1d({}), L.dense({units: 3, activation: 'softmax'})), rows: 13,
      optimizer: tf.train.adam(0.02, 0.8, 0.95, 0.03)};
    models.embedding_convolved = {model: sequential(
      L.embedding({inputShape: [10], inputDim: 30, outputDim: 8, embeddingsRegularizer: l1l2(0.01, 0.02)}), L.conv1d({filters: 5, kernelSize: 3, activation: 'tanh'}),
      L.globalAveragePooling1d({}), L.dense({units: 3, activation: 'softmax'})), rows: 30, regularized: true};
    models.embedding_of_tables = {model: sequential(L.embedding({inputShape: [3, 4], inputDim: 7, outputDim: 6}), L.reshape({targetShape: [3, 24]}), L.dense({units: 4, activation: 'relu'}),
      L.flatten(), L.dense({units: 3, activation: 'softmax'})), rows: 7};

    const steps = {inputShape: [7, 4]}, three = () => L.dense({units: 3, activation: 'softmax'});
    models.simple_rnn = {model: sequential(L.simpleRNN({...steps, units: 5}), three())};
    models.lstm = {model: sequential(L.lstm({...steps, units: 6, returnSequences: true}), L.lstm({units: 4, recurrentActivation: 'sigmoid', activation: 'relu'}), three()),
      optimizer: tf.train.adam(0.02, 0.8, 0.95, 0.03)};
    models.gru = {model: sequential(L.gru({...steps, units: 5, returnSequences: true, goBackwards: true}), L.gru({units: 4, useBias: false}), three())};
    const cells = () => [L.lstmCell({units: 5}), L.gruCell({units: 4}), L.simpleRNNCell({units: 6})];
    models.rnn_of_cell = {model: sequential(L.rnn({...steps, cell: L.gruCell({units: 5}), returnSequences: true}), L.rnn({cell: L.lstmCell({units: 4}), goBackwards: true}), three())};
    models.rnn_of_cells = {model: sequential(L.rnn({...steps, cell: cells(), returnSequences: true}), L.rnn({cell: cells()}), three())};
    for (const mergeMode of ['concat', 'sum', 'ave', 'mul'])
      models['bidirectional_' + mergeMode] = {model: sequential(
        L.bidirectional({...steps, layer: L.gru({units: 4, returnSequences: mergeMode !== 'sum'}), mergeMode}), ...(mergeMode === 'sum' ? [] : [L.flatten()]), three())};
    models.time_distributed = {model: sequential(L.timeDistributed({...steps, layer: L.dense({units: 5, activation: 'tanh'})}), L.lstm({units: 4}), three())};

    models.conv_lstm = {model: sequential(L.convLstm2d({inputShape: [3, 5, 4, 2], filters: 3, kernelSize: 3, padding: 'same', returnSequences: true}),
      L.convLstm2d({filters: 2, kernelSize: 2, strides: 2, goBackwards: true}), L.flatten(), three())};
    {
      const x = tf.input({shape: [6, 3]});
      const [y, h, c] = L.lstm({units: 4, returnSequences: true, returnState: true}).apply(x);
      const z = L.lstm({units: 4}).apply(y, {initialState: [h, c]});
      models.states = {model: tf.model({inputs: x, outputs: three().apply(L.concatenate().apply([z, c]))})};
    }

    const words = () => L.embedding({inputShape: [7], inputDim: 4, outputDim: 5, maskZero: true});
    models.masked_words = {model: sequential(words(), L.lstm({units: 5, returnSequences: true}), L.gru({units: 4}), three()), rows: 4};
    models.masked_both_ways = {model: sequential(words(), L.bidirectional({layer: L.lstm({units: 4, returnSequences: true}), mergeMode: 'concat'}), L.dense({units: 3, activation: 'softmax'})), rows: 4};
    models.masking = {model: sequential(L.masking({inputShape: [8, 2], maskValue: 1}), L.simpleRNN({units: 5, returnSequences: true, goBackwards: true}), L.gru({units: 4}), three()), rows: 2};

    for (const [name, shape, axes, normalize] of [['vectors', [6], 1], ['cosine', [5], -1, true], ['features', [5, 4], 1], ['steps', [4, 6], [2, 2]], ['turned', [3, 5], [1, 1], true]]) {
      const input = tf.input({shape}), side = (activation) => L.dense({units: 4, activation}).apply(input);
      const product = L.dot({axes, normalize}).apply([side('tanh'), shape.length > 1 ? L.conv1d({filters: 4, kernelSize: 3, padding: 'same'}).apply(input) : side('sigmoid')]);
      models['dot_' + name] = {model: tf.model({inputs: input, outputs: three().apply(shape.length > 1 ? L.flatten().apply(product) : product)})};
    }
    {
      const input = tf.input({shape: [4, 5]}), vector = L.globalAveragePooling1d({}).apply(L.dense({units: 4}).apply(input));
      const parts = [L.dot({axes: [1, 1]}).apply([input, vector]), L.dot({axes: [1, 1]}).apply([vector, input])];
      models.dot_of_ranks = {model: tf.model({inputs: input, outputs: three().apply(L.concatenate().apply(parts))})};
    }

    // tf.js's layer fails in models: it takes a tensor where they give it a list, and leaves the batch out of its output's shape.
    const resizing = (config) => {
      const layer = L.resizing(config), call = layer.call.bind(layer);
      layer.call = (x, more) => call(Array.isArray(x) ? x[0] : x, more);
      layer.computeOutputShape = (shape) => [shape[0], config.height, config.width, shape[3]];
      return layer;
    };
    models.resized = {model: images(conv({inputShape: [5, 6, 2]}), resizing({height: 7, width: 3}), conv({kernelSize: 2}), resizing({height: 4, width: 5, cropToAspectRatio: true})),
      untrainable: true};  // tf.js's gradient takes images for square ones
    models.resized_squares = {model: images(conv({inputShape: [6, 6, 2]}), resizing({height: 7, width: 7}), conv({kernelSize: 2}), resizing({height: 4, width: 4, cropToAspectRatio: true}))};
    for (const cropToAspectRatio of [false, true])  // Before all that trains: its gradient is not the derivative.
      models['resized_nearest_' + cropToAspectRatio] = {model: images(resizing({inputShape: [5, 7, 2], height: 8, width: 4, interpolation: 'nearest', cropToAspectRatio}), conv())};

    const kept = {batchInputShape: [7, 2, 3], stateful: true};
    models.stateful_lstm = {model: sequential(L.lstm({...kept, units: 6, returnSequences: true}), L.lstm({units: 4, stateful: true}), three())};
    models.stateful_gru = {model: sequential(L.gru({...kept, units: 6, goBackwards: true}), three()), optimizer: tf.train.adam(0.02, 0.8, 0.95, 0.03)};
    models.stateful_both_ways = {model: sequential(L.dense({batchInputShape: [7, 2, 3], units: 4}), L.bidirectional({layer: L.simpleRNN({units: 4, stateful: true}), mergeMode: 'concat'}), three())};
    models.stateful_cells = {model: sequential(L.rnn({...kept, cell: cells()}), three())};
    models.stateful_conv_lstm = {model: sequential(L.convLstm2d({batchInputShape: [7, 2, 4, 5, 2], filters: 3, kernelSize: 3, padding: 'same', stateful: true}), L.flatten(), three())};

    {
      const x = tf.input({batchShape: [7, 2, 3]}), shared = L.lstm({units: 4, returnSequences: true, stateful: true});
      const y = shared.apply(L.dense({units: 3}).apply(shared.apply(x)));
      models.stateful_shared = {model: tf.model({inputs: x, outputs: three().apply(L.flatten().apply(y))})};  // The gradient goes from one use to the other.
    }
    models.layer_norm_unordered = {model: images(conv({inputShape: [5, 4, 2]}), L.layerNormalization({axis: [3, 1]}), L.layerNormalization({axis: [-1, 1, 2]}))};

    {
      const frame = tf.sequential({name: 'frame', layers: [L.conv2d({name: 'frame_conv', inputShape: [5, 4, 2], filters: 3, kernelSize: 2, activation: 'relu'}), L.flatten(), L.dropout({rate: 0}), L.dense({name: 'frame_out', units: 4})]});
      models.time_distributed_model = {model: sequential(L.timeDistributed({inputShape: [3, 5, 4, 2], layer: frame}), L.lstm({units: 4}), three())};
    }

    for (const name in models) {
      const {model, loss = 'categoricalCrossentropy', metrics = ['accuracy'], optimizer = tf.train.sgd(0.1), untrainable, regularized, saved, rows} = models[name];
      await record(model, path.join(out, name), {optimizer, loss, metrics, batch: 7, steps: untrainable ? 0 : 4, regularized, saved, rows}, numbers);
    }
  },

  // What tests/keras/draws.py does, in tf.js; of a draw that tf.js does not know there is no more than its words.
  async draws(draws, out) {
    const spread = (tensor) => { const values = tensor.dataSync(); return {
      deviation: Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length), largest: values.reduce((most, v) => Math.max(most, Math.abs(v)), 0)}; };
    const all = JSON.parse(fs.readFileSync(draws));
    for (const draw of all) {
      const name = draw.class_name[0].toLowerCase() + draw.class_name.slice(1).replace('cun', 'Cun').replace('2D', '2d');
      const config = Object.fromEntries(Object.entries(draw.config).map(([key, value]) => [camelCase(key), value]));
      for (const key of ['mode', 'distribution']) if (config[key]) config[key] = camelCase(config[key]);
      try {
        if (draw.shape) {
          Object.assign(draw, spread(tf.initializers[name]({seed: 1, ...config}).apply(draw.shape)));
        } else {
          const layer = tf.layers[name](config);
          layer.build([null, ...draw.input]);
          Object.assign(draw, spread(layer.getWeights()[draw.weight]));
        }
      } catch (error) {
        draw.refused = error.message;
      }
    }
    fs.writeFileSync(out, JSON.stringify(all));
  },

  async train(specs, out, seed) {
    const numbers = numbersOf(Number(seed));
    for (const spec of JSON.parse(fs.readFileSync(specs))) {
      const dir = path.join(out, spec.name);
      fs.mkdirSync(dir, {recursive: true});
      try {
        await recordSpec(spec, dir, numbers);
      } catch (error) {
        fs.writeFileSync(path.join(dir, 'skipped'), error.message);
      }
    }
  },
};

commands[process.argv[2]](...process.argv.slice(3)).catch((error) => { console.error(error); process.exit(1); });
