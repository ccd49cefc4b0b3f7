import { parseMatrix, TextError } from "channelwise/text";
import { describe, expect, it } from "vitest";

/** The matrix in a text, and the notes on it. */
function read(text: string) {
  const { values, shape, notes } = parseMatrix(text);
  return { values: [...values], shape, notes };
}

function messageOf(text: string): string {
  try {
    return `read as ${JSON.stringify(read(text))}`;
  } catch (error) {
    if (!(error instanceof TextError)) throw error;
    const [start, length] = error.range;
    expect(start >= 0 && start + length <= text.length).toBe(true);
    expect(error.message).toMatch(/^(?:Line|Row|The block) /);
    return error.message;
  }
}

type Form = readonly [name: string, text: string, notes?: readonly string[]];

/** All of these are [[0.1, -0.2], [0.3, 0.4]]. */
const matrices: readonly Form[] = [
  ["JSON", "[[0.1, -0.2], [0.3, 0.4]]"],
  ["JSON with a name", '{"w": [[0.1, -0.2], [0.3, 0.4]]}'],
  ["JSON with names in each other", '{"layer": {"w": [[0.1, -0.2], [0.3, 0.4]]}}'],
  ["a dict of Python", "{'w': np.array([[0.1, -0.2], [0.3, 0.4]])}"],
  ["an object of JavaScript", "const layer = { w: [ [ 0.1, -0.2 ], [ 0.3, 0.4 ] ], };"],
  ["arrays on lines", "[0.1, -0.2]\n[0.3, 0.4]\n", ["2 arrays follow each other; each was read as a row."]],
  ["arrays with commas", "[0.1, -0.2], [0.3, 0.4]", ["2 arrays follow each other; each was read as a row."]],
  [
    "a list of YAML",
    "w:\n  - [0.1, -0.2]\n  - [0.3, 0.4]\n",
    ["“w:” in line 1 was passed over.", "2 arrays follow each other; each was read as a row."],
  ],
  ["Rust's suffixes", "vec![vec![0.1f32, -0.2f32], vec![0.3f32, 0.4f64]]"],
  ["code in Markdown", "```json\n[[0.1, -0.2], [0.3, 0.4]]\n```\n"],
  ["rows in a block of Markdown", "```\n0.1 -0.2\n0.3  0.4\n```"],
  [
    "MATLAB's factor",
    "W =\n\n   1.0e-03 *\n\n  100.0 -200.0\n  300.0  400.0\n",
    ["Every number was multiplied by 1.0e-03."],
  ],
  ["Python's tuples", "((0.1, -0.2), (0.3, 0.4))"],
  ["Python's lists of tuples", "[(0.1, -0.2), (0.3, 0.4)]"],
  ["tuples without parentheses", "(0.1, -0.2), (0.3, 0.4)", ["2 arrays follow each other; each was read as a row."]],
  ["parentheses that make no tuple", "(([0.1, -0.2], [0.3, 0.4]))"],
  ["an assignment", "w = [[0.1, -0.2], [0.3, 0.4]]"],
  ["an assignment with a type", "self.w: np.ndarray = np.array([[0.1, -0.2], [0.3, 0.4]], dtype=np.float32)"],
  [
    "an assignment after a comment",
    "# weights\nw = [[0.1, -0.2],  # first\n     [0.3, 0.4]]",
    ["“# weights” in line 1 was passed over as a comment.", "“# first” in line 2 was passed over as a comment."],
  ],
  ["numpy's print", "[[ 0.1 -0.2]\n [ 0.3  0.4]]"],
  ["numpy's repr", "array([[ 0.1, -0.2],\n       [ 0.3,  0.4]], dtype=float32)"],
  ["numpy 2's repr", "array([[ 0.1, -0.2],\n       [ 0.3,  0.4]], shape=(2, 2), dtype=float32)"],
  ["numpy 2's scalars", "[[np.float64(0.1), np.float64(-0.2)], [np.float32(0.3), np.float32(0.4)]]"],
  ["a list of arrays", "[array([ 0.1, -0.2], dtype=float32), array([0.3, 0.4], dtype=float32)]"],
  ["numpy's matrix", "matrix([[ 0.1, -0.2],\n        [ 0.3,  0.4]])"],
  [
    "PyTorch",
    "tensor([[ 0.1, -0.2],\n        [ 0.3,  0.4]], device='cuda:0', dtype=torch.float64,\n       grad_fn=<AddmmBackward0>)",
  ],
  ["PyTorch's code", "torch.tensor([[0.1, -0.2], [0.3, 0.4]], requires_grad=True)"],
  [
    "PyTorch's parameter",
    "Parameter containing:\ntensor([[ 0.1, -0.2],\n        [ 0.3,  0.4]], requires_grad=True)",
    ["“Parameter containing:” in line 1 was passed over."],
  ],
  ["PyTorch's parameter in code", "nn.Parameter(torch.tensor([[0.1, -0.2], [0.3, 0.4]]))"],
  ["JAX", "Array([[ 0.1, -0.2],\n       [ 0.3,  0.4]], dtype=float32)"],
  [
    "JAX's scalars",
    "[[Array(0.1, dtype=float32), Array(-0.2, dtype=float32)], [Array(0.3, dtype=float32), Array(0.4, dtype=float32)]]",
  ],
  ["TensorFlow's print", "tf.Tensor(\n[[ 0.1 -0.2]\n [ 0.3  0.4]], shape=(2, 2), dtype=float32)"],
  [
    "TensorFlow's repr",
    "<tf.Tensor: shape=(2, 2), dtype=float32, numpy=\narray([[ 0.1, -0.2],\n       [ 0.3,  0.4]], dtype=float32)>",
  ],
  [
    "TensorFlow's variable",
    "<tf.Variable 'w:0' shape=(2, 2) dtype=float32, numpy=\narray([[ 0.1, -0.2],\n       [ 0.3,  0.4]], dtype=float32)>",
  ],
  ["TensorFlow's code", "tf.constant([0.1, -0.2, 0.3, 0.4], shape=(2, 2))"],
  ["TensorFlow.js", "Tensor\n    [[0.1, -0.2],\n     [0.3, 0.4 ]]"],
  ["Node's arrays", "[ [ 0.1, -0.2 ], [ 0.3, 0.4 ] ]"],
  ["Node's typed arrays", "[ Float32Array(2) [ 0.1, -0.2 ], Float32Array(2) [ 0.3, 0.4 ] ]"],
  ["JavaScript's typed arrays", "const w = [new Float32Array([0.1, -0.2]), new Float32Array([0.3, 0.4])];"],
  ["JavaScript's typed arrays in other ways", "[Float32Array.of(0.1, -0.2), Float64Array.from([0.3, 0.4])]"],
  ["MATLAB", "[0.1 -0.2; 0.3 0.4]"],
  ["MATLAB with commas", "A = [0.1, -0.2; 0.3, 0.4];"],
  ["MATLAB on lines", "A = [0.1 -0.2\n     0.3 0.4];", ["Each line was read as a row."]],
  [
    "MATLAB with comments",
    "A = [0.1 -0.2; % first\n     0.3 0.4]; % end",
    ["“% first” in line 1 and 1 more were passed over as comments."],
  ],
  ["MATLAB's rows joined", "[[0.1 -0.2]; [0.3 0.4]]"],
  ["MATLAB's cells", "{0.1, -0.2; 0.3, 0.4}"],
  ["MATLAB's print", "\nA =\n\n    0.1000   -0.2000\n    0.3000    0.4000\n\n"],
  ["MATLAB's print of columns", "A =\n\n  Columns 1 through 1\n\n    0.1\n    0.3\n\n  Column 2\n\n   -0.2\n    0.4\n"],
  ["Julia", "Float32[0.1 -0.2; 0.3 0.4]"],
  [
    "Julia's print",
    "2×2 Matrix{Float64}:\n 0.1  -0.2\n 0.3   0.4",
    ["“2×2 Matrix{Float64}:” in line 1 was passed over."],
  ],
  ["Julia's Float32", "[1.0f-1 -2.0f-1; 0.3f0 0.4f0]"],
  ["Mathematica", "{{0.1, -0.2}, {0.3, 0.4}}"],
  ["Mathematica's numbers", "w = {{1.*^-1, -0.2`}, {0.3`15.954589770191003, 2/5}};"],
  [
    "C",
    "static const float w[2][2] = {{0.1f, -0.2f}, {3e-1f, .4f}}; // layer 1",
    ["“// layer 1” in line 1 was passed over as a comment."],
  ],
  ["Java", "double[][] w = new double[][] {{0.1, -0.2}, {0.3, 0.4}};"],
  ["C#", "var w = new float[,] { { 0.1f, -0.2f }, { 0.3f, 0.4f } };"],
  ["Go", "w := [][]float64{{0.1, -0.2}, {0.3, 0.4}}"],
  ["Rust", "let w: [[f32; 2]; 2] = [[0.1, -0.2], [0.3, 0.4]];"],
  ["Rust's vectors", "vec![vec![0.1, -0.2], vec![0.3, 0.4]]"],
  ["Lua", "w = { {0.1, -0.2}, {0.3, 0.4} }"],
  ["R", "matrix(c(0.1, 0.3, -0.2, 0.4), nrow = 2)", ["The numbers fill the columns one after the other, as in R."]],
  ["R by rows", "w <- matrix(c(0.1, -0.2, 0.3, 0.4), ncol=2, byrow=TRUE)"],
  ["R by places", "matrix(c(0.1, -0.2, 0.3, 0.4), 2, 2, TRUE)"],
  ["R's rows", "rbind(c(0.1, -0.2), c(0.3, 0.4))"],
  [
    "R's columns",
    "cbind(a = c(0.1, 0.3), b = c(-0.2, 0.4))",
    ["The numbers fill the columns one after the other, as in R."],
  ],
  [
    "R's dput",
    'structure(c(0.1, 0.3, -0.2, 0.4), dim = c(2L, 2L), dimnames = list(NULL, c("a", "b")))',
    ["The numbers fill the columns one after the other, as in R."],
  ],
  ["R's print", "     [,1] [,2]\n[1,]  0.1 -0.2\n[2,]  0.3  0.4\n"],
  ["R's print of columns", "     [,1]\n[1,]  0.1\n[2,]  0.3\n     [,2]\n[1,] -0.2\n[2,]  0.4\n"],
  ["R's print with names", "    [,1] [,2]\none  0.1 -0.2\ntwo  0.3  0.4\n", ["Column 1 names the rows (one, two)."]],
  [
    "R's print with names in columns",
    "    [,1]\none  0.1\ntwo  0.3\n    [,2]\none -0.2\ntwo  0.4\n",
    ["Column 1 names the rows (one, two)."],
  ],
  [
    "R's print with names of columns",
    "       a    b\n[1,] 0.1 -0.2\n[2,] 0.3  0.4\n",
    ["Line 1 names the columns (a, b)."],
  ],
  [
    "R's data frame",
    "    a    b\n1 0.1 -0.2\n2 0.3  0.4\n",
    ["Line 1 names the columns (a, b).", "Column 1 names the rows (1, 2)."],
  ],
  [
    "pandas' print",
    "     0    1\n0  0.1 -0.2\n1  0.3  0.4\n",
    ["Line 1 names the columns (0, 1).", "Column 1 names the rows (0, 1)."],
  ],
  [
    "pandas' print with its size",
    "     0    1\n0  0.1 -0.2\n1  0.3  0.4\n\n[2 rows x 2 columns]\n",
    ["Line 1 names the columns (0, 1).", "Column 1 names the rows (0, 1)."],
  ],
  [
    "pandas' Markdown",
    "|    |   0 |    1 |\n|---:|----:|-----:|\n|  0 | 0.1 | -0.2 |\n|  1 | 0.3 |  0.4 |\n",
    ["Line 1 names the columns (0, 1).", "Column 1 names the rows (0, 1)."],
  ],
  ["Markdown", "| a | b |\n|---|:-:|\n| 0.1 | **-0.2** |\n| `0.3` | 0.4 |\n", ["Line 1 names the columns (a, b)."]],
  ["Markdown with numbers above its rule", "| 0.1 | -0.2 |\n|-----|------|\n| 0.3 | 0.4 |"],
  [
    "Markdown without outer bars",
    "row | a | b\n--- | --- | ---\none | 0.1 | -0.2\ntwo | 0.3 | 0.4",
    ["Line 1 names the columns (row, a, b).", "Column 1 names the rows (one, two)."],
  ],
  ["what psql prints", " 0.1 | -0.2 \n 0.3 |  0.4\n(2 rows)\n"],
  ["a table of a database", "+-----+------+\n| 0.1 | -0.2 |\n| 0.3 |  0.4 |\n+-----+------+\n"],
  [
    "console.table",
    "┌─────────┬─────┬──────┐\n│ (index) │ 0   │ 1    │\n├─────────┼─────┼──────┤\n│ 0       │ 0.1 │ -0.2 │\n│ 1       │ 0.3 │ 0.4  │\n└─────────┴─────┴──────┘",
    ["Line 2 names the columns ((index), 0, 1).", "Column 1 names the rows (0, 1)."],
  ],
  ["a table with rules", "  a    b\n---  ---\n0.1  -0.2\n0.3  0.4\n===  ===\n", ["Line 1 names the columns (a, b)."]],
  ["LaTeX's matrix", "\\begin{bmatrix} 0.1 & -0.2 \\\\ 0.3 & 0.4 \\end{bmatrix}"],
  [
    "LaTeX's equation",
    "\\[\n  W = \\begin{pmatrix}\n    0.1 & -0.2 \\\\[2pt]\n    0.3 & 4 \\times 10^{-1}\\\\\n  \\end{pmatrix}.\n\\]",
  ],
  ["LaTeX's array", "$$\\left[\\begin{array}{c|c} 0.1 & -0.2 \\\\ 0.3 & 0.4 \\end{array}\\right]$$"],
  [
    "LaTeX's table",
    "\\begin{table}[h]\n\\begin{tabular}{lrr}\n\\toprule\nrow & a & b \\\\ \\midrule % names\none & $0.1$ & $-0.2$ \\\\\n\\hline\ntwo & \\textbf{0.3} & 0.4 \\\\ \\bottomrule\n\\end{tabular}\n\\caption{Table 1}\\end{table}",
    [
      "“% names” in line 4 was passed over as a comment.",
      "Line 4 names the columns (row, a, b).",
      "Column 1 names the rows (one, two).",
    ],
  ],
  ["LaTeX's rows", "0.1 & -0.2 \\\\\n0.3 & 0.4 \\\\"],
  ["tabs and decimal commas", "0,1\t-0,2\n0,3\t0,4", ["“0,1” was read as 0.1."]],
  ["Excel's first line", "sep=;\n0,1;-0,2\n0,3;0,4", ["“sep=;” in line 1 was passed over.", "“0,1” was read as 0.1."]],
  ["decimal commas in quotes", '"0,1","-0,2"\n"0,3","0,4"', ["“0,1” was read as 0.1."]],
  [
    "percentages",
    "10%\t-20%\n30 %\t40\u00a0%",
    ["“10%” was read as 0.1.", "“30 %” was read as 0.3.", "“40 %” was read as 0.4."],
  ],
  ["Fortran's exponents", " 1.0D-01  -2.0D-01\n 0.3D+00   0.4d0"],
  ["powers of ten", "1×10^-1\t-2·10^-1\n3 * 10^-1\t0.4"],
  ["word2vec's text", "2 2\nthe 0.1 -0.2\n#of 0.3 0.4"],
  [
    "comments of other marks",
    "% made by hand\n0.1 -0.2\n// half\n0.3 0.4",
    ["“% made by hand” in line 1 and 1 more were passed over as comments."],
  ],
];

