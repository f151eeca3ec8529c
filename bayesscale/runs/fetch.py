"""Public ladders: downloaded once from where their authors put them, checked and cached."""

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pandas as pd

from bayesscale import _arguments
from bayesscale._documented import documented
from bayesscale._progress import PROGRESS, ProgressOption, progress_reporter, silent
from bayesscale.errors import FileError, RunsWarning
from bayesscale.runs.table import Runs

CACHE_VARIABLE = "BAYESSCALE_CACHE"
"""Environment variable that names another folder to keep downloads in."""

MIRROR_VARIABLE = "BAYESSCALE_DATA"
"""Environment variable that names a folder in which files lie as their owners name them."""


@dataclass(frozen=True)
class PublicLadder:
    """Where a public ladder is (one file at one commit), and its columns of N, C and L."""

    about: str
    licence: str
    url: str
    sha256: str
    file: str
    columns: tuple[str, str, str]

    def runs(self, path: Path, name: str) -> Runs:
        """Read a file; tokens follow from size and compute, as in the replication."""
        table = (pd.read_json if self.file.endswith(".json") else pd.read_csv)(path)
        params, flops, loss = (table[column] for column in self.columns)
        tokens = flops / (6 * params)
        columns = {"params": params, "tokens": tokens, "loss": loss, "flops": flops}
        return Runs.from_frame(columns, name=name)


LADDERS = {
    "chinchilla": PublicLadder(
        about="245 points of Hoffmann et al. (2022), figure 4, as digitised by Besiroglu et al.",
        licence="none stated",
        url=(
            "https://raw.githubusercontent.com/epoch-research/analyzing-chinchilla/"
            "92258837425e1b5f2851d624287f0120583a3d0e/data/svg_extracted_data.csv"
        ),
        sha256="193478df4e90f040016431996c45682659306840ecdadf83cfb9cd5ca0aa1b30",
        file="chinchilla.csv",
        columns=("Model Size", "Training FLOP", "loss"),
    ),
    "cs336": PublicLadder(
        about="72 simulated runs without noise on 9 budgets, of Stanford's course CS336",
        licence="MIT",
        url=(
            "https://raw.githubusercontent.com/stanford-cs336/assignment3-scaling/24a558e/"
            "data/isoflops_curves.json"
        ),
        sha256="da6a464c3f5e5039d3f20e137dfcab3031a3d8e7ef0ac2f376f96e295d4afd27",
        file="cs336.json",
        columns=("parameters", "compute_budget", "final_loss"),
    ),
}


@documented(PROGRESS)
def fetch_runs(name: str, *, progress: ProgressOption = "auto") -> Runs:
    r"""Fetch a public ladder by its name.

    The file is downloaded from its authors' address, at a fixed commit, the first time, and kept in
    the user's cache folder or the one that the environment variable ``BAYESSCALE_CACHE`` names.
    Files in or below the folder that ``BAYESSCALE_DATA`` names are read from there. SHA-256
    checksums are compared each time.

    Parameters
    ----------
    name
        ``"chinchilla"``: the 245 points of figure 4 of Hoffmann et al. [1]_, digitised by
        Besiroglu et al. [2]_; ``params`` are all parameters, ``loss`` is the training loss, read
        from the colour of a marker. The replication leaves the five largest losses out:
        ``runs.select(runs.loss < 3.42)`` keeps the other 240. ``"cs336"``: 72 simulated runs on
        nine budgets of a course on language models. In both ``tokens`` are :math:`C / 6N`.

    Raises
    ------
    UnknownNameError
        If there is no public ladder of that name.
    FileError
        If the file is not in the cache and cannot be downloaded, or its checksum is wrong.

    References
    ----------
    .. [1] Hoffmann et al. (2022), "Training Compute-Optimal Large Language Models",
       arXiv:2203.15556.
    .. [2] Besiroglu, Erdil, Barnett and You (2024), "Chinchilla Scaling: A replication attempt",
       arXiv:2404.10102.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.fetch_runs("chinchilla")  # doctest: +SKIP
    >>> runs.select(runs.loss < 3.42).n_runs  # doctest: +SKIP
    240
    """
    ladder = LADDERS[_arguments.choice("public ladder", name, LADDERS)]
    with progress_reporter(progress) as report:
        path = _mirrored(ladder) or _download(
            name, ladder, lambda: report(f"Downloading {name!r} from {ladder.url}")
        )
    return ladder.runs(path, name)


def _mirrored(ladder: PublicLadder) -> Path | None:
    """Return the path of a ladder's file in the mirror; None if it is not there."""
    folder = os.environ.get(MIRROR_VARIABLE)
    paths = sorted(Path(folder).rglob(ladder.url.rsplit("/", 1)[-1])) if folder else []
    return next((p for p in paths if sha256(p.read_bytes()).hexdigest() == ladder.sha256), None)


