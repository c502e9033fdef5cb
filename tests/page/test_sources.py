"""Rules for the page's sources that no browser shows."""

import re

import pytest

from support.process import ROOT

SOURCES = sorted(path for path in (ROOT / "web" / "src").rglob("*.ts*") if path.name != "openapi.d.ts")

# What would make markup or code of a text.
FORBIDDEN = {
    "innerHTML": r"\b(inner|outer)HTML\b",
    "insertAdjacentHTML": r"\binsertAdjacentHTML\b",
    "dangerouslySetInnerHTML": r"\bdangerouslySetInnerHTML\b",
    "document.write": r"\bdocument\.write",
    "a function made of text": r"\beval\(|\bnew Function\b",
    "a style as text": r"\bstyle=\"|\.cssText\b|setAttribute\(\"style\"",
    "parsed markup": r"\bDOMParser\b|createContextualFragment|\bsrcdoc\b",
    "a handler as text": r"setAttribute\(\"on",
}


def test_there_are_sources():
    assert len(SOURCES) > 20


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_source_makes_markup_or_code_of_a_text(what):
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in SOURCES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if re.search(FORBIDDEN[what], line)
    ]
    assert not found, "\n".join(found)


def test_no_source_names_another_host():
    allowed = ("https://example.com", "https://www.standardwebhooks.com")
    found = [
        f"{path.relative_to(ROOT)}: {url}"
        for path in SOURCES
        for url in re.findall(r"https?://[^\s\"'`<>)$]+", path.read_text())
        if not url.startswith(allowed) and "127.0.0.1" not in url and "localhost" not in url and "example." not in url
    ]
    assert not found, "\n".join(found)
