"""The one way in which the operator's commands give up."""

from __future__ import annotations


class DeploymentError(Exception):
    """Nothing goes on; the message tells the operator why and what to do, in plain sentences."""
