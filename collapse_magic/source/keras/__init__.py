"""The same questions for cells that train with Keras or with TensorFlow's tapes.

Here the loss, the optimizer and the labels stand in calls of `compile` and `fit`, and a layer may
bring its activation along as an argument.
"""
