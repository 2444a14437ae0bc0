"""How architectures are found: one Method interface, every search algorithm."""

from methods.composition import composed_name, find_method
from methods.differentiable import DifferentiableMethod
from methods.method import Method, Metrics, OneShot, SettingsModel, Task
from methods.parts import Parts
from methods.registry import NamedMethod, compose, list_methods, register
from methods.sample_based import SampleBasedMethod

__all__ = [
    "DifferentiableMethod",
    "Method",
    "Metrics",
    "NamedMethod",
    "OneShot",
    "Parts",
    "SampleBasedMethod",
    "SettingsModel",
    "Task",
    "compose",
    "composed_name",
    "find_method",
    "list_methods",
    "register",
]
