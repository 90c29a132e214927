"""Messages for users: an error as one sentence, values quoted, text that is safe to print."""

import os
import re

# errors that a user can correct; any other error is a bug in the lab or the library and is shown with its traceback
USER_ERRORS = (ValueError, LookupError, ArithmeticError, OSError, RuntimeError, MemoryError)
MAX_QUOTE_CHARACTERS = 100  # of a value quoted in a message
MAX_MESSAGE_CHARACTERS = 1000
# control characters of terminals (C0, C1), characters that end or reorder a line (bidi controls), and surrogates;
# direction marks and joiners are allowed, since right-to-left and Indic texts need them
UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def in_words(error: BaseException) -> str:
    """Return the message of an error as a sentence for users, with the file of an OSError."""
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = error.strerror if error.filename is None else f"{os.fsdecode(error.filename)}: {error.strerror}"
    elif isinstance(error, KeyError) and error.args:
        text = str(error.args[0])  # str() of a KeyError is a repr
    elif isinstance(error, MemoryError):
        text = f"not enough memory: {text}" if text else "not enough memory"
    text = text or type(error).__name__
    if len(text) > MAX_MESSAGE_CHARACTERS:
        text = f"{text[:MAX_MESSAGE_CHARACTERS]}..."
    return escaped(text)


def escaped(text: str) -> str:
    """Return a text with its `UNSAFE` characters as backslash escapes, so that it can be shown safely.

    Otherwise a file name, or a word in a file, could move the cursor, fake messages or make printing fail.
    """
    return UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def counted(number: int, what: str) -> str:
    """Return a number with its noun in singular or plural: "1 epoch", "2 epochs"."""
    return f"{number} {what}{'s' * (number != 1)}"


def quoted(what: object) -> str:
    """Return the repr of a value for a message, shortened to about `MAX_QUOTE_CHARACTERS`."""
    if isinstance(what, (str, bytes)):
        text = repr(what[:MAX_QUOTE_CHARACTERS])
        return text if len(what) <= MAX_QUOTE_CHARACTERS else f"{text}..."
    try:
        text = repr(what)
    except ValueError:  # an integer with more digits than Python converts to text
        return "a very long number"
    return text if len(text) <= MAX_QUOTE_CHARACTERS else f"{text[:MAX_QUOTE_CHARACTERS]}..."
