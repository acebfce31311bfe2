"""Pieces of HTML that report.html is made of. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception"""
from ._svg import COLOURS, esc


def section(heading, body, note=""):
    note = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{esc(heading)}</h2>{note}{body}</section>\n"


def figure(drawing, caption=""):
    caption = f"<figcaption>{caption}</figcaption>" if caption else ""
    return f"<figure>{drawing}{caption}</figure>"


def legend(names):
    rows = "".join(f'<li><i class="f{i % COLOURS}"></i>{esc(name)}</li>' for i, name in enumerate(names))
    return f'<ul class="legend">{rows}</ul>'


def table(head, rows, kinds=""):
    """`kinds`: a letter per column: l, r (number), p (path) or e (explains the row). Cells are safe HTML already."""
    classes = [{"r": ' class="r"', "p": ' class="path"', "e": ' class="e"'}.get(k, "") for k in kinds.ljust(len(head), "l")]
    top = "".join(f'<th{"" if "path" in c else c}>{esc(h)}</th>' for h, c in zip(head, classes))
    body = "".join(f"<tr{' class=' + chr(34) + 'total' + chr(34) if row and row[0] == 'total' else ''}>"
                   + "".join(f"<td{c}>{cell}</td>" for cell, c in zip(row, classes)) + "</tr>\n" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'
