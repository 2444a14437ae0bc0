"""Passes of a network as CUDA graphs: one launch instead of thousands."""

import warnings
from collections.abc import Callable, Hashable, Sequence

import torch
from torch import Tensor

Function = Callable[..., list[Tensor]]


class CudaGraphs:
    """Calls a function of tensors by replaying what it did on the GPU when it was first called.

    The function may read other tensors (weights), if they stay where they are in memory; it must not wait for the
    device. What cannot be captured, or does not replay to what it computed, is called as it is, with a warning.
    """

    def __init__(self) -> None:
        self._captured: dict[Hashable, _Captured | None] = {}

    def __call__(self, key: Hashable, function: Function, *tensors: Tensor) -> list[Tensor]:
        """function(*tensors); `key` tells apart functions that do different things."""
        place = key, *((tensor.shape, tensor.dtype) for tensor in tensors)
        if place not in self._captured:
            expected = function(*tensors)
            try:
                with torch.cuda.device(tensors[0].device):
                    self._captured[place] = _Captured(function, tensors, expected)
            except Exception as error:  # whatever drivers and libraries raise: a search need not end for it
                warnings.warn(f"no CUDA graph, going on without: {error}", stacklevel=2)
                self._captured[place] = None
            return expected
        captured = self._captured[place]
        return function(*tensors) if captured is None else captured(tensors)


class _Captured:
    """One function on tensors of fixed shapes; raises RuntimeError if its replay is not what it is `expected` to be."""

    def __init__(self, function: Function, tensors: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
        self.inputs = [tensor.detach().clone(memory_format=torch.preserve_format) for tensor in tensors]
        beside = torch.cuda.Stream()
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):  # lets libraries choose their kernels before the capture
            for _ in range(3):
                function(*self.inputs)
        torch.cuda.current_stream().wait_stream(beside)
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.outputs = function(*self.inputs)
        for found, wanted in zip(self(tensors), expected, strict=True):
            if not torch.allclose(found, wanted, rtol=1e-3, atol=1e-5):
                raise RuntimeError("its replay computes something else")

    def __call__(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        for mine, given in zip(self.inputs, tensors, strict=True):
            mine.copy_(given)
        self.graph.replay()
        return [output.clone() for output in self.outputs]


__all__ = ["CudaGraphs"]
