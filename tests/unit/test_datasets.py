import gzip
import pickle
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from harness.data import ImageDataset, TestDataInSearchError, load_dataset, search_phase
from spaces.errors import InputError


@pytest.fixture(autouse=True)
def _no_data_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NAS_HARNESS_DATA", raising=False)


def random_images(count: int, *, seed: int = 0, size: int = 32, channels: int = 3) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, channels, size, size), dtype=np.uint8)


def assert_holds(
    dataset: ImageDataset, train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]
) -> None:
    np.testing.assert_array_equal(dataset.train_images.numpy(), train[0])
    np.testing.assert_array_equal(dataset.train_labels.numpy(), train[1])
    images, labels = dataset.test()
    np.testing.assert_array_equal(images.numpy(), test[0])
    np.testing.assert_array_equal(labels.numpy(), test[1])
    assert dataset.train_labels.dtype == labels.dtype == torch.int64


def test_digits_are_split_by_class_and_nothing_is_lost() -> None:
    dataset = load_dataset("digits")
    images, labels = dataset.test()
    assert (dataset.resolution, dataset.channels, dataset.classes) == (8, 1, 10)
    assert (len(dataset.train_labels), len(labels)) == (1442, 355)
    counts = torch.bincount(dataset.train_labels) / torch.bincount(labels)
    assert counts.min() > 3.9
    assert counts.max() < 4.3
    together = np.concatenate([dataset.train_images.flatten(1).numpy(), images.flatten(1).numpy()])
    original = np.rint(load_digits().data * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, together)) == sorted(map(bytes, original))
    again = load_dataset("digits").test()[0]
    assert torch.equal(images, again)


def test_normalised_training_pixels_have_mean_0_and_deviation_1() -> None:
    dataset = load_dataset("digits")
    pixels = dataset.train_images.double() / 255
    assert dataset.mean[0] == pytest.approx(float(pixels.mean()))
    assert dataset.std[0] == pytest.approx(float(pixels.std(correction=0)))


def test_test_split_is_closed_during_a_search_and_open_after_it() -> None:
    dataset = load_dataset("digits")
    with search_phase():
        with pytest.raises(TestDataInSearchError, match="test split of digits"):
            dataset.test()
        with search_phase(), pytest.raises(TestDataInSearchError):
            dataset.test()
        with pytest.raises(TestDataInSearchError):
            dataset.test()
    assert len(dataset.test()[0]) == 355
    with pytest.raises(ZeroDivisionError), search_phase():
        _ = 1 / 0
    dataset.test()


def test_a_search_in_one_thread_does_not_close_the_split_for_another() -> None:
    dataset = load_dataset("digits")
    sizes: list[int] = []
    with search_phase():
        thread = threading.Thread(target=lambda: sizes.append(len(dataset.test()[0])))
        thread.start()
        thread.join()
    assert sizes == [355]


# --- official formats, written here byte by byte ---


def write_cifar10_binary(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir()
    names = [*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin"]
    for number, name in enumerate(names):
        chosen = slice(number * 2, number * 2 + 2)
        rows = zip(images[chosen], labels[chosen], strict=True)
        (folder / name).write_bytes(b"".join(bytes([label]) + image.tobytes() for image, label in rows))


def write_cifar10_python(folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
    folder.mkdir()
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    for number, name in enumerate(names):
        chosen = slice(number * 2, number * 2 + 2)
        content = {b"data": images[chosen].reshape(2, -1), b"labels": labels[chosen].tolist(), b"batch_label": b"x"}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))


@pytest.mark.parametrize(
    ("place", "write"), [("cifar-10-batches-bin", write_cifar10_binary), ("cifar-10-batches-py", write_cifar10_python)]
)
def test_cifar10(tmp_path: Path, place: str, write: Callable[[Path, np.ndarray, np.ndarray], None]) -> None:
    images, labels = random_images(12), np.arange(12) % 10
    write(tmp_path / place, images, labels)
    dataset = load_dataset("cifar10", folder=tmp_path)
    assert_holds(dataset, (images[:10], labels[:10]), (images[10:], labels[10:]))
    assert (dataset.augmentation.pad, dataset.augmentation.flip) == (4, True)
    # the folder of the files itself may be named too, and so may the environment
    assert_holds(
        load_dataset("cifar10", folder=tmp_path / place), (images[:10], labels[:10]), (images[10:], labels[10:])
    )


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_cifar10_binary(tmp_path / "cifar-10-batches-bin", random_images(12), np.arange(12) % 10)
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path))
    assert len(load_dataset("cifar10").train_labels) == 10


