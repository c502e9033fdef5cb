"""`sam build`, as for AWS, but for the optimisation."""

from sam import BUILT
from stack import FUNCTIONS


def test_sam_builds_every_function(built):
    bootstraps = sorted(path.parent.name for path in BUILT.glob("*/bootstrap"))
    assert bootstraps == sorted(f"{name.capitalize()}Function" for name in FUNCTIONS)
