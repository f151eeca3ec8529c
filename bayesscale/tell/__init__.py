"""Telling people what a result says: sections in a terminal, figures in files."""
