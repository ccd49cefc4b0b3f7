import { parseMatrix, TextError } from "channelwise/text";
import fc from "fast-check";
import { describe, expect, it } from "vitest";

function errorOf(text: string): TextError & { text: string } {
  try {
    parseMatrix(text);
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    const [start, length] = error.range;
    return Object.assign(error, { text: text.slice(start, start + length) });
  }
  return expect.fail(`read: ${text}`);
}

/** The rows of the matrix in a text. */
function rows(text: string): number[][] {
  const { values, shape } = parseMatrix(text);
  expect(shape).toHaveLength(2);
  return Array.from({ length: shape[0] }, (_, row) =>
    Array.from(values.subarray(row * shape[1], (row + 1) * shape[1])),
  );
}

describe("a matrix in text", () => {
  const matrix = [
    [1, -2.5, 3e-7],
    [0.25, 5, -600],
  ];

  it.each([
    ["spaces", "1 -2.5 3e-7\n0.25 5 -600"],
    ["runs of spaces", "   1  -2.5   3e-7  \n .25    5 -600\n"],
    ["commas", "1,-2.5,3e-7\n0.25,5,-600"],
    ["commas and spaces", "1, -2.5, 3e-7\n0.25, 5, -600\n"],
    ["semicolons", "1;-2.5;3e-7\n0.25;5;-600"],
    ["semicolons and decimal commas", "1;-2,5;3e-7\n0,25;5;-600"],
    ["semicolons, spaces and decimal commas", "1,0; -2,5; 3,e-7\n,25; 5; -600"],
    ["tabs", "1\t-2.5\t3e-7\n0.25\t5\t-600"],
    ["tabs and spaces", "1 \t -2.5\t 3e-7\n0.25\t5\t-600 "],
    ["Windows line ends", "1 -2.5 3e-7\r\n0.25 5 -600\r\n"],
    ["old Macintosh line ends", "1,-2.5,3e-7\r0.25,5,-600"],
    ["blank lines", "\n\n1,-2.5,3e-7\n\n0.25,5,-600\n\n"],
    ["empty rows of a spreadsheet", "1,-2.5,3e-7\n,,\n0.25,5,-600\n,,"],
    ["separators at the ends of rows", "1,-2.5,3e-7,\n0.25,5,-600,"],
    ["quotes", '"1","-2.5","3e-7"\n"0.25","5","-600"'],
    ["typeset minus signs", "1 \u22122.5 3E\u22127\n+0.25 5. \u2212600"],
    ["a byte order mark", "\ufeff1,-2.5,3e-7\n0.25,5,-600"],
    ["comments, as numpy.savetxt writes them", "# weights\n1 -2.5 3e-7\n0.25 5 -600"],
    ["JSON", "[[1, -2.5, 3e-7], [0.25, 5, -600]]"],
    ["JSON on lines", "[\n  [1,\n -2.5, 3e-7],\n  [0.25, 5, -600]\n]\n"],
    ["Python's trailing commas", "[[1., -2.5, 3e-7,], [.25, 5, -600],]"],
    ["numpy's print", "[[ 1.0e+00 -2.5e+00  3.0e-07]\n [ 2.5e-01  5.0e+00 -6.0e+02]]"],
    ["numpy's code", "np.array([[1., -2.5, 3e-07], [.25, 5., -600.]])"],
    [
      "numpy's repr",
      "array([[ 1.0e+00, -2.5e+00,  3.0e-07],\n       [ 2.5e-01,  5.0e+00, -6.0e+02]], dtype=float32)\n",
    ],
    ["PyTorch's repr", "tensor([[1., -2.5, 3e-07],\n        [.25, 5., -600.]], device='cuda:0', requires_grad=True)"],
    ["MATLAB", "1 -2.5 3e-7; 0.25 5 -600"],
    ["MATLAB with brackets and commas", "[1, -2.5, 3e-7; 0.25, 5, -600];"],
  ])("is read with %s", (_, text) => {
    expect(rows(text)).toEqual(matrix);
  });

  it("can be one number, one row or one column", () => {
    expect(rows("7")).toEqual([[7]]);
    expect(rows("7,8")).toEqual([[7, 8]]);
    expect(rows("7\n8\n9")).toEqual([[7], [8], [9]]);
    expect(rows("[7, 8]")).toEqual([[7, 8]]);
  });

  it("can be a tensor", () => {
    expect(parseMatrix("[[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]]")).toMatchObject({
      values: Float64Array.from({ length: 12 }, (_, i) => i + 1),
      shape: [3, 2, 2],
    });
  });

  it("says how it was understood", () => {
    expect(parseMatrix("1,2;3,4")).toMatchObject({ shape: [1, 2], layout: "separated by semicolons" });
    expect(parseMatrix("1, 2;3, 4")).toMatchObject({ shape: [2, 2], layout: "rows ended by semicolons" });
    expect(parseMatrix("[[1]]").layout).toBe("nested arrays");
  });

  it.each([
    ["a header", "a,b\n1,2\n3,4", ["a", "b"], undefined],
    ["row names", "x 1 2\ny 3 4", undefined, ["x", "y"]],
    ["both, with a corner", "name;a;b\nx;1;2\ny;3;4", ["a", "b"], ["x", "y"]],
    ["both, with an empty corner", "\ta\tb\nx\t1\t2\ny\t3\t4", ["a", "b"], ["x", "y"]],
    ["R's way, without the corner", "a b\nx 1 2\ny 3 4", ["a", "b"], ["x", "y"]],
    ["R's numbered rows", '"a","b"\n"1",1,2\n"2",3,4', ["a", "b"], ["1", "2"]],
    ["pandas' numbered rows and columns", ",0,1\n0,1,2\n1,3,4", ["0", "1"], ["0", "1"]],
    ["quoted names", '"","a, b","c ""d"""\n"x\ny",1,2\nz,3,4', ["a, b", 'c "d"'], ["x\ny", "z"]],
    ["words and numbers as names", "the 1 2\n1990 3 4\nof 5 6\nand 7 8", undefined, ["the", "1990", "of", "and"]],
  ])("may have names: %s", (_, text, columnNames, rowNames) => {
    const parsed = parseMatrix(text);
    expect(Array.from(parsed.values.subarray(0, 4))).toEqual([1, 2, 3, 4]);
    expect([parsed.columnNames, parsed.rowNames]).toEqual([columnNames, rowNames]);
  });
});

