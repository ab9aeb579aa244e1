"""``python -m killcord`` is the ``killcord`` command."""

from .cli import main

main()
