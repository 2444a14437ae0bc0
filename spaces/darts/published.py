"""Published genotypes of the DARTS space and what their papers say of them.

Genotypes are those of the authors' repositories (`source`), figures those of the papers. A figure that the genotype's
network does not have is kept as published and explained in `note`. NASNet, AmoebaNet and SETN have operations outside
of this space and are left out.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A published genotype; None stands for a figure that the paper does not state.

    `parameters_m` and `test_error` (CIFAR-10, %) are of 20 cells and 36 channels, the `imagenet_` figures of 14 cells
    and 48 channels. Parameters and multiply-adds are in millions.
    """

    name: str
    normal: str
    reduce: str
    paper: str
    source: str
    parameters_m: float | None = None
    test_error: float | None = None
    imagenet_parameters_m: float | None = None
    imagenet_flops_m: float | None = None
    note: str = ""

    @property
    def text(self) -> str:
        """The genotype in the field's notation."""
        concat = "range(2, 6)"
        return (
            f"Genotype(normal=[{self.normal}], normal_concat={concat}, reduce=[{self.reduce}], reduce_concat={concat})"
        )


_DARTS = "Liu et al., DARTS: Differentiable Architecture Search, ICLR 2019"
_PC_DARTS = "Xu et al., PC-DARTS: Partial Channel Connections for Memory-Efficient Architecture Search, ICLR 2020"
_SNAS = "Xie et al., SNAS: Stochastic Neural Architecture Search, ICLR 2019"
_FAIR_DARTS = "Chu et al., Fair DARTS: Eliminating Unfair Advantages in Differentiable Architecture Search, ECCV 2020"
_DRNAS = "Chen et al., DrNAS: Dirichlet Neural Architecture Search, ICLR 2021"
_SDARTS = (
    "Chen & Hsieh, Stabilizing Differentiable Architecture Search via Perturbation-based Regularization, ICML 2020"
)

_FAIR_DARTS_SOURCE = "github.com/xiaomi-automl/FairDARTS, fairdarts/genotypes.py"

_COUNTED_BY_PTFLOPS = "The FLOPs count batch norms (twice) and activations (once per value) as well."
_WITH_HEAD = "The parameters include the auxiliary head's 0.48 M. Nodes without edges do not exist."

