"""The command line. What a command needs is imported when it runs, so that `--help` is quick."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, CycloptsError, Parameter, validators

from rheobase._version import __version__
from rheobase.cli.chip import app as chip

app = App(
    name="rheobase",
    help="Simulate, fit and train spiking neurons. Add --debug to any command for tracebacks.",
    version=__version__,
    help_format="plaintext",
    result_action="return_value",
    exit_on_error=False,
)

app.command(chip)

File = Annotated[Path, Parameter(validator=validators.Path(exists=True, dir_okay=False))]
"""A file that is there."""


@app.command(name="list")
def list_(
    family: str | None = None,
    name: str | None = None,
    /,
    *,
    json: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """List every model of the library with its parameters.

    Parameters
    ----------
    family
        neurons, adaptors, channels, synapses, plasticity, connectivity, steppers, surrogates or
        stimuli; all of them without it.
    name
        One of them, such as AdEx, with its equations and state.
    json
        Print JSON instead of tables.
    """
    from rheobase.cli import listing

    return listing.show(family, name, json)


@app.command
def check(
    file: Path,
    /,
    *,
    name: str | None = None,
    summary: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Prove dimensions of neurons, channels, synapses and rules of your file, and run the laws.

    Every class of the file with its defaults, and everything of the kind that it names. Of a .mod
    file of NEURON, or of all in a folder: what it is here, or why it is not read.

    Exits with 1 if anything fails.

    Parameters
    ----------
    file
        A Python file, which is executed; a .mod file; or a folder with .mod files.
    name
        Check this class, or what is called so, alone.
    summary
        Of .mod files, count alone how many are read, and how many are refused for what.
    """
    if file.is_dir() or file.suffix == ".mod":
        from rheobase.cli import mechanisms

        return mechanisms.show(file, summary=summary)
    from rheobase.cli import checking

    return checking.show(file, name)


@app.command
def demo(
    *,
    out: Path = Path("demo"),
    epochs: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: int = 0,
) -> int:
    """Train a spiking network on handwritten digits and draw how it went.

    Parameters
    ----------
    out
        Folder for pictures, weights, metrics.json and index.html.
    epochs
        How often to go through the images; what the demonstration is made for without it.
    seed
        Of the weights and of the order of the images.
    """
    from rheobase import demo

    try:
        demo.run(out, epochs=epochs, seed=seed)
    except ImportError as error:
        if error.name is not None:
            raise
        print(error, file=sys.stderr)  # the digits are not installed, and how to install them
        return 2
    return 0


@app.command
def run(
    name: str,
    /,
    *,
    duration: str | None = None,
    neurons: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: int = 0,
    out: Path | None = None,
) -> int:
    """Run a classical network: brunel, coba, cobahh, cuba or microcircuit.

    Prints rates and regularity beside the published ones and what the run took, and draws it.

    Parameters
    ----------
    name
        One of them.
    duration
        Simulated time, such as 1s or 500ms; as published without it.
    neurons
        How many instead of the usual number.
    seed
        Of the synapses, the initial values and the external input.
    out
        Folder for pictures, metrics.json and index.html; the name of the network without it.
    """
    from rheobase.cli import running

    return running.show(name, duration, neurons, seed, Path(name) if out is None else out)


@app.command
def train(
    task: str,
    /,
    *,
    data: Path | None = None,
    out: Path | None = None,
    epochs: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: int = 0,
    damaged: Literal["raise", "skip"] = "raise",
) -> int:
    """Train a spiking network on real data: spoken-digits or nmnist.

    A run that was killed goes on from its last epoch, to the same bits.

    Parameters
    ----------
    task
        One of them.
    data
        Folder of the data set; the one below RHEOBASE_DATA without it.
    out
        Folder for the model, metrics.json, pictures and index.html; the task's name without it.
    epochs
        How often to go through the samples; what the task is made for without it.
    seed
        Of the weights, the order of the samples and their augmentation.
    damaged
        What to do with a recording that cannot be read: stop, or leave it out and count it.
    """
    from rheobase.cli import training

    return training.show(task, data, Path(task) if out is None else out, epochs, seed, damaged)


@app.command
def evaluate(
    model: File,
    /,
    *,
    data: Path | None = None,
    json: Annotated[bool, Parameter(negative="")] = False,
    damaged: Literal["raise", "skip"] = "raise",
) -> int:
    """Judge a model that `rheobase train` left, on every sample of a folder.

    Parameters
    ----------
    model
        The file model.rheobase.
    data
        Folder of a data set of the same format; the one below RHEOBASE_DATA without it.
    json
        Print one line of JSON instead of a sentence.
    damaged
        What to do with a recording that cannot be read: stop, or leave it out and count it.
    """
    from rheobase.cli import training

    return training.evaluate(model, data, json, damaged)


