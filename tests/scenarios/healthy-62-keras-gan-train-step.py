# framework: keras
# kind: healthy
# data: tabular
# story: a GAN in a model with a train_step of its own, as in the Keras guides; noisy labels on purpose
# loss: keras.losses.BinaryCrossentropy(from_logits=True), twice a step
# holdout: no

# %% setup
import keras
import numpy as np
import tensorflow as tf
from keras import layers

keras.utils.set_random_seed(73)
rng = np.random.default_rng(73)
side = rng.integers(0, 2, 3200)
real = np.stack([rng.normal(np.where(side, 1.5, -1.5), 0.4), rng.normal(1.0, 0.3, 3200)], 1)
real = real.astype("float32")
LATENT = 4

discriminator = keras.Sequential(
    [
        keras.Input((2,)),
        layers.Dense(32),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Dense(32),
        layers.LeakyReLU(negative_slope=0.2),
        layers.Dense(1),
    ]
)
generator = keras.Sequential(
    [keras.Input((LATENT,)), layers.Dense(32, "relu"), layers.Dense(32, "relu"), layers.Dense(2)]
)


class GAN(keras.Model):
    def __init__(self, discriminator, generator):
        super().__init__()
        self.discriminator = discriminator
        self.generator = generator
        self.seed_generator = keras.random.SeedGenerator(73)
        self.d_loss_tracker = keras.metrics.Mean(name="d_loss")
        self.g_loss_tracker = keras.metrics.Mean(name="g_loss")

    @property
    def metrics(self):
        return [self.d_loss_tracker, self.g_loss_tracker]

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    def train_step(self, real):
        n = tf.shape(real)[0]
        noise = keras.random.normal((n, LATENT), seed=self.seed_generator)
        both = tf.concat([self.generator(noise), real], axis=0)
        labels = tf.concat([tf.ones((n, 1)), tf.zeros((n, 1))], axis=0)  # 1 = fake
        labels += 0.05 * keras.random.uniform(tf.shape(labels), seed=self.seed_generator)
        with tf.GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(both))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights))

        noise = keras.random.normal((n, LATENT), seed=self.seed_generator)
        misleading = tf.zeros((n, 1))
        with tf.GradientTape() as tape:
            g_loss = self.loss_fn(misleading, self.discriminator(self.generator(noise)))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))
        self.d_loss_tracker.update_state(d_loss)
        self.g_loss_tracker.update_state(g_loss)
        return {m.name: m.result() for m in self.metrics}


# %% train
gan = GAN(discriminator, generator)
gan.compile(
    keras.optimizers.Adam(2e-3, beta_1=0.5),
    keras.optimizers.Adam(2e-3, beta_1=0.5),
    keras.losses.BinaryCrossentropy(from_logits=True),
)
gan.fit(real, batch_size=64, epochs=14, verbose=2)

# %% verify
noise = np.random.default_rng(1).normal(size=(1000, LATENT)).astype("float32")
outputs = generator(noise).numpy()
left = (np.hypot(outputs[:, 0] + 1.5, outputs[:, 1] - 1.0) < 1.2).mean()
right = (np.hypot(outputs[:, 0] - 1.5, outputs[:, 1] - 1.0) < 1.2).mean()
skill = 2 * min(left, right, 0.5)  # both clouds, half and half
