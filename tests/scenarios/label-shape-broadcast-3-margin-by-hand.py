# framework: pytorch
# kind: faulty
# cause: label-shape-broadcast
# also: not-learning
# data: text
# story: a hinge loss by hand multiplies a column of scores by a row of signs
# loss: torch.clamp(1 - signs * scores, min=0).mean() in a function
# holdout: no

# %% setup
import torch
from torch import nn

torch.manual_seed(82)
WORDS = 300
weight = torch.randn(WORDS) * (torch.rand(WORDS) < 0.3)  # most words say nothing


def mails(n):
    """word counts of mails; spam or ham"""
    counts = torch.poisson(torch.full((n, WORDS), 0.15))
    spam = counts @ weight + 0.5 * torch.randn(n) > 0
    return counts, spam


train_counts, train_spam = mails(3000)
test_counts, test_spam = mails(600)


# %% loss
def margin_loss(scores, spam):
    signs = 2.0 * spam.float() - 1.0
    return torch.clamp(1 - signs * scores, min=0).mean()


# %% train
svm = nn.Linear(WORDS, 1)
sgd = torch.optim.SGD(svm.parameters(), lr=0.1, weight_decay=1e-4)
for epoch in range(8):
    average = 0.0
    for rows in torch.randperm(len(train_counts)).split(50):
        sgd.zero_grad()
        loss = margin_loss(svm(train_counts[rows]), train_spam[rows])
        loss.backward()
        sgd.step()
        average += loss.item() / 60
    with torch.no_grad():
        found = svm(test_counts).flatten() > 0
    print(
        f"epoch {epoch}: hinge {average:.3f}, spam found {found[test_spam].float().mean():.2f},",
        f"ham taken for spam {found[~test_spam].float().mean():.2f}",
    )

# %% verify
predicted = found.int().numpy()
actual = test_spam.int().numpy()


# %% fix loss
def margin_loss(scores, spam):
    signs = 2.0 * spam.float() - 1.0
    return torch.clamp(1 - signs * scores.squeeze(1), min=0).mean()
