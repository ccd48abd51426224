"""What the operator runs on their own machine, from `package` to `destroy`. Never part of the zip."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
