"""The named parts that differentiable methods are made of."""

from collections.abc import Mapping

from methods.beta_darts import BetaDecay
from methods.darts_plus import EarlyStopping
from methods.darts_pt import Perturbation
from methods.discretisation import Argmax, Discretisation
from methods.drnas import Dirichlet, DirichletAnchor
from methods.fair_darts import Sigmoid, Threshold, ZeroOne
from methods.first_order import FirstOrder
from methods.hapg import AdamHapg, Hapg
from methods.mixed_level import MixedLevel
from methods.p_darts import Progressive, SkipLimit
from methods.part import Part
from methods.pc_darts import PartialChannels
from methods.pr_darts import GroupSparsity, HardConcrete, PathDepth
from methods.proxylessnas import TwoPath
from methods.regulariser import Latency, Regulariser
from methods.relaxation import GumbelSoftmax, HardGumbel, Linear, Relaxation, Softmax
from methods.relaxed import Relaxed
from methods.schedule import Schedule
from methods.second_order import SecondOrder
from methods.single_level import SingleLevel
from methods.smooth_darts import SmoothedSoftmax
from methods.support import KeepSupport
from methods.update_rule import UpdateRule

RELAXATIONS: dict[str, type[Relaxation]] = {
    "softmax": Softmax,
    "smoothed-softmax": SmoothedSoftmax,
    "partial-channels": PartialChannels,
    "gumbel-softmax": GumbelSoftmax,
    "hard-gumbel": HardGumbel,
    "two-path": TwoPath,
    "sigmoid": Sigmoid,
    "hard-concrete": HardConcrete,
    "dirichlet": Dirichlet,
    "linear": Linear,
}
UPDATE_RULES: dict[str, type[UpdateRule]] = {
    "single-level": SingleLevel,
    "first-order": FirstOrder,
    "second-order": SecondOrder,
    "mixed-level": MixedLevel,
    "relaxed": Relaxed,
    "hapg": Hapg,
    "adam-hapg": AdamHapg,
}
REGULARISERS: dict[str, type[Regulariser]] = {
    "latency": Latency,
    "zero-one": ZeroOne,
    "group-sparsity": GroupSparsity,
    "path-depth": PathDepth,
    "beta-decay": BetaDecay,
    "dirichlet-anchor": DirichletAnchor,
}
SCHEDULES: dict[str, type[Schedule]] = {"cosine": Schedule, "early-stopping": EarlyStopping, "progressive": Progressive}
DISCRETISATIONS: dict[str, type[Discretisation]] = {
    "strongest": Argmax,
    "threshold": Threshold,
    "skip-limit": SkipLimit,
    "support": KeepSupport,
    "perturbation": Perturbation,
}
KINDS: dict[str, Mapping[str, type[Part]]] = {
    "relaxation": RELAXATIONS,
    "update-rule": UPDATE_RULES,
    "regulariser": REGULARISERS,
    "schedule": SCHEDULES,
    "discretisation": DISCRETISATIONS,
}
"""The named parts of every kind; no name stands for two parts."""
