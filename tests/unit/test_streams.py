import copy
import io

import numpy as np
import pytest
import torch
from torch import Tensor

from harness.data.augmentation import Augmentation, crop_and_flip, cut_out, draw
from harness.data.streams import BatchStream, ordered_batches, split_half
from spaces.errors import InputError

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def numbered_images(count: int, size: int = 8, channels: int = 3) -> Tensor:
    """Images of random pixels, always the same ones."""
    generator = torch.Generator().manual_seed(1)
    return torch.randint(0, 256, (count, channels, size, size), generator=generator, dtype=torch.uint8)


def stream(*, count: int = 23, batch_size: int = 5, seed: int = 3, augment: Augmentation | None = None) -> BatchStream:
    return BatchStream(
        numbered_images(count),
        torch.arange(count),
        batch_size=batch_size,
        generator=torch.Generator().manual_seed(seed),
        mean=MEAN,
        std=STD,
        augment=augment,
    )


def test_each_epoch_visits_each_example_at_most_once_and_all_when_batches_divide() -> None:
    batches = stream(count=24, batch_size=6)
    orders = []
    for epoch in range(3):
        assert batches.epoch == epoch
        seen = torch.cat([batches.next().targets for _ in range(batches.batches_per_epoch)])
        assert sorted(seen.tolist()) == list(range(24))
        orders.append(tuple(seen.tolist()))
    assert len(set(orders)) == 3
    assert batches.epoch == 3


def test_incomplete_last_batch_is_dropped() -> None:
    batches = stream(count=23, batch_size=5)
    assert batches.batches_per_epoch == 4
    seen = torch.cat([batches.next().targets for _ in range(4)])
    assert len(set(seen.tolist())) == 20


def test_inputs_are_the_normalised_images_in_channels_last() -> None:
    images = numbered_images(23)
    batch = stream().next()
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.is_contiguous(memory_format=torch.channels_last)
    for row, target in enumerate(batch.targets.tolist()):
        pixels = images[target].numpy() / 255
        expected = (pixels - np.array(MEAN)[:, None, None]) / np.array(STD)[:, None, None]
        np.testing.assert_allclose(batch.inputs[row].numpy(), expected, atol=1e-5)


def test_only_the_given_indices_are_drawn() -> None:
    indices = torch.tensor([2, 3, 5, 7, 11, 13])
    batches = BatchStream(
        numbered_images(20),
        torch.arange(20),
        batch_size=3,
        generator=torch.Generator().manual_seed(0),
        mean=MEAN,
        std=STD,
        indices=indices,
    )
    seen = torch.cat([batches.next().targets for _ in range(2)])
    assert sorted(seen.tolist()) == indices.tolist()


@pytest.mark.parametrize("stop", [0, 1, 3, 4, 5, 8, 11])
@pytest.mark.parametrize("augment", [None, Augmentation(pad=2, flip=True, cutout=3)], ids=["plain", "augmented"])
def test_resumed_stream_equals_uninterrupted_one(stop: int, augment: Augmentation | None) -> None:
    whole, first = stream(augment=augment), stream(augment=augment)
    for _ in range(stop):
        whole.next(), first.next()
    file = io.BytesIO()
    torch.save(first.state_dict(), file)
    file.seek(0)
    resumed = stream(augment=augment, seed=99)
    resumed.next()
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.epoch == whole.epoch
    for _ in range(9):
        expected, batch = whole.next(), resumed.next()
        assert torch.equal(expected.targets, batch.targets)
        assert torch.equal(expected.inputs, batch.inputs)
    for name, value in whole.state_dict().items():
        other = resumed.state_dict()[name]
        assert torch.equal(value, other) if isinstance(value, Tensor) else value == other


def test_taking_the_state_does_not_disturb_the_stream() -> None:
    watched, alone = stream(augment=Augmentation(pad=1)), stream(augment=Augmentation(pad=1))
    for _ in range(9):
        kept = watched.state_dict()
        before = copy.deepcopy(kept)
        assert torch.equal(watched.next().inputs, alone.next().inputs)
        assert torch.equal(kept["generator"], before["generator"])


def test_state_of_another_batch_size_is_refused() -> None:
    with pytest.raises(InputError, match="batch_size 5 and this run has 4"):
        stream(batch_size=4).load_state_dict(stream(batch_size=5).state_dict())


def test_batch_larger_than_the_data_is_refused() -> None:
    with pytest.raises(InputError, match="batch size 24 does not fit 23"):
        stream(batch_size=24)


def test_augmentation_equals_cropping_flipping_and_cutting_one_image_at_a_time() -> None:
    augmentation = Augmentation(pad=3, flip=True, cutout=4)
    images = numbered_images(64, size=12)
    draws = draw(augmentation, images, generator=torch.Generator().manual_seed(5))
    moved = crop_and_flip(images, augmentation, draws).numpy()
    cut = cut_out(torch.from_numpy(moved).float() + 1, augmentation, draws).numpy()
    assert draws.top is not None
    assert draws.left is not None
    assert draws.mirrored is not None
    assert draws.centre_row is not None
    assert draws.centre_column is not None
    for number in range(64):
        padded = np.zeros((3, 18, 18), dtype=np.uint8)
        padded[:, 3:15, 3:15] = images[number].numpy()
        top, left = int(draws.top[number]), int(draws.left[number])
        window = padded[:, top : top + 12, left : left + 12]
        if draws.mirrored[number]:
            window = window[:, :, ::-1]
        np.testing.assert_array_equal(moved[number], window)
        expected = window.astype(np.float32) + 1
        row, column = int(draws.centre_row[number]), int(draws.centre_column[number])
        expected[:, max(0, row - 2) : row + 2, max(0, column - 2) : column + 2] = 0
        np.testing.assert_array_equal(cut[number], expected)


def test_augmentation_draws_every_crop_and_both_mirrorings() -> None:
    draws = draw(
        Augmentation(pad=2, flip=True), numbered_images(1).expand(4000, -1, -1, -1), generator=torch.Generator()
    )
    assert draws.top is not None
    assert draws.left is not None
    assert draws.mirrored is not None
    corners = torch.bincount(draws.top * 5 + draws.left, minlength=25)
    assert len(corners) == 25
    assert corners.min() > 100  # 160 expected
    assert 1800 < int(draws.mirrored.sum()) < 2200


def test_ordered_batches_cover_everything_once_in_order() -> None:
    images, labels = numbered_images(11), torch.arange(11)
    batches = list(ordered_batches(images, labels, batch_size=4, mean=(0, 0, 0), std=(1, 1, 1)))
    assert [len(batch.targets) for batch in batches] == [4, 4, 3]
    assert torch.equal(torch.cat([batch.targets for batch in batches]), labels)
    torch.testing.assert_close(torch.cat([batch.inputs for batch in batches]) * 255, images.float())
    chosen = torch.tensor([9, 0, 4])
    (batch,) = ordered_batches(images, labels, batch_size=4, mean=(0, 0, 0), std=(1, 1, 1), indices=chosen)
    assert torch.equal(batch.targets, chosen)


@pytest.mark.parametrize("count", [2, 11, 1000])
def test_halves_are_disjoint_random_and_fixed_by_the_seed(count: int) -> None:
    first, second = split_half(count, 7)
    assert len(first) == count // 2
    assert sorted(torch.cat([first, second]).tolist()) == list(range(count))
    again, _ = split_half(count, 7)
    assert torch.equal(first, again)
    if count == 1000:
        other, _ = split_half(count, 8)
        shared = len(set(first.tolist()) & set(other.tolist()))
        assert 200 < shared < 300  # 250 expected of independent halves
