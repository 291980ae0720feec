"""Characters that steer a terminal or a reading order, and what is shown instead of them.

In: any text. Out: text that is safe to print. Nothing here imports anything that takes time.
"""

import unicodedata

CONTROL_PICTURES = 0x2400
DELETE = 0x7F
DELETE_PICTURE = "␡"
#: What joins characters or chooses their form: part of emoji and of several scripts.
JOINERS = "\u200c\u200d"


def shown(char: str) -> str:
    r"""Return what stands for a character: itself, unless it does not print or steers what prints.

    >>> shown("a"), shown("\x1b"), shown("\u202e")
    ('a', '␛', '<U+202E>')
    """
    code = ord(char)
    if code < ord(" "):
        return chr(CONTROL_PICTURES + code)
    if code == DELETE:
        return DELETE_PICTURE
    if char in JOINERS or not unicodedata.category(char).startswith(("C", "Zl", "Zp")):
        return char
    return f"<U+{code:04X}>"


def lines_shown(text: str) -> str:
    r"""Return a text of lines, as it can be shown.

    >>> lines_shown("one\n\ttwo \x1b[2J")
    'one\n\ttwo ␛[2J'
    """
    if text.isprintable():
        return text
    return "".join(char if char in "\n\t" else shown(char) for char in text)