def _download(name: str, ladder: PublicLadder, tell: Callable[[], None]) -> Path:
    """Return the path of a ladder's file in the cache, downloaded if it is not there."""
    # both are slow to import, and needed by nothing else
    import pooch
    import requests

    folder = Path(os.environ.get(CACHE_VARIABLE) or pooch.os_cache("bayesscale"))
    path = folder / ladder.file
    help_yourself = (
        f"Without a connection, download {ladder.url} elsewhere and put it at '{path}', or into a "
        f"folder that {MIRROR_VARIABLE} names (SHA-256 {ladder.sha256})."
    )
    try:
        if path.is_file() and pooch.file_hash(str(path)) == ladder.sha256:
            return path
        tell()
        with silent(pooch.get_logger()):
            pooch.retrieve(
                ladder.url, known_hash=f"sha256:{ladder.sha256}", fname=ladder.file, path=folder
            )
    except requests.RequestException as error:
        lying = f" The file at '{path}' is a different one." if path.exists() else ""
        raise FileError(
            f"Cannot download the public ladder {name!r}: {_reason(error)}.{lying} {help_yourself}"
        ) from error
    except ValueError as error:  # what pooch raises where the checksum is wrong
        raise FileError(
            f"The file received for the public ladder {name!r} is not the expected one: its "
            f"SHA-256 differs. A proxy may have answered instead. {help_yourself}"
        ) from error
    except OSError as error:
        raise FileError(
            f"Cannot read or keep the public ladder {name!r} at '{path}': {error}. Name another "
            f"folder in the environment variable {CACHE_VARIABLE}."
        ) from error
    return path


def _reason(error: Exception) -> str:
    """Say in few words why there was no answer; the exception's own text runs to many lines."""
    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answered {response.status_code} {response.reason}"
    return f"no answer ({type(error).__name__})"


_FOLDER = Path(__file__).parent

_LEAST_FLOPS = {"code": 0.0, "bytes": 3e11}
"""By ladder, the level below which loss does not fall as any law here says: bytes learn to copy."""

_COUNTS = {"total": "params", "non_embedding": "params_non_embedding"}


@documented({}, sections={"Raises": "UnknownNameError\n    If there is no such ladder or count."})
def load_example(
    ladder: Literal["code", "bytes"] = "code", *,
    param_count: Literal["total", "non_embedding"] = "total", all_levels: bool = False,
    repeated: bool = False,
) -> Runs:  # fmt: skip
    r"""Load an embedded ladder: small transformers that this project trained on Python source.

    Every fourth cell has three seeds. ``code.md`` and ``bytes.md`` beside this file hold the
    designs, the columns and the known weaknesses.

    Parameters
    ----------
    ladder
        ``"code"``: 9.7e3 to 5.2e6 parameters, trained on the source of 84 packages at levels of
        compute from 1e11 to 1e15 FLOP; a token is one of 1,024 byte pairs. The two highest levels
        are meant for hold-out; of 1e15 only two runs are finished. ``"bytes"``: 3.6e3 to 4.0e6
        parameters, trained on the standard library of CPython 3.12.1 at seven levels from 1e10 to
        1e13 FLOP, of which the upper four are loaded; a token is a byte. No law describes it.
    param_count
        ``"total"``: all parameters :math:`N`, with compute :math:`6ND`. ``"non_embedding"``: those
        of the blocks alone, as Kaplan et al. [1]_ count, with :math:`6ND` of that count.
    all_levels
        Also the three lowest levels of the ladder of bytes, where loss falls at an increasing rate.
        The decision to leave them out was made after looking at all levels.
    repeated
        Also the runs that repeat their data for 2 to 16 epochs, with the label ``part``. No law of
        :math:`N` and :math:`D` alone describes these.

    References
    ----------
    .. [1] Kaplan et al. (2020), "Scaling Laws for Neural Language Models", arXiv:2001.08361,
       section 2.1.

    Examples
    --------
    >>> import bayesscale as bs
    >>> runs = bs.load_example()
    >>> small, large = runs.split_by_compute(factor=4)  # the levels that are meant for hold-out
    """
    _arguments.choice("ladder", ladder, _LEAST_FLOPS)
    _arguments.choice("parameter count", param_count, _COUNTS)
    table = pd.read_csv(_FOLDER / f"{ladder}.csv")
    again = table["part"] == "repeated"
    level = all_levels | (table["flops_6nd"] > _LEAST_FLOPS[ladder])
    table = table[(again & repeated) | (~again & level)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RunsWarning)  # what is odd about them is documented
        return Runs.from_frame(
            table, params=_COUNTS[param_count],
            params_non_embedding="params_non_embedding" if param_count == "total" else None,
            param_count=param_count, group="part" if repeated else None, flop_rule="6ND",
            bytes_per_token=table["bytes_per_token"].iloc[0] if ladder == "code" else 1,
            name="example",
        )  # fmt: skip
