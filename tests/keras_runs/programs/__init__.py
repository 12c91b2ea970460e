"""Programs that need a process of their own: Keras' backend and TensorFlow's devices are chosen
once. Each prints what it has found as JSON."""
