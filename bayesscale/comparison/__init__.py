"""Which law the runs support, and how strongly."""
