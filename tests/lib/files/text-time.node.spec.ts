import { parseMatrix, TextError } from "channelwise/text";
import { expect, it } from "vitest";

/** The number of characters. A step for each pair of them would take 360,000,000,000 steps, or many minutes. */
const LENGTH = 600_000;

const filled = (text: string) => text.repeat(Math.ceil(LENGTH / text.length));

/** Texts in which an expression or a search could begin again at every character. */
const texts: Record<string, string> = {
  "a column that ends wrongly": `[${filled("1;")}x`,
  "blanks before what is wrong": `array([[1, 2]${filled(" ")}x`,
  "a column with a comment": `[${filled("1;\n")}]; % comment`,
  "lines of an array": `[${filled("1\n")}]`,
  "commas at the ends of lines": `[${filled("1,\n")}]`,
  "blanks between brackets": `[${filled("[ ")}`,
  "arrays in sequence": filled("[1]\n"),
  "arrays with commas": filled("[1],"),
  "objects in an array": `[${filled('{"0":1},')}]`,
  "names of an object": `{${filled('"0":1,')}}`,
  "a colon after each name": filled("a:"),
  "an object with blanks": `{${filled(" ")}`,
  "names of arguments": `array([1],${filled("a=")})`,
  "unnamed arguments": `array([1],${filled("a,")})`,
  "brackets in an argument": `array([1], a=${filled("(")})`,
  "names of elements": `c(${filled("a=1,")})`,
  "quotes of one kind in an array": `[${filled("'")}`,
  "a string without an end": `["${filled("a")}`,
  "escapes in a string": `["${filled("\\")}`,
  "comments without an end": `[${filled("/*")}`,
  "asterisks in a comment": `[1, /*${filled("*")}`,
  "comments in an array": `[${filled("1, # one\n")}]`,
  "brackets of a type": `new ${filled("[]")}{1}`,
  "new and new": filled("new "),
  ...Object.fromEntries(
    [..."[({])}<>=:#%/*\\&|$^~'`.,;-+!?_ \t\r\n"].map((mark) => [`only ${JSON.stringify(mark)}`, filled(mark)]),
  ),
  "calls in calls": filled("c("),
  "quotes alone": filled('"'),
  "quotes that begin cells": filled('"a,'),
  "quotes twice in cells": filled('"a ""b,'),
  "one quote before many": `"${filled("a,")}`,
  "quotes twice without an end": `"${filled('""')}`,
  "quotes on lines": filled('"\n'),
  "quotes over lines": filled('"a";"b\n'),
  "blanks before a cell": `${filled(" ")}x`,
  "blanks between cells": `1${filled(" ")}x`,
  "tabs between cells": `1${filled("\t")}x`,
  "blank lines before a cell": `${filled("\n ")}x`,
  "numbers on a line": filled("1 "),
  "numbers on lines": `${filled("1 2\n")}x`,
  "names of columns": filled("a,"),
  "names of rows": filled("a 1\n"),
  "decimal commas": filled("1,5\t"),
  thousands: filled("1,234.5\t"),
  "what may be thousands": `2.5${filled("\t1,234")}`,
  "rows of two": filled("1,2\n"),
  "rows ended by semicolons": filled("1, 2; "),
  comments: filled("# a, b; 1\n"),
  "bars with blanks": filled("| "),
  "bars with dashes": filled("|-"),
  "a long number": filled("1"),
  "points between digits": filled("1."),
  "a long exponent": `1e${filled("1")}`,
  "minus signs": filled("\u2212"),
  "digits of other kinds": filled("½"),
  "blanks that do not break": `1${filled("\u00a0")}`,
  "a long word": filled("x"),
  "a long name before a bracket": `${filled("a.")}(`,
  assignments: filled("a = "),
  captions: filled("a:\n"),
  "blanks after a caption": `a:${filled(" ")}`,
  "TensorFlow without numbers": `<tf.${filled("numpy=")}`,
  bullets: filled("- ["),
  "rows printed by R": `     [,1]\n${filled("[1,] 1\n")}`,
  "blocks printed by R": filled("[,1]\n[1,] 1\n"),
  "a vector printed by R": filled("[1] 1\n"),
  "columns printed by MATLAB": filled("Columns 1\n1\n"),
  "cells of LaTeX": filled("1 & \\\\ "),
  "rows of LaTeX": filled("& \\\\"),
  "tables of LaTeX": filled("\\begin{bmatrix}"),
  "arguments of a table": `\\begin{tabular}${filled("{")}`,
  "options of a table": `\\begin{tabular}${filled("[a]")}`,
  "rules of a table": `\\begin{tabular}{c}${filled("\\cline{")}\\end{tabular}`,
  "styles in a table": `\\begin{tabular}{c}${filled("\\textbf{")}\\end{tabular}`,
  "powers in a table": `\\begin{tabular}{c}${filled("\\times ")}\\end{tabular}`,
  "blanks in a matrix": `\\begin{bmatrix} 1${filled(" ")}\\end{bmatrix}`,
};

it.each(Object.keys(texts))("the time grows no faster than the text: %s", (name) => {
  try {
    expect(parseMatrix(texts[name]).values.length).toBeGreaterThan(0);
  } catch (error) {
    expect(error).toBeInstanceOf(TextError);
  }
});
