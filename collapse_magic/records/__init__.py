"""What was observed, as plain numbers.

Probes emit records; history, rules, the event writer and the Collapse tab read
them. A record holds no tensor, no module and no frame: only names, integers,
floats and tuples of these. ``records.schema.json`` is the written contract.

Common words
    step    1 for the work up to and including the first optimizer step of the
            run, counted over all optimizers of the run; where a model is fitted
            by a single call, rounds of its solver
    site    one place where a loss is computed for one model, for example
            ``cross_entropy`` or ``cross_entropy-2``; several losses and models
            in one cell are several sites
    model   name of a model, by the user's variable where one is found
    nats    unit of every entropy and cross entropy
"""

from __future__ import annotations

from .events import (
    BatchTried,
    EpochEnded,
    FitEnded,
    LossRaised,
    NonFinite,
    ProbeNote,
)
from .facts import (
    InputFacts,
    LayerFacts,
    LossFacts,
    ModelFacts,
    ModelMode,
    OptimizerFacts,
    OutputReading,
    ParameterSet,
    RunStarted,
    TrainingLoop,
    Wiring,
)
from .measures import (
    ActivationStatistics,
    LayerStatistics,
    LearningRate,
    LossValues,
    PredictionWindow,
)
from .words import InputKind, Phase, Place, Reading, Start, TargetKind, Task

__all__ = [
    "ActivationStatistics",
    "BatchTried",
    "EpochEnded",
    "FitEnded",
    "InputFacts",
    "InputKind",
    "LayerFacts",
    "LayerStatistics",
    "LearningRate",
    "LossFacts",
    "LossRaised",
    "LossValues",
    "ModelFacts",
    "ModelMode",
    "NonFinite",
    "OptimizerFacts",
    "OutputReading",
    "ParameterSet",
    "Phase",
    "Place",
    "PredictionWindow",
    "ProbeNote",
    "Reading",
    "Record",
    "RunStarted",
    "Start",
    "TargetKind",
    "Task",
    "TrainingLoop",
    "Wiring",
]

Record = (
    RunStarted
    | ModelFacts
    | ModelMode
    | Wiring
    | TrainingLoop
    | InputFacts
    | OptimizerFacts
    | LossFacts
    | LossValues
    | PredictionWindow
    | LayerStatistics
    | ActivationStatistics
    | LearningRate
    | NonFinite
    | EpochEnded
    | FitEnded
    | LossRaised
    | OutputReading
    | BatchTried
    | ProbeNote
)
