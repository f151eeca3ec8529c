"""Many independent jobs, on all cores or on the caller's cluster."""

from collections.abc import Callable, Sequence


def sweep[Job, Result](
    function: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    report: Callable[..., None],
    text: str,
) -> list[Result]:
    """Apply a function to every job through joblib, and tell how far it is.

    Without a configuration all cores of this machine work. A cluster, or fewer cores, is the
    caller's ``joblib.parallel_config(backend="dask")`` or ``parallel_config(n_jobs=1)``.

    Parameters
    ----------
    function
        A function of one job that can be pickled, such as one defined in a module.
    jobs
        What to apply it to.
    report
        Where progress goes.
    text
        What is being done, such as ``"Refitting"``.

    Returns
    -------
    list
        One result a job, in order.
    """
    import joblib
    from joblib.parallel import get_active_backend

    total = len(jobs)
    report(f"{text}: 0 of {total}", 0, total)
    n_jobs = get_active_backend()[1]
    parallel = joblib.Parallel(
        n_jobs=min(joblib.cpu_count(), total) if n_jobs is None else n_jobs,
        return_as="generator",
    )
    results = []
    for result in parallel(joblib.delayed(function)(job) for job in jobs):
        results.append(result)
        report(f"{text}: {len(results)} of {total}", len(results), total)
    return results
