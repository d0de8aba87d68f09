"""`python -m ifrs`: the command line, also where no script is on the path."""

from ifrs.cli import run

if __name__ == "__main__":
    run()