/** Other shapes and numbers. */
const others: readonly (readonly [name: string, text: string, shape: number[], values: number[], notes?: string[]])[] =
  [
    ["R's vector", "c(0.1, 0.2, 3L)", [1, 3], [0.1, 0.2, 3]],
    ["R's vector, printed", " [1] 0.1 0.2 0.3\n [4] 0.4 0.5\n", [1, 5], [0.1, 0.2, 0.3, 0.4, 0.5]],
    [
      "R's array",
      "array(c(1, 2, 3, 4, 5, 6, 7, 8), dim = c(2, 2, 2))",
      [2, 2, 2],
      [1, 5, 3, 7, 2, 6, 4, 8],
      ["The numbers fill the columns one after the other, as in R."],
    ],
    [
      "R's matrix of one column",
      "matrix(c(1, 2, 3))",
      [3, 1],
      [1, 2, 3],
      ["The numbers fill the columns one after the other, as in R."],
    ],
    ["Node's typed array", "Float32Array(3) [ 1, 2, 3 ]", [1, 3], [1, 2, 3]],
    ["the browser's array", "(3) [1, 2, 3]", [1, 3], [1, 2, 3]],
    ["JSON of a typed array", '{"0":0.5,"1":0.25}', [1, 2], [0.5, 0.25]],
    ["MATLAB's column", "[1; 2; 3]", [3, 1], [1, 2, 3]],
    ["numpy's long row", "[0.1 0.2 0.3\n 0.4]", [1, 4], [0.1, 0.2, 0.3, 0.4], ["All lines were read as one row."]],
    ["a tensor of PyTorch", "tensor([[[1., 2.]],\n\n        [[3., 4.]]])", [2, 1, 2], [1, 2, 3, 4]],
    ["thousands", '"1,234.5","2,000.1"\n3,4', [2, 2], [1234.5, 2000.1, 3, 4], ["“1,234.5” was read as 1234.5."]],
    [
      "thousands in Germany",
      "1.234,5;2\n1.234;0,5",
      [2, 2],
      [1234.5, 2, 1234, 0.5],
      ["“1.234,5” was read as 1234.5.", "“0,5” was read as 0.5."],
    ],
    [
      "thousands in France",
      "1\u202f234,5\t2\n1\u00a0234\t0,5",
      [2, 2],
      [1234.5, 2, 1234, 0.5],
      ["“1 234,5” was read as 1234.5.", "“1 234” was read as 1234.", "“0,5” was read as 0.5."],
    ],
    [
      "thousands in Switzerland",
      "1'234.5\t2\n1’234\t3",
      [2, 2],
      [1234.5, 2, 1234, 3],
      ["“1'234.5” was read as 1234.5.", "“1’234” was read as 1234."],
    ],
    ["commas that others tell to be thousands", "1,234\t2.5", [1, 2], [1234, 2.5], ["“1,234” was read as 1234."]],
    ["decimal commas between semicolons", "1,234;5", [1, 2], [1.234, 5], ["“1,234” was read as 1.234."]],
    ["fractions", "1/2\t-3/4", [1, 2], [0.5, -0.75], ["“1/2” was read as 0.5."]],
    ["what may be decimal commas", "0,5\n1,25\n0,7", [3, 2], [0, 5, 1, 25, 0, 7], ["“0,5” was read as 2 numbers."]],
    [
      "what may be decimal commas before others",
      "0,5, 1,25\n0,7, 2,5",
      [2, 4],
      [0, 5, 1, 25, 0, 7, 2, 5],
      ["“0,5” was read as 2 numbers."],
    ],
    [
      "what may be decimal commas in brackets",
      "[[0,5, 1,25]]",
      [1, 4],
      [0, 5, 1, 25],
      ["“0,5” was read as 2 numbers."],
    ],
    ["commas and blanks in brackets", "[0.5,1 2.5, 3]", [1, 4], [0.5, 1, 2.5, 3]],
    ["a list that begins each line anew", "[1,5\n2,5]", [2, 2], [1, 5, 2, 5], ["Each line was read as a row."]],
    [
      "a comment of an assembler or Lisp",
      "; a comment\n1 2 3",
      [1, 3],
      [1, 2, 3],
      ["“; a comment” in line 1 was passed over as a comment."],
    ],
    ["what may be thousands", "1 234\n5 678", [2, 2], [1, 234, 5, 678], ["“1 234” was read as 2 numbers."]],
    [
      "a first column that counts",
      "0,0.5\n1,0.25\n2,0.125",
      [3, 2],
      [0, 0.5, 1, 0.25, 2, 0.125],
      ["Column 1 was read as numbers; take it out if it only counts."],
    ],
    [
      "a first row that counts",
      "0 1 2\n3 4 5",
      [2, 3],
      [0, 1, 2, 3, 4, 5],
      ["Line 1 (0, 1, 2) was read as numbers; take it out if it only counts."],
    ],
    [
      "years above numbers",
      "1990,1991\n0.5,0.25",
      [2, 2],
      [1990, 1991, 0.5, 0.25],
      ["Line 1 (1990, 1991) was read as numbers; take it out if it only counts."],
    ],
    [
      "years above whole numbers",
      "name,2019,2020\nx,1,2\ny,3,4",
      [3, 2],
      [2019, 2020, 1, 2, 3, 4],
      [
        "Line 1 (2019, 2020) was read as numbers; take it out if it only counts.",
        "Column 1 names the rows (name, x, y).",
      ],
    ],
    [
      "a single 0 that may head a column",
      "x,0\ny,0.25",
      [2, 1],
      [0, 0.25],
      ["Line 1 (0) was read as numbers; take it out if it only counts.", "Column 1 names the rows (x, y)."],
    ],
  ];

