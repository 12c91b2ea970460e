"""Observes training with Keras 3 and TensorFlow."""
