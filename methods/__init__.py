"""How architectures are found: one Method interface, every search algorithm."""

from methods.differentiable import DifferentiableMethod, Parts
from methods.method import Method, Metrics, SettingsModel, Task
from methods.registry import NamedMethod, compose, find_method, list_methods, register
from methods.sample_based import SampleBasedMethod

__all__ = [
    "DifferentiableMethod",
    "Method",
    "Metrics",
    "NamedMethod",
    "Parts",
    "SampleBasedMethod",
    "SettingsModel",
    "Task",
    "compose",
    "find_method",
    "list_methods",
    "register",
]
