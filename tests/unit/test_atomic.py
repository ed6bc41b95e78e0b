"""Whatever writes a file leaves the old one where it fails."""

import os

import numpy as np
import pytest

import rheobase as rb
from rheobase import atomic
from rheobase.devices import dynapse2 as d2

OLD = "what was there\n"


def swc(path):
    rb.io.write_swc(rb.morphology.ball_and_stick(), path)


def chip(path):
    net = d2.Network(n_in=2, n_out=1)
    d2.Config.from_placement(d2.place(d2.quantise(net))).to_json(path)


def picture(path):
    import matplotlib.figure

    atomic.save_figure(matplotlib.figure.Figure(), path.with_suffix(".png"))


def nir(path):
    rb.io.write_nir(rb.Sequential(rb.Linear(3, 2), rb.LIF()), path, strict=False)


WRITERS = {
    "model": lambda path: rb.save(path, rb.LIF()),
    "weights": lambda path: rb.train.save(path, rb.LIF()),
    "swc": swc,
    "chip": chip,
    "picture": picture,
    "nir": nir,
    "text": lambda path: atomic.write(path, "text"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, writer):
    path = tmp_path / ("file.png" if writer == "picture" else "file")
    path.write_text(OLD)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            WRITERS[writer](path)
    assert path.read_text() == OLD and [x.name for x in tmp_path.iterdir()] == [path.name]
    WRITERS[writer](path)
    assert path.read_bytes() != OLD.encode() and len(list(tmp_path.iterdir())) == 1


def test_all_writers_of_the_library_go_through_one():
    """What else writes, writes into memory or a folder that is its own."""
    source = os.path.dirname(rb.__file__)
    ways = ("write_text(", "write_bytes(", ".savefig(", "np.savez", "nir.write(", 'open("w')
    found = []
    for folder, _, names in os.walk(source):
        for name in (n for n in names if n.endswith(".py")):
            with open(os.path.join(folder, name)) as file:
                for line in file:
                    doc = ">>>" in line or "..." in line
                    if any(way in line for way in ways) and not doc and "beside" not in line:
                        found.append(f"{name}: {line.strip()}")
    assert found == []


def test_links_modes_and_pipes_are_kept(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    atomic.write(path, "one")
    assert path.stat().st_mode & 0o777 == 0o666 & ~os.umask(os.umask(0o022))
    path.chmod(0o640)
    link.symlink_to(path)
    atomic.write(link, b"two")
    assert link.is_symlink() and path.read_text() == "two" and path.stat().st_mode & 0o777 == 0o640
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    atomic.write(pipe, "three")
    assert os.read(reader, 99) == b"three"
    os.close(reader)
    with atomic.replacing(tmp_path / "new" / "array.npz") as beside:
        np.savez(beside, x=np.ones(2))
    assert np.load(tmp_path / "new" / "array.npz")["x"].tolist() == [1, 1]
