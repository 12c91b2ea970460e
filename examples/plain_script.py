"""The same watching without a notebook: a `with` block in a plain script.

    python examples/plain_script.py

Or leave a script as it is, and watch it from outside: `python -m collapse_magic script.py`.
"""

from __future__ import annotations

import torch
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

import collapse_magic


def load(malignant_kept: int) -> DataLoader[tuple[torch.Tensor, ...]]:
    """Breast cancer data of which only a few malignant cases are kept (class 0: malignant)."""
    data = load_breast_cancer()
    features = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float32)
    labels = torch.tensor(data.target)
    kept = torch.cat([torch.where(labels == 0)[0][:malignant_kept], torch.where(labels == 1)[0]])
    return DataLoader(TensorDataset(features[kept], labels[kept]), batch_size=16, shuffle=True)


def main() -> None:
    torch.manual_seed(0)
    loader = load(malignant_kept=20)
    model = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Linear(16, 2), nn.Softmax(dim=1))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    with collapse_magic.watch_training(
        name="plain-script", class_names=["malignant", "benign"]
    ) as watch:
        for _epoch in range(30):
            for features, labels in loader:
                optimizer.zero_grad()
                loss = criterion(model(features), labels)
                loss.backward()
                optimizer.step()

    first = watch.report.findings[0] if watch.report.findings else None
    print("collapsed:", watch.report.collapsed, "- first finding:", first and first.rule)


if __name__ == "__main__":
    main()