def test_pickle_as_python_2_wrote_it(tmp_path: Path) -> None:
    """Protocol 2 of a `str` of bytes and a dtype with integer flags, opcode by opcode."""
    image = random_images(1).reshape(1, -1)
    payload = image.tobytes()
    pickled = b"".join(
        [
            b"\x80\x02}(U\x04data",
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R",
            b"(K\x01K\x01M\x00\x0c\x86",
            b"cnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb",
            b"\x89T" + struct.pack("<i", len(payload)) + payload + b"tb",
            b"U\x06labels](K\x07eu.",
        ]
    )
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    for name in [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]:
        (folder / name).write_bytes(pickled)
    dataset = load_dataset("cifar10", folder=tmp_path)
    assert dataset.train_labels.tolist() == [7] * 5
    assert dataset.test()[0].numpy().tobytes() == payload


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    images, fine, coarse = random_images(6), np.array([0, 99, 5, 42, 7, 8]), np.array([1, 2, 3, 4, 5, 6])
    binary, python = tmp_path / "a" / "cifar-100-binary", tmp_path / "b" / "cifar-100-python"
    binary.mkdir(parents=True)
    python.mkdir(parents=True)
    for name, part in (("train", slice(0, 4)), ("test", slice(4, 6))):
        rows = zip(images[part], coarse[part], fine[part], strict=True)
        (binary / f"{name}.bin").write_bytes(b"".join(bytes([c, f]) + image.tobytes() for image, c, f in rows))
        content = {
            "data": images[part].reshape(-1, 3072),
            "fine_labels": fine[part].tolist(),
            "coarse_labels": coarse[part].tolist(),
        }
        (python / name).write_bytes(pickle.dumps(content, protocol=2))
    for folder in (binary.parent, python.parent):
        dataset = load_dataset("cifar100", folder=folder)
        assert_holds(dataset, (images[:4], fine[:4]), (images[4:], fine[4:]))
        assert dataset.classes == 100


def test_imagenet16_120_keeps_the_first_120_classes(tmp_path: Path) -> None:
    folder = tmp_path / "ImageNet16"
    folder.mkdir()
    images = random_images(33, size=16)
    labels = np.tile([1, 120, 121], 11)
    names = [*(f"train_data_batch_{number}" for number in range(1, 11)), "val_data"]
    for number, name in enumerate(names):
        part = slice(number * 3, number * 3 + 3)
        content = {"data": images[part].reshape(3, -1), "labels": labels[part].tolist(), "mean": np.zeros(768)}
        (folder / name).write_bytes(pickle.dumps(content, protocol=4))
    dataset = load_dataset("imagenet16-120", folder=tmp_path)
    kept = labels <= 120
    expected = np.tile([0, 119], 11)
    assert_holds(dataset, (images[:30][kept[:30]], expected[:20]), (images[30:][kept[30:]], expected[20:]))
    assert (dataset.classes, dataset.resolution, dataset.augmentation.pad) == (120, 16, 2)


def write_idx(path: Path, values: np.ndarray, *, magic: int | None = None, compress: bool = False) -> None:
    header = struct.pack(f">{values.ndim + 1}I", 0x0800 + values.ndim if magic is None else magic, *values.shape)
    content = header + values.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if compress else content)


