"""Image data for searches and for training: data sets held whole on the device, and seeded resumable batches."""

from harness.data.augmentation import Augmentation
from harness.data.guard import TestDataInSearchError, search_phase
from harness.data.streams import BatchStream, ordered_batches, split_half

__all__ = [
    "Augmentation",
    "BatchStream",
    "TestDataInSearchError",
    "ordered_batches",
    "search_phase",
    "split_half",
]