describe("text that is no matrix", () => {
  const advice = " as it is read here; write it like -1234.5 or 1.5e-7";
  const notOneArray = "this object is not one array; give an array alone, such as [[1, 2], [3, 4]]";

  it.each([
    ["1,2,3\n4,oops,6", "Line 2, column 2: “oops” is not a number.", "oops"],
    ["oops,2,3\n4,5,6", "Line 1, column 1: “oops” is not a number.", "oops"],
    ["1 2\nx 4", "Line 2, column 1: “x” is not a number.", "x"],
    ["a,b\n1,2\n\n3,1.2.3", `Line 4, column 2: “1.2.3” is not a number${advice}.`, "1.2.3"],
    ["1,2\n3,\n5,6", "Line 2, column 2: the cell is empty; a number must stand there.", "3"],
    ["1\t2 3\n4\t5", `Line 1, column 2: “2 3” is not a number${advice}.`, "2 3"],
    ["1 nan\n3 4", "Line 1, column 2: “nan” is not finite; weights must be.", "nan"],
    ["1 2\n-inf 4", "Line 2, column 1: “-inf” is not finite; weights must be.", "-inf"],
    ["1 1e999", "Line 1, column 2: “1e999” is larger than float64 can hold (1.8e308).", "1e999"],
    ["x 1 2\ny 3 ?", "Line 2, column 3: “?” is not a number.", "?"],
    ['"two\nlines",1\nx,2\ny,z', "Line 4, column 2: “z” is not a number.", "z"],
    [`1 2\n3 ${"9x".repeat(40)}`, `Line 2, column 2: “${"9x".repeat(20)}…” is not a number.`, "9x".repeat(40)],
    ["1 2; 3 x", "Line 1, row 2, column 2: “x” is not a number.", "x"],
    ["abc", "Line 1, column 1: “abc” is not a number.", "abc"],
    [",2,3\n4,5,6", "Line 1, column 1: the cell is empty; a number must stand there.", ",2,3"],
    ["1 2 3\n4 5\n6 7 8", "Line 2 has 2 cells and line 1 has 3; rows must be of one length.", "4 5"],
    ["1 2 3; 4 5", "Row 2 has 2 cells and row 1 has 3; rows must be of one length.", "4 5"],
    ["a,b,c\n1,2,3,4,5", "Line 1 names 3 columns, and line 2 has 5 numbers.", "a,b,c"],
    ["  \n\n", "There are no numbers here.", "  \n\n"],
    ["[[1, 2], [3, x]]", "Line 1, row 2, column 2: “x” is not a number.", "x"],
    ['[[1, "2"]]', 'Line 1, row 1, column 2: “"2"” is not a number.', '"2"'],
    ["np.array([[1, x]])", "Line 1, row 1, column 2: “x” is not a number.", "x"],
    ["[[1, null]]", "Line 1, row 1, column 2: “null” is not a number.", "null"],
    ["[[1,\n2],\n[3, NaN]]", "Line 3, row 2, column 2: “NaN” is not finite; weights must be.", "NaN"],
    ["[[1, 2], [3]]", "Line 1, element 2: an array of 1 follows an array of 2; rows must be of one length.", "]"],
    ["[[1, 2], 3]", "Line 1, element 2: a number follows an array of 2; rows must be of one length.", "3"],
    ["[1, [2]]", "Line 1, element 2: an array of 1 follows a number; rows must be of one length.", "]"],
    ["[[1, , 2]]", "Line 1, row 1, column 2: a number is missing before the comma.", ","],
    ["[[], [1]]", "Line 1, element 1: the array is empty.", "]"],
    ["[[1, 2], [3, 4", "Line 1, row 2, column 3: the text ends before the brackets closed.", ""],
    ["[[1]] 2", "Line 1: “2” follows the end of the arrays.", "2"],
    ["[[[1]], [[2], [x]]]", "Line 1, at [1][1][0]: “x” is not a number.", "x"],
    ["[".repeat(65), `Line 1, at ${"[0]".repeat(64)}: arrays are nested more than 64 deep.`, "["],
    ['\n{"w": [[1]], "b": [1]}', `Line 2: ${notOneArray}.`, '"b"'],
  ])("is named by line and column: %j", (text, message, pointedAt) => {
    const error = errorOf(text);
    expect(error.message).toBe(message);
    expect(error.text).toBe(pointedAt);
  });

  it("names a bad cell wherever it stands, in every notation", () => {
    const cases = fc.record({
      rows: fc.integer({ min: 2, max: 8 }),
      columns: fc.integer({ min: 2, max: 8 }),
      at: fc.tuple(fc.nat(), fc.nat()),
      bad: fc.constantFrom("oops", "1.2.3", "--1", "0x10", "1_000", "½", "NaN", "1e400"),
      separator: fc.constantFrom(" ", ", ", ",", ";", "\t", "json"),
      lineEnd: fc.constantFrom("\n", "\r\n"),
    });
    fc.assert(
      fc.property(cases, ({ rows, columns, at, bad, separator, lineEnd }) => {
        const [row, column] = [at[0] % rows, at[1] % columns];
        const cells = Array.from({ length: rows }, (_, r) =>
          Array.from({ length: columns }, (_, c) => (r === row && c === column ? bad : `${r * columns + c}.5`)),
        );
        const text =
          separator === "json"
            ? `[${cells.map((line) => `[${line.join(", ")}]`).join(`,${lineEnd}`)}]`
            : cells.map((line) => line.join(separator)).join(lineEnd);
        const error = errorOf(text);
        expect([error.line, error.column, error.text]).toEqual([row + 1, column + 1, bad]);
        expect(error.message).toContain(`“${bad}”`);
      }),
    );
  });
});

