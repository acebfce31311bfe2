#!/usr/bin/env python3
"""English sentences of known origin, for calibration and for judging: text that Debian packages carry.

    benchmarks/text.py -o DIR [--cache DIR] [--calibration 4500] [--heldout 4500] [--pairs 5000] [--seed 0]

Writes, with one sentence a line,

    calibration.txt   manual pages, Debian policy, fortunes: a third each
    heldout.txt       FOLDOC (half) and the Jargon File (half), dictionaries of computing
    pairs.tsv         headword <tab> definition, of FOLDOC, the Jargon File and V.E.R.A.

No source is in two of the first two files, so what is fitted to one is judged on the other. The packages are
downloaded with apt-get and unpacked into the cache, not installed. The same packages and seed give the same files.
SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""
import argparse
import gzip
import os
import pathlib
import random
import re
import subprocess
import tempfile

PACKAGES = ("manpages", "debian-policy", "fortunes", "fortunes-min", "dict-foldoc", "dict-jargon", "dict-vera")
FONT = re.compile(r"^\.(?:B|I|SB|SM)\b\s*")
MIXED = re.compile(r"^\.(?:BR|RB|BI|IB|IR|RI)\b\s*")
WORDS = re.compile(r'"((?:[^"]|"")*)"|(\S+)')
ESCAPES = [(re.compile(pattern), text) for pattern, text in (
    (r'\\".*', ""), (r"\\f(?:\[[^]]*\]|\(..|.)", ""), (r"\\(?:\(|\[)(?:aq|cq|oq)\]?", "'"),
    (r"\\(?:\(|\[)(?:lq|rq|dq)\]?", '"'), (r"\\(?:\(em|\[em\])", " - "), (r"\\s[+-]?\d", ""),
    (r"\\(?:\(..|\[[^]]*\])", ""), (r"\\-", "-"), (r"\\e", r"\\"), (r"\\[&|^/,:%c]", ""), (r"\\(?=[ '.`])", ""))]
END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z\"'(])")
ABBREVIATION = re.compile(r"\b(?:e\.g|i\.e|etc|vs|cf|Mr|Mrs|Dr|St|No|approx|esp|orig|var|[A-Z])\.[\"')]*$")


def package(name, cache):
    """The directory of an unpacked package."""
    folder = cache / name
    if not folder.is_dir():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as work:
            got = subprocess.run(["apt-get", "download", name], cwd=work, stdin=subprocess.DEVNULL,
                                 capture_output=True, text=True)
            archives = list(pathlib.Path(work).glob("*.deb"))
            if not archives:
                raise SystemExit(f"apt-get download {name} failed: {(got.stderr or got.stdout).strip().splitlines()[-1:]}")
            unpacked = pathlib.Path(work) / "unpacked"
            unpacked.mkdir()
            subprocess.run(["dpkg", "-x", str(archives[0]), str(unpacked)], check=True)
            os.rename(unpacked, folder)
    return folder


def read(path):
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    return data.decode("utf-8", "replace")


def sentences(paragraph, least=6, most=60):
    """Those of a paragraph that are prose: enough words, mostly letters, with an end."""
    found, begin = [], ""
    for part in END.split(" ".join(paragraph.split())):
        begin = f"{begin} {part}".strip()
        if ABBREVIATION.search(begin):
            continue
        found.append(begin)
        begin = ""
    return [s for s in found if least <= len(s.split()) <= most and s[-1] in ".!?\"')" and s[0].isalnum()
            and sum(c.isalpha() or c == " " for c in s) >= 0.88 * len(s) and "  " not in s and s.isprintable()]


def roff_line(line):
    mixed = MIXED.match(line)
    rest = line[(mixed or FONT.match(line)).end():]
    words = [quoted.replace('""', '"') or plain for quoted, plain in WORDS.findall(rest)]
    return ("" if mixed else " ").join(words)


def plain(line):
    for pattern, text in ESCAPES:
        line = pattern.sub(text, line)
    return line


def manual_paragraphs(text):
    """Paragraphs of the source of a manual page, without headings, examples and tables."""
    lines, verbatim = [], False
    for line in text.split("\n"):
        if re.match(r"\.(nf|EX|TS|in)\b", line):
            verbatim = True
        elif re.match(r"\.(fi|EE|TE)\b", line):
            verbatim = False
        if line.startswith((".\\\"", "'\\\"")) or verbatim:
            continue
        if MIXED.match(line) or FONT.match(line):
            lines.append(plain(roff_line(line)))
        elif line.startswith((".", "'")) or not line.strip():  # a macro ends the paragraph
            yield " ".join(lines)
            lines = []
        else:
            lines.append(plain(line))
    yield " ".join(lines)


def manuals(cache):
    for page in sorted((package("manpages", cache) / "usr/share/man").glob("man[1-9]/*.gz")):
        for paragraph in manual_paragraphs(read(page)):
            yield from sentences(paragraph)


def policy(cache):
    for page in sorted((package("debian-policy", cache) / "usr/share/doc/debian-policy").glob("*.txt.gz")):
        for paragraph in re.split(r"\n\s*\n", read(page)):
            yield from sentences(re.sub(r'[*"]|\[\d+\]', "", paragraph.strip().lstrip("*-o ")))


def fortunes(cache):
    for name in ("fortunes", "fortunes-min"):
        for page in sorted((package(name, cache) / "usr/share/games/fortunes").iterdir()):
            if page.suffix or page.is_symlink():
                continue
            for cookie in read(page).split("\n%\n"):
                yield from sentences(re.split(r"\n\s*-- ", cookie)[0])


def entries(name, cache):
    """(headword, paragraphs) of a dictionary in dictfmt's form: the headword starts a line, its text is indented."""
    text = read(package(f"dict-{name}", cache) / f"usr/share/dictd/{name}.dict.dz")
    head, body = None, []
    for line in text.split("\n"):
        if line[:1].strip():
            if head:
                yield head, re.split(r"\n\s*\n", "\n".join(body))
            head, body = (None if line.startswith(("00-database", "00database")) else line.strip()), []
        else:
            body.append(line)
    if head:
        yield head, re.split(r"\n\s*\n", "\n".join(body))


