from tests.unit.io import mechanisms


def test_what_a_mod_file_is(rheobase, tmp_path):
    file = tmp_path / "kd.mod"
    file.write_text(mechanisms.SCHEME)
    done = rheobase("check", str(file))
    assert done.code == 0
    assert "the channel kscheme" in done.out and "gbar" in done.out


def test_the_files_of_a_folder_are_counted(rheobase, tmp_path):
    for name in ("SCHEME", "SHELL", "PULSE"):
        (tmp_path / f"{name}.mod").write_text(getattr(mechanisms, name))
    (tmp_path / "a.mod").write_text("NEURON { SUFFIX a POINTER p }")
    (tmp_path / "b.mod").write_text("NEURON { SUFFIX b\nPOINTER p }")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "c.mod").write_text("NEURON { ARTIFICIAL_CELL c }")
    done = rheobase("check", str(tmp_path), "--summary")
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines == [
        "3 of 6 files are read:",
        "1 synapses",
        "1 channels",
        "1 pumps",
        "3 are refused:",
        "2 a POINTER to another mechanism",
        "1 an artificial cell",
    ]
    done = rheobase("check", str(tmp_path))
    assert done.code == 1
    assert "b.mod, line 2: this reader does not take a POINTER" in done.out


def test_a_folder_without_mod_files(rheobase, tmp_path):
    (tmp_path / "cell.hoc").write_text("")
    done = rheobase("check", str(tmp_path))
    assert done.code == 2 and "cell.hoc" in done.err
