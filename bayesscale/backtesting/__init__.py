"""Rolling back-tests on the user's own ladder, against the state of practice."""
