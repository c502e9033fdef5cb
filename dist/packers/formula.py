"""The Homebrew formula, of the archives that are there. Homebrew downloads them from where a release puts them."""

from pathlib import Path

from .checksums import digest
from .product import PLATFORMS, Product

# A name that nobody can have (RFC 2606), for as long as there is no release.
NOWHERE = "https://example.com/webhook-relay"

# The targets by Homebrew's words for them; the first that was built is taken.
CHOICES = {
    ("macos", "arm"): ["aarch64-apple-darwin"],
    ("macos", "intel"): ["x86_64-apple-darwin"],
    ("linux", "arm"): ["aarch64-unknown-linux-musl"],
    ("linux", "intel"): ["x86_64-unknown-linux-musl", "x86_64-unknown-linux-gnu"],
}


def block(product: Product, repository: str, out: Path, system: str, cpu: str) -> list[str]:
    """The lines for one system and processor; none if no archive was built for it."""
    for target in CHOICES[system, cpu]:
        archive = out / f"{product.stem(PLATFORMS[target])}.tar.gz"
        if archive.exists():
            url = f"{repository}/releases/download/v{product.version}/{archive.name}"
            return [f"    on_{cpu} do", f'      url "{url}"', f'      sha256 "{digest(archive)}"', "    end"]
    return []


def make(product: Product, repository: str, out: Path) -> Path:
    """The formula."""
    lines = [
        "# Made by dist/build.",
        "class WebhookRelay < Formula",
        f'  desc "{product.summary}"',
        f'  homepage "{repository}"',
        f'  version "{product.version}"',
        f'  license "{product.licence}"',
        "",
    ]
    for system in ("macos", "linux"):
        inner = [line for cpu in ("arm", "intel") for line in block(product, repository, out, system, cpu)]
        lines += [f"  on_{system} do", *inner, "  end", ""] if inner else []
    lines += [
        "  def install",
        '    bin.install "relay"',
        '    bash_completion.install "completions/relay.bash" => "relay"',
        '    zsh_completion.install "completions/_relay"',
        '    fish_completion.install "completions/relay.fish"',
        "  end",
        "",
        "  test do",
        '    assert_match version.to_s, shell_output("#{bin}/relay --version")',
        "  end",
        "end",
    ]
    made = out / "webhook-relay.rb"
    made.write_text("\n".join(lines) + "\n")
    return made