@app.command
def fit(
    recording: Path,
    /,
    *,
    model: str = "AdEx",
    out: Path = Path("fit"),
    train: str | None = None,
    test: str | None = None,
    starts: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 12,
    steps: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    seed: int = 0,
    bare: bool = False,
    junction: float = 0.0,
    voltage: str | None = None,
    current: str | None = None,
    electrode: str | None = None,
    sweeps: str | None = None,
) -> int:
    """Fit a neuron to a current-clamp recording (ABF, NWB, or what neo reads).

    Trains on every second sweep, judges on the others, and leaves the model, its scores and
    parameters, pictures and a page in a folder. Ctrl-C keeps the best so far.

    Parameters
    ----------
    recording
        The file.
    model
        A neuron such as AdEx or GLIF, one that wears something, "SoftReset(GLIF)", a saved model
        to begin from, or auto, which ranks several.
    out
        Folder for model.rheobase, scores.json, parameters.json, pictures and index.html.
    train
        Sweeps to train on, counted from 0: 0,2,5-8 or a slice ::2. Default: every second one.
    test
        Sweeps to judge on, likewise. Default: all that are not trained on.
    starts
        How many places the search starts from.
    steps
        Of the last stage of the search.
    seed
        Of the starts.
    bare
        Fit the neuron as it is, without adaptors where the recording asks for some.
    junction
        Liquid junction potential in mV, which is taken off the voltage.
    voltage
        Name of the voltage channel, where there are several.
    current
        Name of the current channel, likewise, or of a command ("Cmd 0").
    electrode
        Name of the electrode in an NWB file that holds several.
    sweeps
        Which sweeps are read, such as 0,2,5-8 or ::2; train and test count among them.
    """
    from rheobase.cli import fitting

    try:
        return fitting.show(
            recording,
            model,
            out,
            train,
            test,
            starts,
            steps,
            seed,
            bare,
            junction,
            voltage,
            current,
            electrode,
            sweeps,
        )
    except ImportError as error:
        if error.name is not None:
            raise
        print(error, file=sys.stderr)  # a reader of the format is missing, and how to get it
        return 2


@app.command
def simulate(
    model: File,
    /,
    *,
    current: str | None = None,
    duration: str = "500ms",
    dt: str = "0.1ms",
    recording: File | None = None,
    voltage: str | None = None,
    electrode: str | None = None,
    sweeps: str | None = None,
    out: Path = Path("simulation"),
) -> int:
    """Simulate a saved neuron under a step of current, or under the currents of a recording.

    Parameters
    ----------
    model
        A file written by rb.save or rheobase fit.
    current
        Of a step that lasts from a tenth to nine tenths of the duration: 200pA or 0.2nA. With a
        recording: name of its current channel, where there are several, or of a command ("Cmd 0").
    duration
        Simulated time, such as 1s or 500ms.
    dt
        Time step.
    recording
        Take the currents of this recording instead, sweep after sweep.
    voltage
        Name of its voltage channel, where there are several.
    electrode
        Name of the electrode in an NWB file that holds several.
    sweeps
        Which sweeps are read, such as 0,2,5-8 or ::2.
    out
        Folder for voltage.npz, spikes.json and voltage.png.
    """
    from rheobase.cli import simulating

    chosen = simulating.Recorded(recording, voltage, electrode, sweeps)
    return simulating.show(model, current, duration, dt, chosen, out)


@app.command
def version() -> int:
    """Print the version, and those of Python and JAX."""
    import platform

    import jax

    print(f"rheobase {__version__}, Python {platform.python_version()}, JAX {jax.__version__}")
    return 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 a check failed, 2 wrong input, 130 interrupted."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    sys.exit(_run([word for word in words if word != "--debug"], debug))


def _run(words: list[str], debug: bool) -> int:
    try:
        return app(words) or 0
    except CycloptsError:
        return 2  # already printed
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # `rheobase list | head`: nobody listens any more
        return 0
    except Exception as error:
        # An error of ours says all there is to say, and so does a file that cannot be read or
        # written; any other is a bug and shows where it is.
        said = isinstance(error, OSError) and error.filename is not None
        if debug or not (said or type(error).__module__.startswith("rheobase.")):
            raise
        print(f"{type(error).__name__}: {_advised(error, words)}", file=sys.stderr)
        return 2


def _advised(error: Exception, words: list[str]) -> str:
    from rheobase.cli.advice import as_options, options_of

    return as_options(str(error), options_of(app, words))