/** Texts that must not be read as something else. */
const refused: readonly (readonly [name: string, text: string, message: RegExp])[] = [
  ["truth values as a first row", "TRUE,FALSE\n1,0\n0,1", /^Line 1, column 1: “TRUE” is not a number/],
  ["truth values as a first column", "true,1\nfalse,2", /^Line 1, column 1: “true” is not a number/],
  ["units in a first row", "5kg,6kg\n7,8", /^Line 1, column 1: “5kg” is not a number as it is read here/],
  ["a word behind decimals", "1.5Mio.,2\n3,4", /^Line 1, column 1: “1.5Mio.” is not a number/],
  ["a word behind a space", "5 lb,6 oz\n1,2", /^Line 1, column 1: “5 lb” is not a number/],
  ["truth values of a spreadsheet in German", "WAHR;FALSCH\n1;0", /^Line 1, column 1: “WAHR” is not a number/],
  ["units in a first column", "1.5 cm,2\n2,5 cm,3", /^Line 1, column 1: “1.5 cm” is not a number/],

  [
    "numpy, elided",
    "[[0.1 0.2 ... 0.3]\n ...\n [0.4 0.5 ... 0.6]]",
    /column 3: “...” stands for numbers that were left out/,
  ],
  ["numpy's rows, elided", "[[0.1 0.2]\n ...\n [0.4 0.5]]", /Line 2.*“...” stands for numbers that were left out/],
  [
    "pandas, elided",
    "     a    b\n0  0.1  0.2\n..  ...  ...\n9  0.3  0.4\n\n[10 rows x 2 columns]",
    /^Line 3 stands for rows that were left out/,
  ],
  ["PyTorch, elided", "tensor([[0.1, 0.2],\n        ...,\n        [0.4, 0.5]])", /Line 2.*left out/],
  ["Node, elided", "Float32Array(100) [\n  1, 2, 3,\n  ... 97 more items\n]", /Line 3.*left out/],
  ["Node's depth", "[ [ [Array], [Array] ] ]", /“Array” is not a number/],
  ["the browser's depth", "(2) [Array(2), Array(2)]", /only the length of this array is shown/],
  ["a longer typed array", "Float32Array(4) [ 1, 2, 3 ]", /of 4 elements 3 are there/],
  [
    "pandas, elided",
    "      0  ...    2\n0   0.1  ...  0.2\n1   0.3  ...  0.4",
    /“...” stands for numbers that were left out/,
  ],
  ["Julia, elided", "2×3 Matrix{Float64}:\n 0.1  …  0.2\n 0.3  …  0.4", /“…” stands for numbers/],
  ["LaTeX, elided", "\\begin{bmatrix} 1 & \\cdots & 2 \\end{bmatrix}", /“\\cdots” is not a number/],
  ["MATLAB's transposed", "[1 2; 3 4]'", /“'” follows the end/],
  ["MATLAB's subtraction", "[1 - 2; 3 4]", /“-” is not a number/],
  ["MATLAB's range", "[1:3]", /“:” is not a number/],
  ["numpy's transposed", "np.array([[1, 2], [3, 4]]).T", /“.T” follows the end/],
  ["a reshaped array", "np.array([1, 2, 3, 4]).reshape(2, 2)", /“.reshape” follows the end/],
  ["a factor", "[[1, 2]] * 2", /“\*” follows the end/],
  ["a factor before", "2 * [[1, 2]]", /“\*” is not a number/],
  ["an array of zeros", "np.zeros((2, 3))", /is not a number/],
  ["an array without values", "torch.Tensor(2, 3)", /“3” is not read here/],
  ["an array of JavaScript without values", "new Float32Array(3)", /only the length/],
  ["a mapped array", "Float32Array.from([1, 2], x => x * 2)", /is not read here/],
  ["an object with a length", "Array.from({ length: 3 })", /this object is not one array/],
  ["two arrays in a call", "np.array([1, 2], [3, 4])", /“\[” is not read here/],
  ["a shape that does not fit", "tf.constant([1, 2], shape=(2, 2))", /2 numbers do not fill 2 × 2/],
  ["R's recycled numbers", "matrix(c(1, 2, 3), nrow = 2)", /3 numbers do not fill 2 × 1.5/],
  ["R's data frame in code", 'structure(list(a = c(1, 2), b = c(3, 4)), class = "data.frame")', /has no dim/],
  ["R's ranges", "matrix(1:6, nrow = 2)", /a comma or “\)” must stand here/],
  [
    "R's blocks of different heights",
    "     [,1]\n[1,]  0.1\n[2,]  0.3\n     [,2]\n[1,] -0.2\n",
    /^The block of columns at line 4 has 1 rows, and the first one 2\.$/,
  ],
  ["R's tensor", ", , 1\n\n     [,1] [,2]\n[1,]    1    2\n", /Line/],
  ["several arrays", '{"w": [[1]], "b": [1]}', /this object is not one array/],
  ["records", '[{"a": 1, "b": 2}, {"a": 3, "b": 4}]', /this object is not one array/],
  ["assignments", "a = [1, 2]\nb = [3, 4]", /“b” follows the end/],
  ["lines that may be rows", "[1 2\n 3 4]", /lines may be rows or not/],
  ["a comma that is missing", "[[1, 2]\n [3, 4], 5]", /a number follows an array of 2/],
  ["a bracket of another kind", "[1, 2)", /“\)” is not a number/],
  ["an array that ends early", "np.array([[1, 2], [3, 4]]", /^Line 1: a comma or “\)” must stand here\.$/],
  ["one number", "np.float32(1.5)", /a single number is not an array/],
  ["accountants' negatives", "(1.5)\t2", /a single number is not an array/],
  ["LaTeX's transposed", "\\begin{bmatrix} 1 & 2 \\end{bmatrix}^T", /there is other text beside the matrix/],
  ["LaTeX's factor", "\\frac12\\begin{bmatrix} 1 & 2 \\end{bmatrix}", /there is other text beside the matrix/],
  [
    "LaTeX's product",
    "\\begin{bmatrix} 1 \\end{bmatrix}\\begin{bmatrix} 2 \\end{bmatrix}",
    /a second table begins here/,
  ],
  ["LaTeX without an end", "\\begin{bmatrix} 1 & 2", /has no \\end/],
  ["LaTeX without numbers", "\\begin{bmatrix} \\end{bmatrix}", /there are no numbers in this table/],
  ["Matrix Market", "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 1 0.5\n", /^Line 1 /],
  ["HTML", "<table><tr><td>1</td></tr></table>", /is not a number/],
  ["both marks as decimal", "1,5\t2.5", /^Line 1, column 2: “2\.5” and “1,5” are not written in one way\.$/],
  ["decimals or thousands", "1,234\t5", /^Line 1, column 1: “1,234” may have decimals or thousands/],
  ["decimals or thousands in quotes", '"1,234",5', /^Line 1, column 1: “1,234” may have decimals or thousands/],
  ["commas within numbers", "0,05\n1,25", /^Line 1, column 2: “05” begins with 0; if a comma belongs to its number/],
  ["decimal commas in brackets", "[[1,5 2,5]]", /^Line 1, row 1, column 1: “1,5” may be one number or two/],
  ["decimal commas in rows", "[1 2 8; 3 4,5]", /^Line 1, row 2, column 2: “4,5” may be one number or two/],
  ["numbers behind the mark of a comment", "; 4 5\n1 2 3", /^Line 1, column 1: “;” is not a number/],
  ["thousands without quotes", "1,000.5,2,000.5", /“000.5” begins with 0/],
  ["percentages among others", "50%,25%\n10,5", /^Line 2, column 1: “10” stands in a column where only some/],
  ["percentages in brackets", "[50%, 25%]", /“50%” is not a number as it is read here/],
  ["a header without one name", "a b\n0.5 2 3\n0.25 5 6", /^Line 1 names 2 columns, and line 2 has 3 numbers\.$/],
  ["numbers below a missing name", ",1.5,2.5\na,1,2", /^Line 1, column 1: the cell is empty/],
  ["a row that is commented out", "1,2\n#3,4\n5,6", /^Line 2, column 1: “#3” is not a number/],
  ["a division by 0", "1/0\t2", /“1\/0” is not a number/],
];

