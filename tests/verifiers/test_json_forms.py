"""Bodies for receivers that parse the JSON, print it again and sign that: our two forms must equal theirs to the byte.

A few thousand unusual documents go through our forms, through `json.dumps(…, sort_keys=True)` of a python3, and through
`JSON.stringify(JSON.parse(…))` of a node.
"""

import random
import shutil

import ours
import pytest

COUNT = 3000
SEED = 20_261_125

# One line of JSON text each way; null for a document that the language cannot read.
PYTHON = """
import json, sys
for line in sys.stdin:
    try:
        text = json.dumps(json.loads(json.loads(line)), sort_keys=True)
    except ValueError:
        text = None
    print(json.dumps(text))
"""
NODE = """
const { createInterface } = require("node:readline");
createInterface({ input: process.stdin }).on("line", (line) => {
  let text = null;
  try { text = JSON.stringify(JSON.parse(JSON.parse(line))); } catch {}
  console.log(JSON.stringify(text));
});
"""

NUMBERS = (
    "0 -0 1 -1 1.0 -1.0 0.0 -0.0 0.1 0.190 1e2 1E2 1e+2 1e-2 100 2e1 1e15 1e16 1e17 1e20 1e21 1e22 123e20 1e-5 1e-6 1e-7 "
    "0.0001 0.00001 0.000001 0.0000001 1.5e300 5e-324 2.5e-324 1.7976931348623157e308 4.9406564584124654e-324 "
    "2.2250738585072014e-308 9007199254740991 9007199254740992 9007199254740993 -9007199254740993 18446744073709551615 "
    "18446744073709551616 9223372036854775807 -9223372036854775808 -9223372036854775809 123456789012345678901234567890 "
    "0.30000000000000004 0.1234567890123456789 3.141592653589793238462643383279 1.0000000000000002 100000000000000000000000 "
    "1e23 9.5e-7 123456.789e3 0e5 0.0e-5 -0e1 4.35 5e-7 999999999999999900000 999999999999999934464 1000000000000000128"
).split()
# Pieces of text as they stand between quotes.
TEXTS = (
    ["", "a", "zz", "é", "\\u00e9", "\\u00E9", "葡萄糖", "🧬", "\\ud83e\\uddec", "\\uD83E\\uDDEC", "\\/", "/", "\\\\", '\\"']
    + [
        "\\b\\f\\n\\r\\t",
        "\\u0008",
        "\\u000b",
        "\\u0000",
        "\\u001f",
        "\\u007f",
        "\x7f",
        "\\u0080",
        "\u0085",
        "\u2028",
        "\u2029",
    ]
    + [
        "\\u2028",
        "\\ufeff",
        "\ufeff",
        "\uffff",
        "\\uffff",
        "\U0010ffff",
        "\ue000",
        "\u00a0",
        "<script>",
        "&",
        "'",
        "\\u0027",
    ]
    + ["\\ud800", "\\udc00", "\\udfff\\ud800", "\\ud83ea", "a\\udbff", "İ", "ß", "e\u0301", "Ω", "\u200d"]
)
KEYS = ["", "0", "1", "2", "10", "01", "-1", "1.0", "4294967294", "4294967295", "4294967296", "9007199254740992", "1e3"] + [
    "__proto__", "constructor", "toJSON", "length", "a", "A", "aa", "b", "Z", "_", "é", "\\u00e9", "z\u0301", "\ue000", "🧬", "\uffff",
    " ", "\\n", "\\u0000", "\\ud800", "id", "timestamp", "data",
]  # fmt: skip
SPACE = ["", "", "", " ", "\t", "\n", "\r\n", "  "]


# Beyond a double: null in JavaScript, and in Python what is no JSON any more.
OVERFLOWS = ["1e309", "-1e309", "1e400", "17976931348623159e292", "1" + "0" * 309 + ".0"]


def generator(seed: int):
    chance = random.Random(seed)

    def space() -> str:
        return chance.choice(SPACE)

    def text() -> str:
        return '"' + "".join(chance.choice(TEXTS) for _ in range(chance.randrange(4))) + '"'

    def key() -> str:
        return '"' + (chance.choice(KEYS) if chance.random() < 0.8 else text()[1:-1]) + '"'

    def number() -> str:
        kind = chance.randrange(6)
        if kind == 0:
            return repr(chance.uniform(-1, 1) * 10 ** chance.randrange(-320, 308))
        if kind == 1:
            return f"{chance.randrange(-(10**6), 10**6)}.{chance.randrange(10**6):06}"
        if kind == 2:
            return str(chance.randrange(-(10 ** chance.randrange(1, 40)), 10 ** chance.randrange(1, 40)))
        if kind == 3:
            digits = "".join(chance.choice("0123456789") for _ in range(chance.randrange(1, 25)))
            return (
                f"{chance.choice(['', '-'])}{chance.randrange(1, 10)}.{digits}{chance.choice('eE')}{chance.randrange(-330, 308)}"
            )
        return chance.choice(NUMBERS)

    def value(depth: int) -> str:
        kind = chance.randrange(8)
        if depth <= 0 or kind < 4:
            return chance.choice([number, number, text, lambda: chance.choice(["true", "false", "null"])])()
        if kind < 6:
            members = [f"{space()}{key()}{space()}:{space()}{value(depth - 1)}{space()}" for _ in range(chance.randrange(7))]
            return "{" + (",".join(members) or space()) + "}"
        items = [f"{space()}{value(depth - 1)}{space()}" for _ in range(chance.randrange(5))]
        return "[" + (",".join(items) or space()) + "]"

    def document() -> str:
        # What is published is an object nearly always.
        if chance.random() < 0.9:
            return "{" + ",".join(f"{space()}{key()}:{value(5)}" for _ in range(chance.randrange(1, 9))) + space() + "}"
        return space() + value(6) + space()

    return document


def documents() -> list[str]:
    document = generator(SEED)
    found = [document() for _ in range(COUNT)]
    found += [f'{{"n":{number}}}' for number in [*NUMBERS, *OVERFLOWS]]
    found += [f'{{"t":"{text}"}}' for text in TEXTS]
    found += ["{" + ",".join(f'"{key}":{at}' for at, key in enumerate(keys)) + "}" for keys in (KEYS, KEYS[::-1], KEYS * 2)]
    for depth in (10, 60, 100):
        found += ["[" * depth + "]" * depth, '{"a":' * depth + "1.0" + "}" * depth]
    return found


FORMS = {
    "python_sorted": lambda: [shutil.which("python3"), "-c", PYTHON],
    "ecmascript": lambda: [shutil.which("node"), "-e", NODE],
}


@pytest.fixture(scope="module", params=FORMS)
def answers(request, json_form) -> list[tuple[str, str, str | None]]:
    """Each document that the language can read, with its form and ours."""
    texts = documents()
    answers = zip(texts, ours.lines(FORMS[request.param](), texts), ours.forms(request.param, texts))
    # A document that only we cannot read is a difference.
    return [answer for answer in answers if answer[1] is not None]


def test_our_form_is_the_languages_form_to_the_byte(answers):
    wrong = [(text, theirs, own) for text, theirs, own in answers if theirs != own]
    assert wrong[:5] == []


def test_thousands_of_documents_are_compared(answers):
    assert COUNT <= sum(theirs == own for _, theirs, own in answers)
