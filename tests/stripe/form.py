"""Form encoding with nested keys, items[0][price]=x, as Stripe's API reads it."""
import re
import urllib.parse

from stripe.errors import invalid

KEY = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
MOST_LEVELS = 8


def words_of(key):
    match = KEY.fullmatch(key)
    if not match:
        raise invalid(f"Invalid parameter name: {key}", key)
    words = [match[1], *re.findall(r"\[([^\[\]]*)\]", match[2])]
    if len(words) > MOST_LEVELS:
        raise invalid(f"Parameters are nested too deeply: {key}", key)
    return words


def insert(tree, key, words, value):
    """Below tree, {} for both objects and arrays until all is read."""
    for index, word in enumerate(words):
        if word == "":  # a[]=1 appends
            word = str(len(tree))
        if index == len(words) - 1:
            if isinstance(tree.get(word), dict):
                raise invalid(f"Invalid hash and string: {key}", key)
            tree[word] = value
            return
        tree = tree.setdefault(word, {})
        if not isinstance(tree, dict):
            raise invalid(f"Invalid string and hash: {key}", key)


def with_arrays(tree):
    """Objects whose keys are all numbers are arrays, in the numbers' order."""
    if not isinstance(tree, dict):
        return tree
    tree = {word: with_arrays(value) for word, value in tree.items()}
    if tree and all(word.isdecimal() for word in tree):
        return [tree[word] for word in sorted(tree, key=int)]
    return tree


def decode(text):
    """{"items": [{"price": "x"}]}; values stay texts, "" unsets."""
    tree = {}
    for pair in text.split("&") if text else []:
        key, _, value = pair.partition("=")
        try:
            key, value = (urllib.parse.unquote_plus(one, errors="strict")
                          for one in (key, value))
        except UnicodeDecodeError as why:
            raise invalid("Invalid UTF-8 in a parameter", key) from why
        insert(tree, key, words_of(key), value)
    return {word: with_arrays(value) for word, value in tree.items()}


def pairs_of(tree, prefix=""):
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for word, value in items:
        key = f"{prefix}[{word}]" if prefix else str(word)
        if isinstance(value, (dict, list)):
            yield from pairs_of(value, key)
        elif isinstance(value, bool):
            yield key, "true" if value else "false"
        else:
            yield key, str(value)


def encode(tree):
    """The opposite, as Stripe's own libraries send it."""
    return urllib.parse.urlencode(list(pairs_of(tree)))
