"""How training compute is counted."""

FLOP_PER_PARAM_AND_TOKEN = 6.0
"""The 6 in 6ND: forward 2, backward 4, a multiplication and an addition for each weight.

Kaplan et al. (2020), section 2.1, arXiv:2001.08361.
"""
