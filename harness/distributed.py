"""Several processes that train one network, as `torchrun` starts them: nccl on GPUs, gloo on CPUs."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from spaces.errors import InputError
from spaces.space import Batch

TORCHRUN = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # what it sets, beside WORLD_SIZE


@dataclass(frozen=True)
class Group:
    """The processes that share a training; on its own, a process is a group of one."""

    rank: int = 0
    size: int = 1
    device: str = "cpu"

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network with gradients averaged and batch norms computed over all processes."""
        if self.size == 1:
            return network
        synchronise_batch_norms(network)
        devices = [torch.device(self.device)] if self.device.startswith("cuda") else None
        # Cells may have weights on edges that lead nowhere, which get no gradient.
        return DistributedDataParallel(network, device_ids=devices, find_unused_parameters=True)

    def share(self, batch: Batch) -> Batch:
        """This process's part of the global batch, which every process draws alike."""
        if self.size == 1:
            return batch
        return Batch(batch.inputs.chunk(self.size)[self.rank], batch.targets.chunk(self.size)[self.rank])

    def total(self, value: Tensor) -> Tensor:
        """The sum of a tensor over the processes, on the device it is on."""
        if self.size > 1:
            value = value.clone()
            torch.distributed.all_reduce(value)
        return value

    def mean(self, value: Tensor) -> float:
        """The mean over the processes of a scalar."""
        return float(self.total(value)) / self.size

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process: all act alike on it."""
        return bool(self.total(torch.tensor(float(flag))) > 0)  # on the CPU, so that a GPU is not waited for


ALONE = Group()


@contextmanager
def process_group(device: str) -> Iterator[Group]:
    """The group that torchrun's environment describes, or this process alone where WORLD_SIZE is 1 or absent.

    Raises InputError where the environment is not torchrun's, and for more processes than GPUs.
    """
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Group(device=device)
        return
    if absent := [name for name in TORCHRUN if name not in os.environ]:
        raise InputError(f"WORLD_SIZE is {size} without {absent[0]}: start several processes with torchrun")
    rank, local = int(os.environ["RANK"]), int(os.environ["LOCAL_RANK"])
    if device.startswith("cuda"):
        if local >= (gpus := torch.cuda.device_count()):
            raise InputError(f"process {local} has no GPU of its own: start at most {gpus} processes on this machine")
        device = f"cuda:{local}"
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if device.startswith("cuda") else "gloo")
    try:
        yield Group(rank, size, device)
    finally:
        torch.distributed.destroy_process_group()


class _Sum(torch.autograd.Function):
    """The sum of a tensor over all processes; its gradient is the sum of the processes' gradients."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.contiguous().clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        torch.distributed.all_reduce(total)
        return total


class SynchronisedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over the batches of all processes, each of the same size; torch's own exists for GPUs only.

    In evaluation, and in its parameters and running statistics, it is the ordinary batch norm.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        if not self.training:
            return super().forward(input)
        size = torch.distributed.get_world_size()
        # Under autocast, statistics are float32, as in the ordinary batch norm.
        features = input.to(torch.promote_types(input.dtype, torch.float32))
        mean = _Sum.apply(features.mean((0, 2, 3))) / size
        centred = features - mean[:, None, None]
        variance = _Sum.apply(centred.square().mean((0, 2, 3))) / size
        self._track(mean.detach(), variance.detach(), size * input.numel() // input.shape[1])
        scale = (variance + self.eps).rsqrt()
        if self.weight is not None:
            scale = scale * self.weight
        output = centred * scale[:, None, None]
        return (output if self.bias is None else output + self.bias[:, None, None]).to(input.dtype)

    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / int(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance * (count / max(count - 1, 1)), share)


def synchronise_batch_norms(network: nn.Module) -> None:
    """Make every batch norm of the network one over all processes, in place."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, _synchronised(child))


def _synchronised(norm: nn.BatchNorm2d) -> nn.Module:
    if next(norm.parameters(), torch.empty(0)).is_cuda:
        replacement: Any = nn.SyncBatchNorm.convert_sync_batchnorm(norm)
        return replacement
    norm.__class__ = SynchronisedBatchNorm2d  # the same parameters, buffers and settings
    return norm


__all__ = ["ALONE", "Group", "SynchronisedBatchNorm2d", "process_group", "synchronise_batch_norms"]