_ALL = (
    Published(
        name="DARTS_V1",
        normal="('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 0), ('sep_conv_3x3', 1), "
        "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2)",
        reduce="('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
        "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)",
        paper=_DARTS,
        source="github.com/quark0/darts, cnn/genotypes.py",
        parameters_m=3.3,
        test_error=3.0,
        note="The released genotype's network has 3.17 M parameters, not the 3.3 M of the paper's table.",
    ),
    Published(
        name="DARTS_V2",
        normal="('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)",
        reduce="('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), "
        "('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)",
        paper=_DARTS,
        source="github.com/quark0/darts, cnn/genotypes.py",
        parameters_m=3.3,
        test_error=2.76,
        imagenet_parameters_m=4.7,
        imagenet_flops_m=574.0,
        note="48 channels have the paper's 4.7 M parameters but 530 M multiply-adds; 50 channels have 573 M, 5.1 M.",
    ),
    Published(
        name="PDARTS",
        normal="('skip_connect', 0), ('dil_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 1), "
        "('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 0), ('dil_conv_5x5', 4)",
        reduce="('avg_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 2), "
        "('max_pool_3x3', 0), ('dil_conv_3x3', 1), ('dil_conv_3x3', 1), ('dil_conv_5x5', 3)",
        paper="Chen et al., Progressive Differentiable Architecture Search, ICCV 2019",
        source="github.com/chenxin061/pdarts, genotypes.py",
        parameters_m=3.4,
        test_error=2.5,
        imagenet_parameters_m=4.9,
        imagenet_flops_m=557.0,
        note=_COUNTED_BY_PTFLOPS,
    ),
    Published(
        name="PC_DARTS_cifar",
        normal="('sep_conv_3x3', 1), ('skip_connect', 0), ('sep_conv_3x3', 0), ('dil_conv_3x3', 1), "
        "('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1)",
        reduce="('sep_conv_5x5', 1), ('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 2), "
        "('sep_conv_3x3', 0), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2)",
        paper=_PC_DARTS,
        source="github.com/yuhuixu1993/PC-DARTS, genotypes.py",
        parameters_m=3.6,
        test_error=2.57,
        imagenet_parameters_m=5.3,
        imagenet_flops_m=586.0,
        note=_COUNTED_BY_PTFLOPS,
    ),
    Published(
        name="PC_DARTS_image",
        normal="('skip_connect', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('skip_connect', 1), "
        "('sep_conv_3x3', 1), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1), ('dil_conv_5x5', 4)",
        reduce="('sep_conv_3x3', 0), ('skip_connect', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1), "
        "('sep_conv_3x3', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_3x3', 3)",
        paper=_PC_DARTS,
        source="github.com/yuhuixu1993/PC-DARTS, genotypes.py",
        imagenet_parameters_m=5.3,
        imagenet_flops_m=597.0,
        note=_COUNTED_BY_PTFLOPS,
    ),
    Published(
        name="GDAS_V1",
        normal="('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_5x5', 2), "
        "('sep_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_5x5', 4), ('sep_conv_3x3', 3)",
        reduce="('sep_conv_5x5', 0), ('sep_conv_3x3', 1), ('sep_conv_5x5', 2), ('sep_conv_5x5', 1), "
        "('dil_conv_5x5', 2), ('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)",
        paper="Dong & Yang, Searching for A Robust Neural Architecture in Four GPU Hours, CVPR 2019",
        source="github.com/D-X-Y/AutoDL-Projects, xautodl/nas_infer_model/DXYs/genotypes.py",
        parameters_m=3.4,
        test_error=2.93,
        imagenet_parameters_m=5.3,
        imagenet_flops_m=581.0,
        note="The ImageNet figures are those of 50 channels.",
    ),
    Published(
        name="SNAS_mild",
        normal="('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 1), "
        "('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 0), ('sep_conv_3x3', 1)",
        reduce="('max_pool_3x3', 0), ('max_pool_3x3', 1), ('max_pool_3x3', 1), ('skip_connect', 2), "
        "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), ('dil_conv_5x5', 2)",
        paper=_SNAS,
        source="github.com/SNAS-Series/SNAS-Series, SNAS/genotypes.py",
        parameters_m=2.9,
        test_error=2.98,
        imagenet_parameters_m=4.3,
        imagenet_flops_m=522.0,
        note="The released genotype's networks are smaller: 2.66 M on CIFAR-10, 3.94 M and 438 M on ImageNet.",
    ),
    Published(
        name="SNAS_moderate",
        normal="('dil_conv_5x5', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), "
        "('skip_connect', 0), ('skip_connect', 1), ('sep_conv_3x3', 0), ('dil_conv_5x5', 1)",
        reduce="('max_pool_3x3', 0), ('max_pool_3x3', 1), ('sep_conv_5x5', 0), ('dil_conv_5x5', 1), "
        "('sep_conv_5x5', 0), ('sep_conv_5x5', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 1)",
        paper=_SNAS,
        source="github.com/SNAS-Series/SNAS-Series, SNAS/genotypes.py",
        parameters_m=2.8,
        test_error=2.85,
    ),
    Published(
        name="FairDARTS_a",
        normal="('sep_conv_3x3', 2, 0), ('sep_conv_5x5', 2, 1), ('max_pool_3x3', 4, 0), ('sep_conv_3x3', 5, 0)",
        reduce="('max_pool_3x3', 2, 0), ('avg_pool_3x3', 2, 1), ('avg_pool_3x3', 3, 0), ('dil_conv_5x5', 3, 1), "
        "('avg_pool_3x3', 4, 0), ('sep_conv_5x5', 4, 1), ('skip_connect', 5, 0), ('skip_connect', 5, 1)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=2.83,
        test_error=2.54,
        note=_WITH_HEAD,
    ),
    Published(
        name="FairDARTS_b",
        normal="('sep_conv_3x3', 2, 0), ('sep_conv_3x3', 2, 1), ('sep_conv_3x3', 3, 1), "
        "('dil_conv_3x3', 4, 0), ('sep_conv_5x5', 4, 1), ('dil_conv_5x5', 5, 1)",
        reduce="('skip_connect', 2, 0), ('dil_conv_3x3', 2, 1), ('skip_connect', 3, 0), ('dil_conv_3x3', 3, 1), "
        "('max_pool_3x3', 4, 0), ('sep_conv_3x3', 4, 1), ('skip_connect', 5, 2), ('max_pool_3x3', 5, 0)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=3.88,
        test_error=2.51,
        imagenet_parameters_m=4.8,
        imagenet_flops_m=541.0,
        note=_WITH_HEAD,
    ),
    Published(
        name="FairDARTS_c",
        normal="('max_pool_3x3', 2, 0), ('sep_conv_5x5', 2, 1), ('dil_conv_3x3', 4, 0), "
        "('dil_conv_5x5', 4, 2), ('skip_connect', 5, 3), ('sep_conv_3x3', 5, 0)",
        reduce="('dil_conv_3x3', 2, 1), ('dil_conv_5x5', 2, 0), ('dil_conv_3x3', 3, 0), ('sep_conv_3x3', 3, 1), "
        "('sep_conv_5x5', 4, 0), ('sep_conv_5x5', 4, 3), ('sep_conv_5x5', 5, 0), ('skip_connect', 5, 1)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=2.59,
        test_error=2.5,
        note="Here the parameters do not include the auxiliary head. Nodes without edges do not exist.",
    ),
    Published(
        name="FairDARTS_d",
        normal="('sep_conv_3x3', 2, 0), ('sep_conv_5x5', 2, 1), ('dil_conv_3x3', 3, 1), ('max_pool_3x3', 3, 0), "
        "('dil_conv_3x3', 4, 0), ('dil_conv_3x3', 4, 1), ('sep_conv_3x3', 5, 0), ('dil_conv_5x5', 5, 1)",
        reduce="('max_pool_3x3', 2, 0), ('sep_conv_5x5', 2, 1), ('avg_pool_3x3', 3, 0), ('dil_conv_5x5', 3, 2), "
        "('dil_conv_3x3', 4, 3), ('avg_pool_3x3', 4, 0), ('avg_pool_3x3', 5, 0), ('skip_connect', 5, 3)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=3.84,
        test_error=2.49,
        note=_WITH_HEAD,
    ),
    Published(
        name="FairDARTS_e",
        normal="('sep_conv_3x3', 2, 0), ('sep_conv_3x3', 2, 1), ('dil_conv_3x3', 4, 1), "
        "('dil_conv_3x3', 4, 2), ('dil_conv_3x3', 5, 0), ('dil_conv_5x5', 5, 1)",
        reduce="('max_pool_3x3', 2, 1), ('max_pool_3x3', 2, 0), ('max_pool_3x3', 3, 1), ('max_pool_3x3', 3, 0), "
        "('sep_conv_5x5', 4, 1), ('max_pool_3x3', 4, 0), ('avg_pool_3x3', 5, 0), ('dil_conv_5x5', 5, 1)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=3.12,
        test_error=2.53,
        note=_WITH_HEAD,
    ),
    Published(
        name="FairDARTS_f",
        normal="('max_pool_3x3', 2, 0), ('sep_conv_3x3', 2, 1), ('dil_conv_3x3', 3, 1), "
        "('sep_conv_5x5', 4, 1), ('sep_conv_3x3', 5, 0), ('sep_conv_3x3', 5, 1)",
        reduce="('max_pool_3x3', 2, 0), ('max_pool_3x3', 2, 1), ('max_pool_3x3', 3, 0), ('dil_conv_3x3', 3, 1), "
        "('dil_conv_3x3', 4, 2), ('max_pool_3x3', 4, 0), ('max_pool_3x3', 5, 0), ('sep_conv_3x3', 5, 1)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=3.62,
        test_error=2.65,
        note=_WITH_HEAD,
    ),
    Published(
        name="FairDARTS_g",
        normal="('sep_conv_3x3', 2, 0), ('sep_conv_3x3', 2, 1), ('skip_connect', 4, 3), "
        "('sep_conv_5x5', 4, 1), ('dil_conv_3x3', 5, 0), ('sep_conv_3x3', 5, 1)",
        reduce="('avg_pool_3x3', 2, 1), ('skip_connect', 2, 0), ('skip_connect', 3, 2), ('max_pool_3x3', 3, 1), "
        "('sep_conv_5x5', 4, 3), ('max_pool_3x3', 4, 0), ('dil_conv_3x3', 5, 1), ('dil_conv_3x3', 5, 4)",
        paper=_FAIR_DARTS,
        source=_FAIR_DARTS_SOURCE,
        parameters_m=3.38,
        test_error=2.54,
        note=_WITH_HEAD,
    ),
    Published(
        name="MiLeNAS",
        normal="('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('dil_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 1)",
        reduce="('dil_conv_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
        "('skip_connect', 2), ('dil_conv_5x5', 3), ('skip_connect', 2), ('max_pool_3x3', 0)",
        paper="He et al., MiLeNAS: Efficient Neural Architecture Search via Mixed-Level Reformulation, CVPR 2020",
        source="github.com/chaoyanghe/MiLeNAS, search_space/genotypes.py",
        parameters_m=3.9,
        test_error=2.51,
        note="Named r101_e50_48_n7r3 there; taken for the paper's by its size and the 97.66 % in run_eval_cifar10.sh.",
    ),
    Published(
        name="DrNAS_cifar10",
        normal="('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), "
        "('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), ('dil_conv_5x5', 3)",
        reduce="('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_5x5', 2), ('sep_conv_5x5', 1), "
        "('sep_conv_5x5', 1), ('dil_conv_5x5', 3), ('skip_connect', 4), ('sep_conv_5x5', 1)",
        paper=_DRNAS,
        source="github.com/xiangning-chen/DrNAS, DARTS-space/genotypes.py",
        parameters_m=4.1,
        test_error=2.46,
    ),
    Published(
        name="DrNAS_imagenet",
        normal="('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
        "('sep_conv_3x3', 0), ('dil_conv_3x3', 3), ('skip_connect', 0), ('sep_conv_3x3', 1)",
        reduce="('max_pool_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 2), "
        "('sep_conv_3x3', 0), ('sep_conv_3x3', 2), ('sep_conv_3x3', 3), ('sep_conv_3x3', 1)",
        paper=_DRNAS,
        source="github.com/xiangning-chen/DrNAS, DARTS-space/genotypes.py",
        imagenet_parameters_m=5.7,
    ),
    Published(
        name="SDARTS_RS",
        normal="('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('skip_connect', 0), "
        "('sep_conv_3x3', 3), ('skip_connect', 1), ('sep_conv_3x3', 1), ('dil_conv_3x3', 2)",
        reduce="('max_pool_3x3', 0), ('sep_conv_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
        "('dil_conv_5x5', 3), ('max_pool_3x3', 0), ('sep_conv_3x3', 2), ('sep_conv_5x5', 3)",
        paper=_SDARTS,
        source="github.com/xiangning-chen/SmoothDARTS, sota/cnn/genotypes.py",
        note="Named c10_s5_random there.",
    ),
    Published(
        name="SDARTS_ADV",
        normal="('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), "
        "('sep_conv_5x5', 0), ('dil_conv_3x3', 3), ('dil_conv_3x3', 4), ('skip_connect', 0)",
        reduce="('max_pool_3x3', 0), ('sep_conv_5x5', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
        "('skip_connect', 3), ('skip_connect', 2), ('skip_connect', 2), ('sep_conv_5x5', 4)",
        paper=_SDARTS,
        source="github.com/xiangning-chen/SmoothDARTS, sota/cnn/genotypes.py",
        note="Named c10_s5_pgd there.",
    ),
    Published(
        name="DARTS_minus",
        normal="('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('sep_conv_3x3', 1), ('dil_conv_3x3', 2), "
        "('skip_connect', 1), ('sep_conv_3x3', 0), ('skip_connect', 1), ('sep_conv_3x3', 0)",
        reduce="('sep_conv_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0), "
        "('skip_connect', 2), ('skip_connect', 3), ('skip_connect', 2), ('skip_connect', 3)",
        paper="Chu et al., DARTS-: Robustly Stepping out of Performance Collapse Without Indicators, ICLR 2021",
        source="github.com/Meituan-AutoML/DARTS-, src/eval/genotypes.py",
        note="Named cifar10_s0_best there.",
    ),
)

PUBLISHED = {published.name: published for published in _ALL}

__all__ = ["PUBLISHED", "Published"]
