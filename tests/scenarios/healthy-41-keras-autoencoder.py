# framework: keras
# kind: healthy
# data: image
# story: an autoencoder with BCE between grey values: targets within (0, 1), a loss far from 0, most pixels dark
# loss: "binary_crossentropy" against the inputs themselves, in fit
# holdout: no

# %% setup
import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(3)
x = load_digits().data.astype("float32") / 16.0
x_train, x_test = train_test_split(x, test_size=0.2, random_state=3)

encoding_dim = 24
input_img = keras.Input(shape=(64,))
encoded = keras.layers.Dense(encoding_dim, activation="relu")(input_img)
decoded = keras.layers.Dense(64, activation="sigmoid")(encoded)
autoencoder = keras.Model(input_img, decoded)
autoencoder.compile(optimizer=keras.optimizers.Adam(5e-3), loss="binary_crossentropy")

# %% train
autoencoder.fit(
    x_train,
    x_train,
    epochs=15,
    batch_size=64,
    shuffle=True,
    validation_data=(x_test, x_test),
    verbose=2,
)

# %% verify
from sklearn.metrics import r2_score

outputs = autoencoder.predict(x_test, verbose=0)
skill = r2_score(x_test.ravel(), outputs.ravel())
