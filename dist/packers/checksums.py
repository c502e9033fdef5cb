"""SHA256SUMS: the checksum of every file that was made, in the form that `sha256sum --check` reads."""

import hashlib
from pathlib import Path

from .product import Product

NAME = "SHA256SUMS"


def digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make(product: Product, out: Path) -> Path:
    """One line for each file beside it."""
    files = sorted(path for path in out.iterdir() if path.is_file() and path.name != NAME)
    made = out / NAME
    made.write_text("".join(f"{digest(path)}  {path.name}\n" for path in files))
    return made
