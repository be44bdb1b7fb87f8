// node names.js OUT.json      writes what the layers API of tf.js exports: a list of {name, is} for each kind. `is` is what the thing itself is called, if otherwise.
const fs = require('fs');
const path = require('path');
const tf = require(path.join(process.env.GRADC_TFJS, '@tensorflow/tfjs'));

// A factory's name, and that of the factory that it calls or is.
const factory = (of) => (name) => {
  const called = /return (\w+)\(args\)/.exec(of[name].toString());
  return {name, is: called ? called[1] : of[name].name || name};
};
const factories = (of) => Object.keys(of).map(factory(of));
const names = (all) => all.map((name) => ({name}));

// What models may name, beside what has a factory: classes that extend the base of their kind.
const registered = tf.serialization.SerializationMap.getMap().classNameMap;
const classes = (base) => names(Object.keys(registered).filter((name) => registered[name][0].prototype instanceof base));

const isModel = (of) => of === tf.LayersModel || of.prototype instanceof tf.LayersModel;

// The keys of an object that a source file of tf.js has and does not export.
function keysIn(file, object) {
  const text = fs.readFileSync(path.join(process.env.GRADC_TFJS, '@tensorflow/tfjs-layers/dist', file), 'utf8');
  return names(text.split(object + ' = {')[1].split('}')[0].split(',').map((each) => each.trim()));
}

fs.writeFileSync(process.argv[2], JSON.stringify({
  layers: [...factories(tf.layers), ...classes(tf.layers.Layer).filter(({name}) => !isModel(registered[name][0]))],
  losses: keysIn('losses.js', 'lossesMap'),
  metrics: [...names(Object.keys(tf.metrics)), ...keysIn('metrics.js', 'metricsMap')],
  optimizers: [...names(Object.getOwnPropertyNames(tf.train).filter((name) => !(name in Function.prototype || name === 'prototype'))), ...classes(tf.Optimizer)],
  schedules: [],
  activations: classes(Object.getPrototypeOf(registered.relu[0])),
  initializers: factories(tf.initializers),
  regularizers: factories(tf.regularizers),
  constraints: factories(tf.constraints),
  callbacks: [...names(Object.keys(tf.callbacks)), ...names(Object.keys(tf).filter((name) => /Callback(List)?$|EarlyStopping/.test(name)))],
}));
