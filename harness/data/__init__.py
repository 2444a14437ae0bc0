"""Image data for searches and for training: data sets held whole on the device, and seeded resumable batches."""

from harness.data.augmentation import Augmentation
from harness.data.datasets import ImageDataset, load_dataset
from harness.data.guard import TestDataInSearchError, search_phase
from harness.data.registry import FOLDER_VARIABLE, REGISTERED
from harness.data.streams import BatchStream, ordered_batches, split_half

__all__ = [
    "FOLDER_VARIABLE",
    "REGISTERED",
    "Augmentation",
    "BatchStream",
    "ImageDataset",
    "TestDataInSearchError",
    "load_dataset",
    "ordered_batches",
    "search_phase",
    "split_half",
]
