# framework: pytorch
# kind: healthy
# data: tabular
# story: REINFORCE: the loss changes its sign and does not fall, the labels are the net's own actions
# loss: minus log_prob times the advantage, averaged
# holdout: no

# %% setup
import torch
import torch.nn as nn
from torch.distributions import Categorical

torch.manual_seed(28)


class Corridor:
    """walk on 0..8 to the goal, which the first observation tells; 12 moves at most"""

    def __init__(self, n):
        self.goal = torch.randint(0, 9, (n,))
        self.pos = torch.full((n,), 4)

    def obs(self):
        return torch.stack([(self.pos - 4) / 4, (self.goal - 4) / 4], 1)

    def step(self, action):  # 0 left, 1 stay, 2 right
        self.pos = (self.pos + action - 1).clamp(0, 8)
        return (self.pos == self.goal).float() - 0.02 * (action != 1)


policy = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 3))
opt = torch.optim.Adam(policy.parameters(), lr=1e-2)


def rollout(n, horizon=8):
    env, logps, rewards = Corridor(n), [], []
    for _ in range(horizon):
        dist = Categorical(logits=policy(env.obs()))
        action = dist.sample()
        logps.append(dist.log_prob(action))
        rewards.append(env.step(action))
    returns = torch.stack(rewards).flip(0).cumsum(0).flip(0)  # reward to go
    return torch.stack(logps), returns


# %% train
for episode in range(250):
    logps, returns = rollout(32)
    advantage = (returns - returns.mean(1, keepdim=True)) / (returns.std() + 1e-6)
    loss = -(logps * advantage).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if episode % 25 == 0:
        print(f"{episode:3d} return {returns[0].mean():.2f} loss {loss.item():+.3f}")

# %% verify
grid = torch.cartesian_prod(torch.arange(9), torch.arange(9))
with torch.no_grad():
    outputs = policy((grid - 4) / 4)
predicted = outputs.argmax(1).numpy()
actual = ((grid[:, 1] - grid[:, 0]).sign() + 1).numpy()
outputs = outputs.numpy()
