"""Pictures of a fit, one a file, each with a companion that returns the numbers it draws."""