describe("a notation", () => {
  it.each(matrices.map(([name, text, notes]) => ({ name, text, notes })))("is read: $name", ({ text, notes }) => {
    const { values, shape, notes: said } = read(text);
    expect(shape).toEqual([2, 2]);
    expect(values).toEqual([0.1, -0.2, 0.3, 0.4]);
    if (notes !== undefined) expect(said).toEqual(notes);
  });

  it.each(others.map(([name, text, ...expected]) => ({ name, text, expected })))(
    "is read: $name",
    ({ text, expected: [shape, values, notes = []] }) => {
      expect(read(text)).toEqual({ shape, values, notes });
    },
  );

  it.each(refused)("is refused: %s", (_, text, message) => {
    expect(messageOf(text)).toMatch(message);
  });
});

describe("what looks like a number", () => {
  /** Numbers that are not read, and signs for missing numbers. */
  const unread = [
    ..."½ ٣ １ 1.5k ~1 <0.1 1.5±0.1 $5 5€ 1_000 1.2.3 —5 5- ++1 1f 1f5 1d5 1e 1`234 0x10 0b11 1i 1+2j 1:2 5‰ 10^-3 1e5.5 '5 =1".split(
      " ",
    ),
    ..."NA N/A <NA> null None - -- – ? * #N/A #DIV/0! #VALUE! #REF! #NUM! #NAME? #NV #WERT! ####".split(" "),
    ..."NaN nan nan(ind) -nan(snan) Inf -inf ∞ 1e999 ... …".split(" "),
    "1 000",
    "$ 5",
    "1.5E 05",
  ];

  it.each(unread)("is never a name: %s", (cell) => {
    const places = [
      [`${cell}\t${cell}\n1\t2\n3\t4`, "Line 1, column 1"],
      [`${cell}\t2\n1\t2\n3\t4`, "Line 1, column 1"],
      [`1\t2\n${cell}\t${cell}\n3\t4`, "Line 2, column 1"],
      [`${cell}\t1\n${cell}\t2\n${cell}\t3`, "Line 1, column 1"],
      [`a\tb\n${cell}\t1\n${cell}\t2`, "Line 2, column 1"],
      [`\ta\tb\nx\t1\t2\ny\t3\t${cell}`, "Line 3, column 3"],
    ];
    if (!cell.includes(" ")) {
      places.push([`${cell}\n1\n2`, "Line 1, column 1"], [`1\n2\n${cell}`, "Line 3, column 1"]);
    }
    for (const [text, place] of places) expect(messageOf(text).replace(/:.*/s, "")).toBe(place);
  });

  it("is a name only where most rows begin with one, which is said", () => {
    const text =
      'the 0.1 0.2\n, 0.3 0.4\n1990 0.5 0.6\n#love 0.7 0.8\n# 0.9 1\n; 1.1 1.2\n" 1.3 1.4\n- 1.5 1.6\nof 1.7 1.8\nand 1.9 2\nto 2.1 2.2';
    const { rowNames, shape, notes } = parseMatrix(text);
    expect(rowNames).toEqual(["the", ",", "1990", "#love", "#", ";", '"', "-", "of", "and", "to"]);
    expect(shape).toEqual([11, 2]);
    expect(notes).toEqual(["Column 1 names the rows (the, ,, 1990, #love …; line 3 has “1990” there)."]);
  });
});

