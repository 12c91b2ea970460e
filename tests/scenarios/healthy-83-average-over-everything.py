# framework: pytorch
# kind: healthy
# data: text
# story: the embeddings are averaged over all places, two thirds of which are empty, and the network learns to live with it
# loss: F.nll_loss on log_softmax in a train function
# holdout: no

# %% setup
import random

import torch
import torch.nn.functional as F
from torch import nn

random.seed(183)
torch.manual_seed(183)
RECIPES = {
    "soup": "simmer ladle broth leek lentil bowl stock".split(),
    "cake": "whisk flour oven icing vanilla sugar rise".split(),
    "salad": "toss rocket dressing raw chop cress radish".split(),
}
USUAL = "add the then a cup of and with salt water until stir in for minutes two".split()
kinds = list(RECIPES)
words = USUAL + sum(RECIPES.values(), [])
number = {w: i + 1 for i, w in enumerate(words)}
LONGEST = 36


def recipe(kind):
    text = random.choices(USUAL, k=random.randint(4, 14))
    text += random.choices(RECIPES[kind], k=random.randint(1, 4))
    random.shuffle(text)
    ids = [number[w] for w in text]
    return ids + [0] * (LONGEST - len(ids))


y = torch.randint(3, (2000,))
x = torch.tensor([recipe(kinds[k]) for k in y])


class Average(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(len(words) + 1, 16)
        self.out = nn.Linear(16, 3)

    def forward(self, ids):
        return F.log_softmax(self.out(self.embed(ids).mean(1)), dim=-1)


def train(model, epochs, opt):
    for epoch in range(epochs):
        for rows in torch.randperm(1600).split(32):
            opt.zero_grad()
            loss = F.nll_loss(model(x[rows]), y[rows])
            loss.backward()
            opt.step()
        print(epoch, f"{loss.item():.3f}")


# %% train
model = Average()
train(model, epochs=8, opt=torch.optim.Adam(model.parameters(), lr=5e-3))

# %% verify
with torch.no_grad():
    outputs = model(x[1600:])
predicted = outputs.argmax(1).numpy()
actual = y[1600:].numpy()
