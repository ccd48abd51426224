"""The product on a developer's machine; none of this is in the deployed package."""

from pathlib import Path

PROJECT = Path(__file__).parents[2]
