"""Figures of samples."""


def quantile(values: list[float], share: float) -> float:
    """The value that this share of the values lies below; not a number if there are none."""
    ordered = sorted(values) or [float("nan")]
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
