# RUN: %python -m pytest -q -p no:cacheprovider %s
# REQUIRES: pytest
"""benchmarks/text.py: sentences out of manual pages and dictionaries, without the packages."""
import gzip
import importlib.util

import pytest

from conftest import ROOT

MANUAL = r""".TH SIGNAL 7
.SH DESCRIPTION
.\" a comment that is left out of the text of the page
The following system calls, of which
.BR pause (2)
is one, suspend the caller\&.
A second sentence is e.g. one that goes on.
.PP
.nf
Code that is not prose at all, but has many words in it.
.fi
Too short.
"""
FOLDOC = """00-database-short
     A dictionary of computing, which is nothing that anybody looks up.

actor

   1. <programming> In {object-oriented} programming, a thing
   which exists as a {concurrent} process.

frame

   A frame is a word that contains its own headword here.
"""
JARGON = """ack
 /ak/, interj.

    [common] Used to register one's presence in a room (also known as a ping).

actor

    In {object-oriented} programming, a thing which exists as a concurrent process.
"""
VERA = """AVL
       Automatic Vehicle Location (GPS)

"""


@pytest.fixture(scope="module")
def text():
    spec = importlib.util.spec_from_file_location("text", ROOT / "benchmarks" / "text.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def cache(tmp_path):
    """Packages as they lie in the cache."""
    for name, content in (("manpages/usr/share/man/man7/signal.7.gz", MANUAL), ("dict-foldoc/usr/share/dictd/foldoc.dict.dz", FOLDOC),
                          ("dict-jargon/usr/share/dictd/jargon.dict.dz", JARGON), ("dict-vera/usr/share/dictd/vera.dict.dz", VERA),
                          ("debian-policy/usr/share/doc/debian-policy/policy.txt.gz", "The package must have a name that is its own.\n"),
                          ("fortunes-min/usr/share/games/fortunes/riddles", ""),
                          ("fortunes/usr/share/games/fortunes/work", "One of us\nis not the one who laughs.\n\t\t-- Nobody\n%\nNo.\n")):
        path = tmp_path / name
        path.parent.mkdir(parents=True)
        path.write_bytes(gzip.compress(content.encode()) if path.suffix in (".gz", ".dz") else content.encode())
    return tmp_path


def test_sentences(text, cache):
    assert list(text.manuals(cache)) == ["The following system calls, of which pause(2) is one, suspend the caller.",
                                         "A second sentence is e.g. one that goes on."]
    assert list(text.policy(cache)) == ["The package must have a name that is its own."]
    assert list(text.fortunes(cache)) == ["One of us is not the one who laughs."]
    prose = "In object-oriented programming, a thing which exists as a concurrent process."
    assert list(text.dictionary("foldoc", cache)) == [prose, "A frame is a word that contains its own headword here."]
    assert list(text.definitions("foldoc", cache)) == [("actor", prose)]
    assert list(text.definitions("vera", cache)) == [("AVL", "Automatic Vehicle Location")]
    assert list(text.definitions("jargon", cache))[0] == ("ack", "Used to register one's presence in a room (also known as a ping).")


def test_files(text, cache):
    files = text.assemble(cache)
    assert len(files["calibration.txt"]) == 4 and len(files["heldout.txt"]) == 3 and len(files["pairs.tsv"]) == 3
    assert all(len(set(lines)) == len(lines) for lines in files.values())
    assert not set(files["calibration.txt"]) & set(files["heldout.txt"])
    assert text.assemble(cache) == files


def test_a_small_part_gives_all(text):
    import random
    rows = text.mixture([list("abc"), [str(i) for i in range(100)]], 20, random.Random(0))
    assert len(rows) == 20 and set("abc") <= set(rows)