def write_fashion(folder: Path, *, compress: bool, magic: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    folder.mkdir(parents=True)
    images, labels = random_images(7, size=28, channels=1), np.arange(7)
    end = ".gz" if compress else ""
    for name, part in (("train", slice(0, 4)), ("t10k", slice(4, 7))):
        write_idx(folder / f"{name}-images-idx3-ubyte{end}", images[part, 0], magic=magic, compress=compress)
        write_idx(folder / f"{name}-labels-idx1-ubyte{end}", labels[part], compress=compress)
    return images, labels


@pytest.mark.parametrize("compress", [False, True])
def test_fashion_mnist(tmp_path: Path, compress: bool) -> None:
    images, labels = write_fashion(tmp_path / "fashion-mnist", compress=compress)
    dataset = load_dataset("fashion-mnist", folder=tmp_path)
    assert_holds(dataset, (images[:4], labels[:4]), (images[4:], labels[4:]))


def test_idx_with_another_magic_number_or_length_is_refused(tmp_path: Path) -> None:
    write_fashion(tmp_path / "a" / "fashion-mnist", compress=False, magic=0x0D03)
    with pytest.raises(InputError, match="magic number 0x00000803"):
        load_dataset("fashion-mnist", folder=tmp_path / "a")
    write_fashion(tmp_path / "b" / "fashion-mnist", compress=False)
    file = tmp_path / "b" / "fashion-mnist" / "t10k-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match="cut short"):
        load_dataset("fashion-mnist", folder=tmp_path / "b")
    write_fashion(tmp_path / "c" / "fashion-mnist", compress=True)
    file = tmp_path / "c" / "fashion-mnist" / "train-labels-idx1-ubyte.gz"
    file.write_bytes(file.read_bytes()[:-6])
    with pytest.raises(InputError, match="damaged gzip"):
        load_dataset("fashion-mnist", folder=tmp_path / "c")


# --- one's own data ---


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "NHW"])
def test_npz_layouts_and_names(tmp_path: Path, layout: str) -> None:
    channels = 1 if layout == "NHW" else 3
    images, labels = random_images(9, size=12, channels=channels), np.arange(9) % 3
    stored = {"NCHW": images, "NHWC": images.transpose(0, 2, 3, 1), "NHW": images[:, 0]}[layout]
    names = {
        "NCHW": ("x_train", "y_train", "x_val", "y_val"),
        "NHWC": ("train_images", "train_labels", "test_images", "test_labels"),
        "NHW": ("x_train", "y_train", "x_test", "y_test"),
    }[layout]
    values = (stored[:6], labels[:6].astype(np.uint8), stored[6:], labels[6:].astype(np.int32))
    path = tmp_path / "own.npz"
    np.savez(path, **dict(zip(names, values, strict=True)))
    dataset = load_dataset(str(path), flip=False)
    assert_holds(dataset, (images[:6], labels[:6]), (images[6:], labels[6:]))
    assert (dataset.classes, dataset.augmentation.flip) == (3, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"x_train": np.zeros((4, 3, 8, 8))}, "store uint8 images"),
        ({"x_train": np.zeros((3, 3, 8, 8), np.uint8)}, "3 images and 4 labels"),
        ({"x_train": np.zeros((4, 2, 8, 8), np.uint8)}, "1 or 3 channels"),
        ({"x_train": np.zeros((4, 3, 8, 10), np.uint8)}, "size|square"),
        ({"x_test": np.zeros((2, 3, 16, 16), np.uint8)}, "one size"),
        ({"y_train": np.zeros(4)}, "one integer an image"),
        ({"y_train": np.array([0, 1, -1, 0])}, "number classes from 0"),
        ({"y_test": np.array([0, 5])}, "number classes from 0"),
        ({"y_test": None}, "no test split"),
        ({"y_train": np.array([object()] * 4)}, "not a readable"),
    ],
)
def test_npz_with_wrong_content_is_refused_in_one_sentence(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    arrays = {
        "x_train": np.zeros((4, 3, 8, 8), np.uint8),
        "y_train": np.array([0, 1, 2, 0]),
        "x_test": np.zeros((2, 3, 8, 8), np.uint8),
        "y_test": np.array([0, 2]),
    }
    path = tmp_path / "own.npz"
    np.savez(path, **{name: value for name, value in (arrays | change).items() if value is not None})
    with pytest.raises(InputError, match=message) as caught:
        load_dataset(str(path))
    assert "\n" not in str(caught.value)


def test_truncated_npz_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.npz"
    np.savez(path, x_train=random_images(4))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="not a readable"):
        load_dataset(str(path))


