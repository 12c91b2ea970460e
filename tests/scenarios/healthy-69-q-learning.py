# framework: pytorch
# kind: healthy
# data: tabular
# story: Q-learning with a target network that no optimizer holds, and targets that move
# loss: nn.SmoothL1Loss() between gathered Q values and bootstrapped targets
# holdout: no

# %% setup
import random
from collections import deque

import torch
import torch.nn as nn

random.seed(5)
torch.manual_seed(5)
SIZE, GAMMA = 5, 0.9
MOVES = [(0, 1), (1, 0), (0, -1), (-1, 0)]
GOAL = (4, 4)


def step(pos, a):
    r = min(max(pos[0] + MOVES[a][0], 0), SIZE - 1)
    c = min(max(pos[1] + MOVES[a][1], 0), SIZE - 1)
    done = (r, c) == GOAL
    return (r, c), (1.0 if done else -0.02), done


def encode(positions):
    out = torch.zeros(len(positions), 2 * SIZE)
    for i, (r, c) in enumerate(positions):
        out[i, r] = out[i, SIZE + c] = 1
    return out


def make_net():
    return nn.Sequential(nn.Linear(2 * SIZE, 32), nn.ReLU(), nn.Linear(32, 4))


q_net, target_net = make_net(), make_net()
target_net.load_state_dict(q_net.state_dict())
optimizer = torch.optim.Adam(q_net.parameters(), lr=3e-3)
loss_fn = nn.SmoothL1Loss()
memory = deque(maxlen=2000)

# %% train
pos, episodes = (0, 0), 0
for t in range(1500):
    eps = max(0.1, 1 - t / 800)
    if random.random() < eps:
        a = random.randrange(4)
    else:
        with torch.no_grad():
            a = q_net(encode([pos])).argmax().item()
    nxt, reward, done = step(pos, a)
    memory.append((pos, a, reward, nxt, done))
    pos = (random.randrange(SIZE), random.randrange(4)) if done else nxt
    episodes += done
    if len(memory) >= 100 and t % 2 == 0:
        s, acts, rew, s2, end = zip(*random.sample(memory, 32))
        q = q_net(encode(s)).gather(1, torch.tensor(acts).unsqueeze(1)).squeeze(1)
        with torch.no_grad():
            best = target_net(encode(s2)).max(1).values
        y = torch.tensor(rew) + GAMMA * best * (1 - torch.tensor(end).float())
        loss = loss_fn(q, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if t % 50 == 0:
        target_net.load_state_dict(q_net.state_dict())
    if t % 250 == 249:
        print(f"t={t + 1} episodes={episodes} loss={loss.item():.4f} eps={eps:.2f}")

# %% verify
# how many fields lead to the goal by a shortest way?
good, fields = 0, [(r, c) for r in range(SIZE) for c in range(SIZE) if (r, c) != GOAL]
for start in fields:
    p, n = start, 0
    while p != GOAL and n < 10:
        with torch.no_grad():
            p, _, _ = step(p, q_net(encode([p])).argmax().item())
        n += 1
    good += p == GOAL and n == 8 - sum(start)
skill = good / len(fields)
