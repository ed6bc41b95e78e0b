"""Pictures: scikit-learn's digits and the families of MNIST."""

import gzip
from pathlib import Path
from typing import Literal

import numpy as np

from rheobase.datasets.download import fetch
from rheobase.errors import ArgumentError, DataError, UnknownName
from rheobase.train.source import Arrays

Part = Literal["train", "test"]

_MIRRORS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion": "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "kuzushiji": "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
}
_SUMS = {
    "mnist": (
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    "fashion": (
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    "kuzushiji": (
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    ),
}
_FILES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
"""Names of the files, and their MD5 sums in the order of train and test."""


def digits() -> Arrays:
    """The 1,797 handwritten digits of scikit-learn, 8 x 8 pixels from 0 to 1.

    Inputs (samples, 64), for an encoder. Source: Alpaydin & Kaynak 1998, UCI Machine Learning
    Repository. Errors: `DataError` where scikit-learn is not installed.

    >>> import rheobase as rb
    >>> len(rb.datasets.digits())
    1797
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise DataError(
            "the digits ship with scikit-learn, which is not installed. "
            'Write pip install "rheobase[demo]".'
        ) from None
    pixels, labels = map(np.asarray, load_digits(return_X_y=True))
    return Arrays((pixels / 16).astype(np.float32), labels.astype(np.int32))


def mnist(
    path: str | Path | None = None,
    part: Part = "train",
    *,
    family: Literal["mnist", "fashion", "kuzushiji"] = "mnist",
    download: bool = False,
) -> Arrays:
    """MNIST, Fashion-MNIST or Kuzushiji-MNIST: 28 x 28 pixels from 0 to 1, ten classes.

    - `path`: the folder of the four official files, `train-images-idx3-ubyte.gz` and so on, packed
      or not.
    - `part`: `"train"`, 60,000 pictures, or `"test"`, 10,000.
    - `download`: fetch them, with `pooch`, where there is no path.

    Inputs (samples, 784), for an encoder. Sources: LeCun et al. 1998; Xiao et al. 2017,
    arXiv:1708.07747; Clanuwat et al. 2018, arXiv:1812.01718. Errors: `DataError`, `UnknownName`.

    >>> import rheobase as rb
    >>> rb.datasets.mnist("mnist", "test")  # doctest: +SKIP
    """
    if family not in _MIRRORS:
        raise UnknownName("family of MNIST", family, _MIRRORS)
    if part not in _FILES:
        raise UnknownName("part of MNIST", part, _FILES)
    if path is None and not download:
        raise ArgumentError(
            f"mnist needs a path. Write rb.datasets.mnist(PATH), PATH a folder with "
            f"{_FILES[part][0]}, or rb.datasets.mnist(download=True)."
        )
    first = 0 if part == "train" else 2
    found = []
    for name, md5 in zip(_FILES[part], _SUMS[family][first : first + 2], strict=True):
        if path is None:
            file = fetch(f"{_MIRRORS[family]}{name}", f"md5:{md5}", f"{family}-{name}")
        else:
            file = Path(path) / name
            file = file if file.exists() else file.with_suffix("")
        found.append(read_idx(file))
    pictures, labels = found
    if len(pictures) != len(labels):
        raise DataError(f"{len(pictures)} pictures, but {len(labels)} labels, in {path}.")
    flat = pictures.reshape(len(pictures), -1).astype(np.float32) / np.float32(255)
    return Arrays(flat, labels.astype(np.int32))


def read_idx(file: Path) -> np.ndarray:
    """The array of a file in the IDX format of MNIST, packed by gzip or not.

    Two zeros, the type (8: bytes), the number of axes, each axis as a big-endian word, the bytes.
    Errors: `DataError`.
    """
    try:
        data = file.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except FileNotFoundError:
        raise DataError(f"there is no file {file} (nor {file.name}.gz).") from None
    except (OSError, EOFError) as error:
        raise DataError(f"{file} is damaged: {error}.") from None
    if data[:3] != b"\x00\x00\x08":
        raise DataError(f"{file} is no IDX file of bytes: it begins with {data[:4]!r}.")
    shape = np.frombuffer(data, ">i4", data[3], 4)
    begin, size = 4 + 4 * data[3], int(np.prod(shape))
    if len(data) - begin != size:
        raise DataError(f"{file} is cut short: {len(data) - begin} of {size} bytes.")
    return np.frombuffer(data, np.uint8, size, begin).reshape(shape)
