"""What an example does when it is run by hand: `python examples/cable_attenuation.py [folder]`."""

import sys
from pathlib import Path


def show(result, picture):
    """Print the numbers of a result; save its picture where a folder is given."""
    for name, value in result._asdict().items():
        if isinstance(value, int | float):
            print(f"{name:<24}{value:.4g}")
    if len(sys.argv) > 1:
        path = Path(sys.argv[1]) / f"{Path(sys.argv[0]).stem}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture(result).savefig(path, dpi=150)
        print(f"picture in {path}")
