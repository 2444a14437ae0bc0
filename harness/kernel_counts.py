"""The arithmetic and the memory traffic of whatever torch executes, kernel by kernel."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

aten = torch.ops.aten

_ALLOCATIONS = {aten.empty, aten.empty_like, aten.empty_strided, aten.new_empty, aten.new_empty_strided}
_SAME_MEMORY = {aten._unsafe_view, aten.lift_fresh}  # views that the schema does not call so
# Arguments, by position, that are there for their shape, or only to be overwritten.
_UNREAD = {
    aten.copy_: (0,),
    aten.fill_: (0,),
    aten.zero_: (0,),
    aten.zeros_like: (0,),
    aten.ones_like: (0,),
    aten.full_like: (0,),
    aten.new_zeros: (0,),
    aten.new_ones: (0,),
    aten.new_full: (0,),
    aten.avg_pool2d_backward: (1,),
    aten.max_pool2d_with_indices_backward: (1,),
}


@dataclass(frozen=True)
class Kernel:
    """One executed ATen operation."""

    name: str
    flops: float  # of matrix products and convolutions, a multiply-add being two; 0 for all else
    bytes: float  # every input read once, every output written once
    depthwise: bool = False  # a convolution, or its gradient, with one filter for every channel


def count_kernels(function: Callable[[], object]) -> list[Kernel]:
    """What the function executes in this thread and in the backward passes that it starts; views execute nothing.

    Kernels inside custom autograd functions count like all others.
    """
    with _Counter() as counter:
        function()
    return counter.kernels


class _Counter(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.kernels: list[Kernel] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Execute the operation, and note it."""
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        packet = func.overloadpacket
        if func.namespace != "aten" or func.is_view or packet in _ALLOCATIONS | _SAME_MEMORY:
            return out
        if size := _bytes(func, args, kwargs, out):  # else it is a question such as promote_types
            flops = _flops(func, args, kwargs, out)
            self.kernels.append(Kernel(packet.__name__, flops, size, depthwise=_depthwise(packet, args)))
        return out


def _flops(func: Any, args: Any, kwargs: Any, out: Any) -> float:
    packet = func.overloadpacket
    if packet is aten.convolution_backward and not args[7]:
        # As many as the forward pass for each gradient; torch's formula overlooks the groups of the weight's.
        gradient, _, weight = args[:3]
        return 2.0 * gradient.numel() * weight[0].numel() * sum(args[10][:2])
    return float(flop_registry[packet](*args, **kwargs, out_val=out)) if packet in flop_registry else 0.0


def _bytes(func: Any, args: Any, kwargs: Any, out: Any) -> float:
    unread: tuple[int, ...] = _UNREAD.get(func.overloadpacket, ())
    if func.overloadpacket is aten.convolution_backward:
        of_inputs, of_weight, _ = args[10]
        unread = tuple(index for index, read in ((1, of_weight), (2, of_inputs)) if not read)
    arguments = dict(zip((argument.name for argument in func._schema.arguments), args, strict=False)) | kwargs
    changed = [a.name for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    outputs = {name: arguments[name] for name in changed if name in arguments}
    read = [v for i, (name, v) in enumerate(arguments.items()) if i not in unread and name != "out"]
    return _size(read) + _size([out, outputs])


def _depthwise(packet: Any, args: Any) -> bool:
    first = {aten.convolution: 0, aten.convolution_backward: 1}.get(packet)
    if first is None:
        return False
    inputs, weight = args[first : first + 2]
    return bool(weight.shape[1] == 1 and inputs.shape[1] > 1)


def _size(values: Any) -> float:
    """Bytes of the distinct tensors among the values; an expanded axis is stored once."""
    tensors = {id(value): value for value in tree_leaves(values) if isinstance(value, Tensor)}
    return float(sum(_stored(tensor) for tensor in tensors.values()))


def _stored(tensor: Tensor) -> int:
    axes = zip(tensor.shape, tensor.stride(), strict=True)
    return tensor.element_size() * math.prod(size for size, stride in axes if stride or not size)


__all__ = ["Kernel", "count_kernels"]
