"""Fills in what the documentation shows of //tables/length; see tools/length.sh --document.

In a page, between a comment and <!-- end -->:
  <!-- NAME after EPOCHS epochs -->        a table: accuracy of rows that are compared with none, gains of the others
  <!-- links of NAME -->                   how many links are kept
  <!-- NAME after EPOCHS epochs: COLUMN, COLUMN -->
                                           the last cells of every line of a table that has the key of a row in `backticks`
NAME is one of the arguments NAME=curves.csv (learning-curves). With --check nothing is written; exit code 1 and a line for each
page that says otherwise.
"""
import argparse
import csv
import re
import sys

BLOCK = re.compile(r"(<!-- (?:links of )?(\w+)(?: after (\d+) epochs(?:: ([^>]*))?)? -->)(.*?)(<!-- end -->)", re.S)


def signed(fraction):
    text = "%+.1f" % (100 * float(fraction))
    return "0.0" if text in ("+0.0", "-0.0") else text


class Curves:
    def __init__(self, path):
        with open(path, newline="") as file:
            self.lines = list(csv.DictReader(file))
        self.columns = list(dict.fromkeys(line["column"] for line in self.lines))

    def links(self):
        return sum(int(line["seeds"]) for line in self.lines if line["column"] == self.columns[0])

    def at(self, epochs):
        """key -> the lines of a row, in the order of the columns."""
        rows = {}
        for line in self.lines:
            if line["epochs"] == epochs:
                rows.setdefault(line["key"], []).append(line)
        return rows

    def table(self, epochs):
        text = "\n| | seeds | %s |\n| --- |%s\n" % (" | ".join(self.columns), " ---: |" * (1 + len(self.columns)))
        for lines in self.at(epochs).values():
            seeds = lines[0]["seeds"]
            if not lines[0]["baseline"]:
                cells = ["%.1f" % (100 * float(line["accuracy"])) for line in lines]
                cells = [cell + (" ± %.1f" % (100 * float(line["spread"])) if line["spread"] else "")
                         for cell, line in zip(cells, lines)]
                name = lines[0]["row"] + ", accuracy"
            else:
                cells = [self.gain(line) for line in lines]
                seeds = lines[0]["gain_seeds"]
                name = "+ " + lines[0]["row"].split(" + ", 1)[1]
            text += "| %s | %s | %s |\n" % (name, seeds, " | ".join(cells))
        return text

    @staticmethod
    def gain(line):
        """Bold where the interval leaves out 0; "" if it is not known."""
        if not line["gain"]:
            return ""
        text = "%s (%s to %s)" % (signed(line["gain"]), signed(line["gain_low"]), signed(line["gain_high"]))
        return "**%s**" % text if float(line["gain_low"]) > 0 or float(line["gain_high"]) < 0 else text

    def last_cells(self, epochs, columns, table):
        rows = self.at(epochs)
        filled = []
        for text in table.split("\n"):
            key = re.search(r"\| `(\w+)`", text)
            if key:
                found = {line["column"]: signed(line["gain"]) for line in rows.get(key.group(1), []) if line["gain"]}
                cells = [cell.strip() for cell in text.strip()[1:-1].split("|")][:-len(columns)]
                text = "| %s |" % " | ".join(cells + [found.get(column, "") for column in columns])
            filled.append(text)
        return "\n".join(filled)


def fill(text, curves):
    def inside(block):
        begin, name, epochs, columns, old, end = block.groups()
        if name not in curves:
            return block.group(0)
        if not epochs:
            new = str(curves[name].links())
        elif columns:
            new = curves[name].last_cells(epochs, columns.split(", "), old)
        else:
            new = curves[name].table(epochs)
        return begin + new + end
    return BLOCK.sub(inside, text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", action="append", default=[], metavar="NAME=curves.csv")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("pages", nargs="+")
    settings = parser.parse_args()
    curves = {name: Curves(path) for name, path in (word.split("=", 1) for word in settings.curves)}
    behind = 0
    for page in settings.pages:
        with open(page) as file:
            old = file.read()
        new = fill(old, curves)
        if new == old:
            continue
        behind += 1
        if settings.check:
            print("%s does not show what is kept: tools/length.sh --document" % page, file=sys.stderr)
        else:
            with open(page, "w") as file:
                file.write(new)
    return 1 if settings.check and behind else 0


if __name__ == "__main__":
    sys.exit(main())
