"""The named methods. Other packages add theirs through the entry point group `nas_harness.methods`."""

import fnmatch
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

from methods.beta_darts import BetaDecay
from methods.darts_plus import EarlyStopping
from methods.darts_pt import Perturbation
from methods.differentiable import DifferentiableMethod
from methods.drnas import Dirichlet, DirichletAnchor
from methods.enas import Enas
from methods.fair_darts import Sigmoid, Threshold, ZeroOne
from methods.first_order import FirstOrder
from methods.hapg import AdamHapg, Hapg
from methods.local_search import LocalSearch
from methods.method import Method
from methods.mixed_level import MixedLevel
from methods.p_darts import Progressive, SkipLimit
from methods.parts import Parts
from methods.pc_darts import PartialChannels
from methods.pr_darts import GroupSparsity, HardConcrete, PathDepth
from methods.proxylessnas import TwoPath
from methods.random_search import RandomSearch
from methods.regularised_evolution import RegularisedEvolution
from methods.regulariser import Latency
from methods.reinforce import Reinforce
from methods.relaxation import GumbelSoftmax, HardGumbel, Linear, Softmax
from methods.relaxed import Relaxed
from methods.rsps import Rsps
from methods.second_order import SecondOrder
from methods.setn import Setn
from methods.single_level import SingleLevel
from methods.smooth_darts import SmoothedSoftmax
from methods.support import KeepSupport
from methods.tpe import Tpe
from spaces.errors import unknown


@dataclass(frozen=True)
class NamedMethod:
    """A method as users ask for it."""

    name: str
    summary: str
    paper: str
    implementation: type[Method]

    @property
    def trains_supernet(self) -> bool:
        """Whether the method trains a supernet on images (else it evaluates architectures on a table)."""
        return self.implementation.trains_supernet


_REGISTERED: dict[str, NamedMethod] = {}


def register(name: str, implementation: type[Method], *, summary: str, paper: str) -> NamedMethod:
    """Make a method known under a name."""
    _REGISTERED[name] = NamedMethod(name, summary, paper, implementation)
    return _REGISTERED[name]


def compose(name: str, parts: Parts) -> type[DifferentiableMethod]:
    """The differentiable method that is made of the given parts."""
    return type(name, (DifferentiableMethod,), {"parts": parts, "Settings": parts.settings_model(name)})


def find_registered(name: str) -> NamedMethod:
    """The method of that name; raises InputError offering the nearest names."""
    _load_entry_points()
    if name not in _REGISTERED:
        raise unknown("method", name, _REGISTERED)
    return _REGISTERED[name]


def list_methods(pattern: str = "*") -> list[NamedMethod]:
    """The methods whose name matches a shell pattern such as `darts-*`."""
    _load_entry_points()
    return [method for name, method in _REGISTERED.items() if fnmatch.fnmatch(name, pattern)]


@cache
def _load_entry_points() -> None:
    for entry in entry_points(group="nas_harness.methods"):
        entry.load()


