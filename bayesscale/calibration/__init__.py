"""Simulation-based calibration: whether posteriors of simulated runs find what was simulated."""