it("gives back every matrix, in every notation, bit for bit", () => {
  const cases = fc.record({
    columns: fc.integer({ min: 1, max: 6 }),
    numbers: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 40 }),
    separator: fc.constantFrom(" ", ", ", ",", ";", "\t", "json"),
    header: fc.boolean(),
    names: fc.boolean(),
  });
  fc.assert(
    fc.property(cases, ({ columns, numbers, separator, header, names }) => {
      const matrix: number[][] = [];
      for (let at = 0; at < numbers.length; at += columns) matrix.push(numbers.slice(at, at + columns));
      if (matrix.length > 1 && matrix.at(-1)?.length !== columns) matrix.pop();
      // A first row of 0, 1, 2 and so on is what pandas writes above columns without names.
      fc.pre(header || separator === "json" || columns === 1 || matrix[0].some((number, i) => number !== i));
      // -0 is written "-0", which String() does not do.
      const written = matrix.map((row) => row.map((number) => (Object.is(number, -0) ? "-0" : String(number))));

      const expected = { values: Float64Array.from(matrix.flat()), shape: [matrix.length, matrix[0].length] };
      if (separator === "json") {
        expect(parseMatrix(`[${written.map((row) => `[${row}]`)}]`)).toMatchObject(expected);
        return;
      }
      const columnNames = matrix[0].map((_, i) => `w${i}`);
      const rowNames = matrix.map((_, i) => `row${i}`);
      const lines = names ? written.map((row, i) => [rowNames[i], ...row]) : written;
      if (header) lines.unshift(names ? ["name", ...columnNames] : columnNames);
      const parsed = parseMatrix(lines.map((line) => line.join(separator)).join("\n"));
      expect(parsed).toMatchObject(expected);
      expect([parsed.columnNames, parsed.rowNames]).toEqual([
        header ? columnNames : undefined,
        names ? rowNames : undefined,
      ]);
    }),
    { numRuns: 500 },
  );
});