_COMPOSED = [
    ("rarts", Parts(Softmax, Relaxed, (Latency,)), "relaxed architecture search: two weight copies, one alpha",
     "Xue, Qi and Xin, RARTS, IEEE Access 2022"),
    ("darts-1", Parts(Softmax, FirstOrder, (Latency,)), "first-order DARTS", "Liu et al., DARTS, ICLR 2019"),
    ("darts-2", Parts(Softmax, SecondOrder, (Latency,)), "second-order DARTS", "Liu et al., DARTS, ICLR 2019"),
    ("milenas", Parts(Softmax, MixedLevel, (Latency,)), "mixed-level search", "He et al., MiLeNAS, CVPR 2020"),
    ("gdas", Parts(HardGumbel, FirstOrder, (Latency,)), "one sampled operation per edge, straight-through gradient",
     "Dong and Yang, GDAS, CVPR 2019"),
    ("one-level", Parts(Softmax, SingleLevel, (Latency,)), "weights and alpha along one loss of all training images",
     "Liu et al., DARTS, ICLR 2019, Section 3.3"),
    ("snas", Parts(GumbelSoftmax, SingleLevel, (Latency,),
                   defaults={"temperature_start": 1.0, "temperature_end": 0.03}),
     "one relaxed sample a batch, single level, expected cost", "Xie et al., SNAS, ICLR 2019"),
    ("fair-darts", Parts(Sigmoid, FirstOrder, (Latency, ZeroOne), discretisation=Threshold),
     "operations that do not compete, zero-one loss", "Chu et al., Fair DARTS, ECCV 2020"),
    ("pc-darts", Parts(PartialChannels, FirstOrder, (Latency,),  # Section 4.2: 50 epochs of 98 batches, alpha after 15
                       defaults={"batch_size": 256, "steps": 4900, "warmup_steps": 1470, "weight_learning_rate": 0.1,
                                 "alpha_learning_rate": 6e-4}),
     "operations on a share of the channels, edges with weights of their own", "Xu et al., PC-DARTS, ICLR 2020"),
    ("p-darts", Parts(Softmax, FirstOrder, (Latency,), Progressive, SkipLimit,  # Section 4.2: 3 x 25 epochs
                      defaults={"batch_size": 96, "steps": 19_500, "weight_learning_rate_end": 0.0,
                                "alpha_learning_rate": 6e-4}),
     "a supernet that grows deeper while candidates are given up", "Chen et al., P-DARTS, ICCV 2019"),
    ("proxylessnas", Parts(TwoPath, FirstOrder, (Latency,), defaults={"alpha_beta1": 0.0, "alpha_weight_decay": 0.0}),
     "binary gates: one path for weights, two for alpha", "Cai et al., ProxylessNAS, ICLR 2019"),
    ("pr-darts", Parts(HardConcrete, FirstOrder, (Latency, GroupSparsity, PathDepth), defaults={"batch_size": 128}),
     "sparse stochastic gates, rewarded for deep paths", "Zhou et al., PR-DARTS, NeurIPS 2020"),
    ("sparsenas", Parts(Linear, Hapg, discretisation=KeepSupport),
     "linear weights pruned by HAPG under a sparse group lasso", "Wu et al., SparseNAS, AAAI 2021"),
    ("sparsenas-adam", Parts(Linear, AdamHapg, discretisation=KeepSupport),
     "linear weights pruned by AdamHAPG under a sparse group lasso", "Wu et al., SparseNAS, AAAI 2021"),
    ("darts-plus", Parts(Softmax, FirstOrder, (Latency,), EarlyStopping),
     "first-order DARTS that stops at two skip connections", "Liang et al., DARTS+, 2019"),
    ("darts-pt", Parts(Softmax, FirstOrder, (Latency,), discretisation=Perturbation),
     "operations chosen by what the supernet loses without them", "Wang et al., DARTS-PT, ICLR 2021"),
    ("beta-darts", Parts(Softmax, FirstOrder, (Latency, BetaDecay), defaults={"alpha_weight_decay": 0.0}),
     "a decay of the softmax's divisor", "Ye et al., beta-DARTS, CVPR 2022"),
    ("smooth-darts-rs", Parts(SmoothedSoftmax, FirstOrder, (Latency,)),
     "weights trained under randomly perturbed mixtures", "Chen and Hsieh, SmoothDARTS, ICML 2020"),
    ("drnas", Parts(Dirichlet, FirstOrder, (Latency, DirichletAnchor), defaults={"alpha_weight_decay": 0.0}),
     "mixtures drawn from a learned Dirichlet distribution", "Chen et al., DrNAS, ICLR 2021"),
]  # fmt: skip
for _name, _parts, _summary, _paper in _COMPOSED:
    register(_name, compose(_name, _parts), summary=_summary, paper=_paper)
register("random-search", RandomSearch, summary="uniform samples, best validation error wins",
         paper="Li and Talwalkar, UAI 2019")  # fmt: skip
register("regularised-evolution", RegularisedEvolution, summary="ageing evolution, one mutation a child",
         paper="Real et al., AAAI 2019")  # fmt: skip
register("reinforce", Reinforce, summary="softmax policy moved by validation accuracy",
         paper="Williams 1992; Dong and Yang, NAS-Bench-201, ICLR 2020")  # fmt: skip
register("tpe", Tpe, summary="tree-structured Parzen estimator over the cell's choices",
         paper="Bergstra et al., NeurIPS 2011")  # fmt: skip
register("local-search", LocalSearch, summary="move to the best neighbour, restart at local optima",
         paper="White et al., UAI 2021")  # fmt: skip
register("rsps", Rsps, summary="random single-path weight sharing, best one-shot error of uniform samples wins",
         paper="Li and Talwalkar, UAI 2019")  # fmt: skip
register("enas", Enas, summary="weights shared by the paths of an LSTM controller, moved by REINFORCE",
         paper="Pham et al., ENAS, ICML 2018")  # fmt: skip
register("setn", Setn, summary="uniformly trained template, best one-shot error of samples from softmax(alpha) wins",
         paper="Dong and Yang, SETN, ICCV 2019")  # fmt: skip
