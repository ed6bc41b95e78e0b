"""The cure of an error, in the options of the command that met it.

An error of the library advises Python, `Write dt=0.1*ms`; on the command line that is `--dt 0.1ms`.
"""

import inspect
import re
from collections.abc import Iterable

from cyclopts import App

_READER = re.compile(
    r"(?:Write |write )?(?:rb\.io\.)?read_recording\(path, ((?:[^()']|'[^']*')*)\)"
)
_DATA = re.compile(r"Write rb\.datasets\.\w+\(PATH\), PATH a folder")
_DOUBLE = re.compile(r'Write jax\.config\.update\("jax_enable_x64", True\) before anything else')
_VALUE = r"('[^']*'|\"[^\"]*\"|[\w.*:\[\]-]*[\w*\]])?"
_CODE = re.compile(r"(?<!In Python )\b[Ww]rite (?=(?:\w+ = )?[\w.]+[(=])")


def options_of(app: App, words: list[str]) -> list[str]:
    """The names of the options of the command that `words` call."""
    for word in words:
        if word.startswith("-") or word not in app:
            break
        app = app[word]
    command = app.default_command
    known = {} if command is None else inspect.signature(command).parameters
    return [p.name for p in known.values() if p.kind is p.KEYWORD_ONLY]


def as_options(message: str, options: Iterable[str]) -> str:
    """The message, with `name=value` as `--name value` wherever the command has that option."""
    known = set(options)
    if "data" in known:
        message = _DATA.sub("Give --data PATH, a folder", message)
    message = _DOUBLE.sub("Set JAX_ENABLE_X64=1 in the environment", message)
    message = _READER.sub(lambda found: found[1], message)
    for name in known:
        message = re.sub(
            rf"(?:Write )?(?<![\w.(-])`?{name}={_VALUE}`?",
            lambda found, name=name: f"--{name} {_plain(found[1] or '')}".rstrip(),
            message,
        )
        message = message.replace(f"`{name}`", f"--{name}")
    return _CODE.sub("In Python write ", message)


def _plain(value: str) -> str:
    """`0.1*ms` as `0.1ms`, `rec.sweeps[::2]` as `::2`, `'results'` as `results`."""
    value = re.sub(r"^rec\.sweeps\[(.*)\]$", r"\1", value).replace("*", "")
    return re.sub(r"^'([\w./~-]+)'$", r"\1", value)
