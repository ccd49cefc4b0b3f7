/** A matrix or tensor read from text, with the names around its numbers. */
export interface TextMatrix {
  /** The numbers, row-major. */
  values: Float64Array<ArrayBuffer>;
  /** The numbers of rows and columns; more dimensions where arrays are nested deeper. */
  shape: number[];
  /** How the text was understood, e.g. "separated by commas". */
  layout: string;
  /**
   * What was taken for names or comments, and numbers in notations that could be misread, in sentences. Often empty.
   */
  notes: string[];
  /** A name for each row; undefined if no row has one. */
  rowNames?: string[];
  /** A name for each column; undefined if no column has one. */
  columnNames?: string[];
}
