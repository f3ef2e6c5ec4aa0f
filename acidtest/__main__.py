"""`python -m acidtest`: the command line, where the script is not on the path."""

from acidtest.cli import main

if __name__ == "__main__":
    main(prog_name="acidtest")
