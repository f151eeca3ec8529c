"""Which column of somebody's table plays which part."""

import difflib
from collections.abc import Hashable, Iterable, Mapping, Sequence

from bayesscale._format import list_some
from bayesscale.errors import RunsError, UnknownNameError, unknown_name

WELL_KNOWN: Mapping[str, tuple[str, ...]] = {
    "params": ("params", "n_params", "num_params", "parameters", "N"),
    "tokens": ("tokens", "n_tokens", "num_tokens", "D"),
    "loss": ("loss", "final_loss", "L"),
    "flops": ("flops", "compute", "C"),
    "loss_se": ("loss_se",),
    "params_non_embedding": (
        "params_non_embedding",
        "n_params_non_embedding",
        "n_params_nonembed",
    ),
    "seed": ("seed",),
    "cluster": (),  # a column of that name may hold computers
    "run_id": ("run_id", "id"),
}
"""Names under which a column is found without being told, for every part."""

REQUIRED = ("params", "tokens", "loss")


def assign_columns(
    columns: Iterable[Hashable],
    named: Mapping[str, str | None],
    *,
    groups: Sequence[str] = (),
    required: Sequence[str] = REQUIRED,
) -> dict[str, str]:
    """Find the column for every part.

    Parameters
    ----------
    columns
        Columns of the table.
    named
        Part to column, ``None`` where the well-known names shall be tried. Parts that are not in
        the mapping are not looked for.
    groups
        Columns to be kept as labels. Like those named for a part, they are not tried for others.
    required
        Parts that must have a column.

    Returns
    -------
    dict
        Part to column, without the optional parts for which there is none.

    Raises
    ------
    UnknownNameError
        If a named column does not exist, or a required part has none.
    RunsError
        If a choice is ambiguous: two well-known names, one column for two parts, or two columns of
        the same name.
    """
    columns = list(columns)
    known = [str(c) for c in columns]
    chosen = {part: column for part, column in named.items() if column is not None}
    for part, column in [*chosen.items(), *(("group", g) for g in groups)]:
        if column not in columns:
            raise unknown_name(f"column for {part}", column, known)
    _no_column_twice(chosen)

    spoken_for = {*chosen.values(), *groups}
    for part in named:
        if part in chosen:
            continue
        found = [name for name in WELL_KNOWN[part] if name in columns and name not in spoken_for]
        if len(found) > 1:
            raise RunsError(
                f"Both {found[0]!r} and {found[1]!r} could be the {part} column. "
                f"Say which: {part}={found[0]!r}."
            )
        if found:
            chosen[part] = found[0]
    missing = [part for part in required if part not in chosen]
    if missing:
        raise _not_found(missing, known, taken={*chosen.values(), *groups})
    no_column_repeats([*chosen.values(), *groups], columns=columns)
    return chosen


def _not_found(
    missing: Sequence[str], known: Sequence[str], *, taken: Iterable[str]
) -> UnknownNameError:
    """Make the error for required parts, suggesting columns that play no other part."""
    part = missing[0]
    elsewhere = {*taken, *(name for names in WELL_KNOWN.values() for name in names)}
    free = {name.lower(): name for name in known if name not in elsewhere}
    # a misspelt well-known name, then one that says what it is, then anything alike
    misspelt = [
        name
        for name in free
        if difflib.get_close_matches(name, [k for k in WELL_KNOWN[part] if len(k) > 2], cutoff=0.8)
    ]
    close = (
        misspelt
        or [name for name in free if part in name][:3]
        or difflib.get_close_matches(part, free, n=1, cutoff=0.5)
    )
    suggestion = " or ".join(repr(free[name]) for name in close)
    looked = "; ".join(f"for {part} as {', '.join(WELL_KNOWN[part])}" for part in missing)
    say = ", ".join(f'{part}="my_column"' for part in missing)
    type_ = " ".join(f"--{part} my_column" for part in missing)
    return UnknownNameError(
        f"No column named {part!r}.{f' Did you mean {suggestion}?' if close else ''} "
        f"Known: {', '.join(map(repr, known)) or 'none'}. Looked {looked}. Name yours: {say} "
        f"(on the command line {type_})."
    )


def no_column_repeats(wanted: Iterable[str], *, columns: Sequence[Hashable]) -> None:
    """Refuse a table that has two columns of a name that is wanted.

    Raises
    ------
    RunsError
        If there are two.
    """
    for column in wanted:
        if columns.count(column) > 1:
            raise RunsError(f"The table has {columns.count(column)} columns {column!r}. Keep one.")


def _no_column_twice(chosen: Mapping[str, str]) -> None:
    part_of: dict[str, str] = {}
    for part, column in chosen.items():
        if column in part_of:
            raise RunsError(
                f"Column {column!r} is named for both {part_of[column]} and {part}. "
                f"Leave one of them out."
            )
        part_of[column] = part


def group_columns(group: str | Sequence[str] | None, *, taken: Iterable[str]) -> tuple[str, ...]:
    """Bring the group argument into one form.

    Parameters
    ----------
    group
        One column, several, or none.
    taken
        Names that the checked table uses itself.

    Returns
    -------
    tuple of str
        The group columns in the order given.

    Raises
    ------
    RunsError
        If a column is given twice, or its name is taken.
    """
    groups = (group,) if isinstance(group, str) else tuple(group or ())
    repeated = [g for g in dict.fromkeys(groups) if groups.count(g) > 1]
    if repeated:
        raise RunsError(f"Group columns are given twice: {list_some(repeated)}. Give each once.")
    clash = [g for g in groups if g in set(taken)]
    if clash:
        raise RunsError(
            f"A group column cannot be called {clash[0]!r}: the table of runs uses that name "
            "itself. Rename the column."
        )
    return groups
