"""The checkpoint of a fit: its state, and what must be the same for it to go on to the bit."""

from pathlib import Path
from typing import Any, NamedTuple

import jax

from rheobase.errors import CheckpointError
from rheobase.train import checkpoint as files
from rheobase.train.fingerprint import Description, difference
from rheobase.train.history import History

_CURE = "Go on with the same, or give another path to start anew."


class Checkpoint(NamedTuple):
    """Where a fit keeps its state."""

    path: Path
    settings: dict[str, Any]
    """Number of samples, size of batches and key."""
    about: Description
    """All else that must be the same."""

    def write(self, arrays: Any, best_epoch: int, history: History) -> None:
        """Write the state after an epoch."""
        notes = {
            "settings": self.settings,
            "about": self.about,
            "best_epoch": best_epoch,
            "history": history._asdict(),
        }
        files.save(self.path, arrays, notes)

    def read(self, like: Any) -> tuple[Any, int, History]:
        """The state of the last epoch, with arrays in the structure of `like`.

        Errors: `CheckpointError` for a file of another fit, with what differs.
        """
        notes = files.read_notes(self.path)
        if not {"settings", "best_epoch", "history"} <= set(notes):
            raise CheckpointError(f"{self.path} is no checkpoint of a fit. Give another path.")
        for name, now in self.settings.items():
            before = notes["settings"].get(name)
            if before != now:
                raise CheckpointError(
                    f"{self.path} was written by a fit with {name} = {before}, this one has {now}. "
                    f"{_CURE}"
                )
        # A checkpoint of a version that did not describe its fit has nothing to compare.
        different = difference(notes.get("about", {}), self.about)
        if different is not None:
            raise CheckpointError(f"{self.path} was written by another fit: {different}. {_CURE}")
        history = History(*(tuple(notes["history"][name]) for name in History._fields))
        return files.load(self.path, like), notes["best_epoch"], history


def with_rates_of(saved: Any, fresh: Any) -> Any:
    """The memory of an optimiser with the numbers that `optax.inject_hyperparams` put into it anew.

    Those that follow a schedule stay: they are what the number of steps says.
    """

    def injected(part: Any) -> bool:
        return isinstance(part, tuple) and "hyperparams" in getattr(part, "_fields", ())

    def renewed(old: Any, new: Any) -> Any:
        if not injected(old):
            return old
        scheduled = getattr(old, "hyperparams_states", {})
        constant = {k: x for k, x in new.hyperparams.items() if k not in scheduled}
        inner = with_rates_of(old.inner_state, new.inner_state)
        return old._replace(hyperparams=old.hyperparams | constant, inner_state=inner)

    return jax.tree.map(renewed, saved, fresh, is_leaf=injected)
