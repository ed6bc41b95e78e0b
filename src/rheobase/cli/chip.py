"""`rheobase chip`: networks on DYNAP-SE2."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

app = App(name="chip", help="The neuromorphic chip DYNAP-SE2: train, configure, inspect.")


@app.command
def demo(
    *,
    out: Path = Path("chip"),
    steps: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: int = 0,
) -> int:
    """Train the frozen-noise task for mismatch, configure a chip, and draw what came of it.

    Parameters
    ----------
    out
        Folder for pictures, chip.json, report.txt, metrics.json and index.html.
    steps
        Of the optimiser, before those on the grid; what the demonstration is made for without it.
    seed
        Of patterns, weights and chips.
    """
    from rheobase.devices.dynapse2 import demo

    demo.run(out, steps=steps, seed=seed)
    return 0


@app.command
def report(
    file: Annotated[Path, Parameter(validator=validators.Path(exists=True, dir_okay=False))], /
) -> int:
    """Show what a configuration holds: cores, memory, errors of its biases.

    Parameters
    ----------
    file
        Written by `Config.to_json`.
    """
    from rheobase.devices.dynapse2 import Config

    print(Config.from_json(file).report())
    return 0


@app.command
def schema() -> int:
    """Print the JSON Schema of a configuration."""
    import json

    from rheobase.devices.dynapse2 import Config

    print(json.dumps(Config.schema(), indent=2))
    return 0


@app.command
def codes(name: str, current: str, /) -> int:
    """Find the code of a bias parameter for a current.

    Parameters
    ----------
    name
        Such as Itau_mem.
    current
        Such as 5.3pA, 20nA or 1uA.
    """
    from rheobase.cli.currents import read_current
    from rheobase.devices.dynapse2 import Layout
    from rheobase.errors import ArgumentError
    from rheobase.units import A

    layout, wanted = Layout(), read_current(current)
    low, high = (float(x.value_in(A)) for x in layout.range(name))
    if not low <= float(wanted.value_in(A)) <= high:
        raise ArgumentError(
            f"the bias generator gives {name} from {low:.3g} A to {high:.3g} A, got {current}."
        )
    code = layout.code(name, wanted)
    print(
        f"{layout.device(name).name}: coarse {code.coarse}, fine {code.fine}, "
        f"{code.current:.4g} A, {100 * code.error:+.2f} %"
    )
    print(f"from {low:.3g} A to {high:.3g} A")
    return 0