describe("names of columns", () => {
  it.each([
    [
      "pandas' numbers",
      "0,1,2\n0.5,-0.25,0.125\n0.25,0.5,-0.75",
      ["0", "1", "2"],
      [0.5, -0.25, 0.125, 0.25, 0.5, -0.75],
    ],
    ["pandas' numbers with names of rows", "token,0,1\nthe,0.1,0.2\nof,0.3,0.4", ["0", "1"], [0.1, 0.2, 0.3, 0.4]],
    ["pandas' numbers with numbered rows", ",0,1\n0,0.1,0.2\n1,0.3,0.4", ["0", "1"], [0.1, 0.2, 0.3, 0.4]],
    ["years above named rows", ",1990,1991\na,1,2\nb,3,4", ["1990", "1991"], [1, 2, 3, 4]],
    ["numpy's comment", "# a,b\n1,2\n3,4", ["a", "b"], [1, 2, 3, 4]],
    ["units", "time (s),value [m]\n1,2.5\n3,4", ["time (s)", "value [m]"], [1, 2.5, 3, 4]],
    ["units after names of types", "long (deg),single [m]\n1,2.5\n3,4", ["long (deg)", "single [m]"], [1, 2.5, 3, 4]],
    ["dates", "2024-01-01,2024-01-02\n1,2\n3,4", ["2024-01-01", "2024-01-02"], [1, 2, 3, 4]],
  ])("are %s", (_, text, columnNames, values) => {
    const parsed = parseMatrix(text);
    expect(parsed.columnNames).toEqual(columnNames);
    expect([...parsed.values]).toEqual(values);
    expect(parsed.notes[0]).toMatch(/^Line 1 names the columns \(.+\)\.$/);
  });

  it("are not taken from quotes that stand in different rows", () => {
    const { rowNames, shape } = parseMatrix('"\t1\t2\nof\t3\t4\n"\t5\t6\nto\t7\t8\nand\t9\t10');
    expect([rowNames, shape]).toEqual([
      ['"', "of", '"', "to", "and"],
      [5, 2],
    ]);
  });
});