it("gives back every matrix in the notations of tables and languages, bit for bit", () => {
  const lines = (rows: string[][], between: string, line: (row: string) => string) =>
    rows.map((row) => line(row.join(between))).join("\n");
  const transposed = (rows: string[][]) => rows[0].map((_, column) => rows.map((row) => row[column]));
  const notations: Record<string, (rows: string[][]) => string> = {
    Markdown: (rows) =>
      `| ${rows[0].map((_, i) => `c${i}`).join(" | ")} |\n|${rows[0].map(() => "---|").join("")}\n${lines(rows, " | ", (row) => `| ${row} |`)}`,
    LaTeX: (rows) => `\\begin{bmatrix}\n${lines(rows, " & ", (row) => `${row} \\\\`)}\n\\end{bmatrix}`,
    MATLAB: (rows) => `A = [${rows.map((row) => row.join(" ")).join("; ")}];`,
    Mathematica: (rows) =>
      `{${rows.map((row) => `{${row.map((each) => each.replace("e", "*^")).join(", ")}}`).join(", ")}}`,
    Python: (rows) => `w = (${rows.map((row) => `(${row.join(", ")},)`).join(", ")},)`,
    numpy: (rows) => `[${rows.map((row) => `[${row.join(" ")}]`).join("\n ")}]`,
    C: (rows) => `double w[][${rows[0].length}] = {${rows.map((row) => `{${row.join(", ")}}`).join(", ")}};`,
    R: (rows) => `matrix(c(${transposed(rows).flat().join(", ")}), nrow = ${rows.length})`,
    "R's print": (rows) =>
      `${rows[0].map((_, i) => `[,${i + 1}]`).join(" ")}\n${rows.map((row, i) => `[${i + 1},] ${row.join(" ")}`).join("\n")}`,
    Germany: (rows) => lines([rows[0].map((_, i) => `c${i}`), ...rows], "\t", (row) => row.replaceAll(".", ",")),
  };
  const cases = fc.record({
    columns: fc.integer({ min: 1, max: 5 }),
    numbers: fc.array(fc.double({ noNaN: true, noDefaultInfinity: true }), { minLength: 5, maxLength: 30 }),
    notation: fc.constantFrom(...Object.keys(notations)),
  });
  fc.assert(
    fc.property(cases, ({ columns, numbers, notation }) => {
      const count = Math.floor(numbers.length / columns);
      const values = numbers.slice(0, count * columns);
      if (notation === "Germany") {
        fc.pre(columns > 1); // otherwise there are no tabs
        values[0] = 0.5; // shows that commas are decimal
      }
      const written = values.map((value) => (Object.is(value, -0) ? "-0" : String(value)));
      const rows = Array.from({ length: count }, (_, row) => written.slice(row * columns, (row + 1) * columns));
      expect(parseMatrix(notations[notation](rows))).toMatchObject({
        values: Float64Array.from(values),
        shape: [count, columns],
      });
    }),
    { numRuns: 1000 },
  );
});

it("reads or refuses every text, with finite numbers that fill the shape", () => {
  const pieces = fc.constantFrom(
    ..."[ ] ( ) { } , ; : = | & \\\\ \\ # % // /* */ \" ' < > - + . ... 1 2.5 1,5 1.234 1e5 -3 NaN a w0 np.array( c( matrix( tensor( nrow=2 |---|---| [1,] [,1] \\begin{bmatrix} \\begin{tabular}{c} \\end{bmatrix} 50% 1/2".split(
      " ",
    ),
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u00a0",
    "\u{1f600}",
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      const text = parts.join("");
      try {
        const { values, shape, rowNames, columnNames, notes } = parseMatrix(text);
        expect(values.length).toBe(shape.reduce((product, length) => product * length, 1));
        expect(values.length).toBeGreaterThan(0);
        expect(values.every(Number.isFinite)).toBe(true);
        if (rowNames) expect(rowNames).toHaveLength(shape[0]);
        if (columnNames) expect(columnNames).toHaveLength(shape[1]);
        expect(notes.every((note) => note.endsWith("."))).toBe(true);
      } catch (error) {
        if (!(error instanceof TextError)) throw error;
        const [start, length] = error.range;
        expect([start >= 0, length >= 0, start + length <= text.length]).toEqual([true, true, true]);
        expect(error.line).toBeLessThanOrEqual(text.split(/\r\n|\r|\n/).length);
      }
    }),
    { numRuns: 5000 },
  );
});
