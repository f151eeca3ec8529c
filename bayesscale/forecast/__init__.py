"""Questions to a fit: extrapolated losses, compute-optimal allocations, and their inverses."""