describe("what would be wrong without a word", () => {
  const refused: readonly (readonly [text: string, reason: RegExp])[] = [
    ["-[[1,2],[3,4]]", /is not a number/],
    ["- [[1,2],[3,4]]", /is not a number/],
    ["tensor(indices=tensor([[0, 1], [1, 0]]), values=tensor([5., 7.]), size=(2, 2), nnz=2)", /is sparse.*to_dense/],
    ["tensor(crow_indices=tensor([0, 1]), col_indices=tensor([1]), values=tensor([5.]))", /is sparse.*to_dense/],
    ["SparseTensor(indices=tf.Tensor([[0 0]], shape=(1, 2)), values=tf.Tensor([1.]))", /is sparse/],
    ["EUR 5,EUR 6\n1,2", /^Line 1, column 1: “EUR 5” is not a number/],
    ["5 USD,6 USD\n1,2", /^Line 1, column 1/],
    ["1.#INF,1.#QNAN\n1,2", /^Line 1, column 1/],
    ["1.#J,1\n1.#R,2", /^Line 1, column 1/],
    ["R$ 1,50\nR$ 2,50", /^Line 1, column 1: “R\$ 1” is not a number/],
    ["US$ 1.50,2\nUS$ 2.50,3", /^Line 1, column 1/],
    ["kr 1,50\nkr 2,50", /^Line 1, column 1/],
    ["Rs. 1,50\nRs. 2,50", /^Line 1, column 1/],
    ["CHF 1'000.50,2\nCHF 2'000.50,3", /^Line 1, column 1: “CHF 1'000.50” is not a number/],
    ["NaN%,1\n-Infinity%,2", /^Line 1, column 1: “NaN%” is not finite/],
    ["&H10,1\n&HFF,2", /^Line 1, column 1/],
    ["Columns 1 to 2 1 2\n3 4", /^Line 1, column 1: “Columns” is not a number/],
  ];
  it.each(refused)("%j is refused", (text, reason) => expect(messageOf(text)).toMatch(reason));

  it("names comments of LaTeX", () => {
    expect(read("1\\% & 2 \\\\ % 3 & 4 \\\\\n5\\% & 6 \\\\ %\n")).toEqual({
      values: [0.01, 2, 0.05, 6],
      shape: [2, 2],
      notes: ["“% 3 & 4 \\\\” in line 1 was passed over as a comment.", "“1%” was read as 0.01."],
    });
  });

  it("reads exponents of Fortran's longest numbers, and leaves quarters names", () => {
    expect(read("1.0Q3 -2.5q-1\n3 4").values).toEqual([1000, -0.25, 3, 4]);
    expect(parseMatrix("1Q23,1\n2Q23,2").rowNames).toEqual(["1Q23", "2Q23"]);
  });

  it("names rows of empty cells", () => {
    expect(read(",\n0.5,0.25\n,\n3,4\n,\n")).toEqual({
      values: [0.5, 0.25, 3, 4],
      shape: [2, 2],
      notes: ["Empty cells were passed over: line 1, 3, 5."],
    });
  });
});