def test_image_folder(tmp_path: Path) -> None:
    colours = {"blue": (0, 0, 200), "red": (200, 0, 0)}
    for split, count in (("train", 3), ("val", 2)):
        for name, colour in colours.items():
            (tmp_path / split / name).mkdir(parents=True)
            for number in range(count):
                Image.new("RGB", (40 + number, 30), colour).save(tmp_path / split / name / f"{number}.png")
    Image.new("L", (50, 50), 90).save(tmp_path / "val" / "red" / "grey.jpg")
    dataset = load_dataset(str(tmp_path), resolution=16)
    assert dataset.train_images.shape == (6, 3, 16, 16)
    assert dataset.train_labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert dataset.train_images[0, :, 5, 5].tolist() == [0, 0, 200]
    images, labels = dataset.test()
    assert labels.tolist() == [0, 0, 1, 1, 1]
    assert images[4].unique().tolist() == [90]
    with pytest.raises(InputError, match="give the resolution"):
        load_dataset(str(tmp_path))
    (tmp_path / "train" / "red" / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken\.jpg cannot be read"):
        load_dataset(str(tmp_path), resolution=16)
    (tmp_path / "train" / "red" / "broken.jpg").unlink()
    for with_class, without in (("val", "train"), ("train", "val")):
        (tmp_path / with_class / "green").mkdir()
        with pytest.raises(InputError, match=rf"{with_class} has the class green, which \S*{without} has not"):
            load_dataset(str(tmp_path), resolution=16)
        (tmp_path / with_class / "green").rmdir()
    for split in ("train", "val"):
        (tmp_path / split / "green").mkdir()
    Image.new("RGB", (20, 20)).save(tmp_path / "train" / "green" / "0.png")
    with pytest.raises(InputError, match=r"val/green holds no images"):
        load_dataset(str(tmp_path), resolution=16)


# --- what a user can get wrong ---


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar10", "cifar100", "imagenet16-120"])
def test_absent_data_is_one_sentence_naming_the_files(tmp_path: Path, name: str) -> None:
    for folder in (None, tmp_path):
        with pytest.raises(InputError, match=f"data set {name} was not found .*put .* in DATA_FOLDER/") as caught:
            load_dataset(name, folder=folder)
        assert "\n" not in str(caught.value)


def test_missing_and_truncated_files_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-bin"
    write_cifar10_binary(folder, random_images(12), np.arange(12) % 10)
    (folder / "data_batch_3.bin").write_bytes((folder / "data_batch_3.bin").read_bytes()[:-1])
    with pytest.raises(InputError, match=r"data_batch_3\.bin is not whole records of 3073"):
        load_dataset("cifar10", folder=tmp_path)
    (folder / "data_batch_3.bin").unlink()
    with pytest.raises(InputError, match=r"data_batch_3\.bin is missing"):
        load_dataset("cifar10", folder=tmp_path)


def test_unknown_name_offers_near_ones() -> None:
    with pytest.raises(InputError, match="cifar10"):
        load_dataset("cifar-10")


class _Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


def test_code_in_a_pickled_batch_is_not_run(tmp_path: Path) -> None:
    folder = tmp_path / "cifar-10-batches-py"
    write_cifar10_python(folder, random_images(12), np.arange(12) % 10)
    (folder / "data_batch_2").write_bytes(pickle.dumps({"data": _Malicious(tmp_path / "ran")}))
    with pytest.raises(InputError, match="data_batch_2 is not a pickled batch of arrays"):
        load_dataset("cifar10", folder=tmp_path)
    assert not (tmp_path / "ran").exists()


def test_downsampling_averages_blocks(tmp_path: Path) -> None:
    images = random_images(12)
    write_cifar10_binary(tmp_path / "cifar-10-batches-bin", images, np.arange(12) % 10)
    dataset = load_dataset("cifar10", folder=tmp_path, downsample=2)
    pooled = torch.nn.functional.avg_pool2d(torch.from_numpy(images[:10]).double(), 2)
    assert torch.equal(dataset.train_images, torch.floor(pooled + 0.5).to(torch.uint8))
    assert (dataset.resolution, dataset.augmentation.pad) == (16, 2)
    with pytest.raises(InputError, match="downsample factor that divides"):
        load_dataset("cifar10", folder=tmp_path, downsample=3)
    with pytest.raises(InputError, match="divisible by 4"):
        load_dataset("cifar10", folder=tmp_path, downsample=16)


def test_real_cifar10_has_the_published_statistics(data_folder: Path) -> None:
    if not (data_folder / "cifar-10-batches-bin").is_dir():
        pytest.skip("the test data has no cifar-10-batches-bin")
    dataset = load_dataset("cifar10", folder=data_folder)
    images, labels = dataset.test()
    assert dataset.train_images.shape == (50000, 3, 32, 32)
    assert images.shape == (10000, 3, 32, 32)
    assert torch.bincount(dataset.train_labels).tolist() == [5000] * 10
    assert torch.bincount(labels).tolist() == [1000] * 10
    # the constants that training recipes for CIFAR-10 carry, NATS-Bench's among them
    np.testing.assert_allclose(np.array(dataset.mean) * 255, [125.3, 123.0, 113.9], atol=0.06)
    np.testing.assert_allclose(np.array(dataset.std) * 255, [63.0, 62.1, 66.7], atol=0.06)
