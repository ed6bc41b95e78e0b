"""Files of public data: fetched once, kept where `pooch` keeps them, checked by their sum."""

from pathlib import Path

from rheobase.errors import DataError


def fetch(url: str, checksum: str | None, name: str) -> Path:
    """A file by its address, from the cache if it is there.

    - `checksum`: such as `md5:...` or `sha256:...`; a file that does not have it is refused.
    - `name`: by which it is kept, in the cache of the system or the folder that RHEOBASE_CACHE
      names.

    Errors: `DataError` where `pooch` is missing, the file cannot be had or is another one.
    """
    try:
        import pooch
    except ImportError:
        raise DataError(
            'fetching data needs pooch. Write pip install "rheobase[datasets]", or give the path '
            "of a copy."
        ) from None
    import os

    folder = os.environ.get("RHEOBASE_CACHE") or pooch.os_cache("rheobase")
    try:
        return Path(pooch.retrieve(url, checksum, fname=name, path=folder))
    except ValueError as error:
        raise DataError(f"{url} is not the file that was expected: {error}") from None
    except OSError as error:
        raise DataError(
            f"{url} cannot be fetched ({error}). Get it by other means and give its path."
        ) from None
