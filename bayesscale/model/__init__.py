"""Priors, noise, and the PyMC model they make with a law."""
