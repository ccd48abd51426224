"""What tests of the deployment share."""

from tests.support.packages import packaged

__all__ = ["packaged"]
