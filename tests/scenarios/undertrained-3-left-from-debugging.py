# framework: pytorch
# kind: faulty
# cause: undertrained
# also: learning-rate-too-low
# data: text
# story: a break after twelve batches, for a quick look whether it runs at all, has stayed in the loop
# loss: nn.CrossEntropyLoss() in a function of an earlier cell
# holdout: no

# %% setup
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(96)
LANGUAGES, LETTERS, LENGTH = 6, 26, 18
letter_shares = torch.distributions.Dirichlet(torch.full((LETTERS,), 0.7)).sample((LANGUAGES,))
language = torch.randint(LANGUAGES, (2700,))
words = torch.stack([torch.multinomial(letter_shares[k], LENGTH, True) for k in language])
train_words, train_language = words[:2100], language[:2100]
test_words, test_language = words[2100:], language[2100:]
loader = DataLoader(TensorDataset(train_words, train_language), batch_size=21, shuffle=True)


class LanguageId(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.EmbeddingBag(LETTERS, 12)
        self.mlp = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, LANGUAGES))

    def forward(self, x):
        return self.mlp(self.letters(x))


# %% loop
criterion = nn.CrossEntropyLoss()


def epoch_of(model, opt):
    total = 0.0
    for i, (x, y) in enumerate(loader):
        opt.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        opt.step()
        total += loss.item()
        if i == 12:
            break
    return total / (i + 1)


# %% train
model = LanguageId()
opt = torch.optim.Adam(model.parameters(), lr=5e-4)
for epoch in range(9):
    mean = epoch_of(model, opt)
    with torch.no_grad():
        hits = (model(test_words).argmax(1) == test_language).float().mean().item()
    print(f"epoch {epoch + 1}/9  loss {mean:.3f}  accuracy {hits:.1%}")

# %% verify
with torch.no_grad():
    outputs = model(test_words)
predicted = outputs.argmax(1).numpy()
actual = test_language.numpy()

# %% fix loop
criterion = nn.CrossEntropyLoss()


def epoch_of(model, opt):
    total = 0.0
    for i, (x, y) in enumerate(loader):
        opt.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        opt.step()
        total += loss.item()
    return total / (i + 1)
