"""The floor of every start: a click group with one command that does nothing."""

import click


@click.group()
def main() -> None:
    """A group."""


@main.command()
def hello() -> None:
    """A command."""


if __name__ == "__main__":
    main()