def clean(paragraph):
    """Without what is not English: cross-references' braces, the field in <>, the kind of word, sense numbers."""
    text = " ".join(paragraph.split())
    text = re.sub(r"[{}]|\[[^]]*\]|_(?=\w)|(?<=\w)_", "", text)
    text = re.sub(r"^(?:/[^/]*/,?\s*)?(?:n|v|vt|vi|adj|adv|excl|interj|abbrev|prov|pl|imp|suff|pref)\.(?:,\s*\w+\.)*\s*", "", text)
    return " ".join(re.sub(r"^(?:\d+\.\s*)?(?:<[^>]*>\s*)?(?:\([^)]*\)\s*)?", "", text).split())


def dictionary(name, cache):
    for _, paragraphs in entries(name, cache):
        for paragraph in paragraphs:
            yield from sentences(clean(paragraph))


def definitions(name, cache):
    """(headword, definition): the first sentences of an entry, where they do not contain the headword."""
    for head, paragraphs in entries(name, cache):
        for paragraph in paragraphs:
            if name == "vera":
                found = [re.sub(r"\s*\(.*", "", clean(paragraph))]
                good = len(found[0].split()) >= 3
            else:
                found = sentences(clean(paragraph))
                good = bool(found)
            if good:
                text = " ".join(found[:2])
                if head.lower() not in text.lower() and "\t" not in head and re.search(r"[A-Za-z]{2}", head):
                    yield head, text
                break


def mixture(parts, count, generator):
    """As many of each part, or, of a part that is too small, all; in random order."""
    parts, rows, seen = sorted((sorted(set(part)) for part in parts), key=len), [], set()
    for index, part in enumerate(parts):
        part = [row for row in part if row not in seen]
        rows += generator.sample(part, min(len(part), (count - len(rows)) // (len(parts) - index)))
        seen.update(rows)
    generator.shuffle(rows)
    return rows


def assemble(cache, calibration=4500, heldout=4500, pairs=5000, seed=0):
    """Name of the file to its lines."""
    generator = random.Random(seed)
    files = {"calibration.txt": mixture([manuals(cache), policy(cache), fortunes(cache)], calibration, generator),
             "heldout.txt": mixture([dictionary("foldoc", cache), dictionary("jargon", cache)], heldout, generator),
             "pairs.tsv": [f"{head}\t{text}" for head, text in
                           mixture([definitions(n, cache) for n in ("foldoc", "jargon", "vera")], pairs, generator)]}
    seen = set(files["calibration.txt"])
    files["heldout.txt"] = [line for line in files["heldout.txt"] if line not in seen]
    return files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=pathlib.Path, required=True)
    parser.add_argument("--cache", type=pathlib.Path, default=pathlib.Path.home() / ".cache/transformer-mlir/text")
    for name, count in (("calibration", 4500), ("heldout", 4500), ("pairs", 5000)):
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N", help=f"lines (default: {count})")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    files = assemble(options.cache, options.calibration, options.heldout, options.pairs, options.seed)
    for name, lines in files.items():
        (options.out / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        print(f"{options.out / name}: {len(lines)} lines, {sum(len(line.split()) for line in lines)} words")


if __name__ == "__main__":
    main()
