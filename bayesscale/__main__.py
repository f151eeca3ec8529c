"""``python -m bayesscale``: the command line."""

from bayesscale.cli import main

if __name__ == "__main__":
    main(prog_name="bayesscale")
