/**
 * Lays out rows of cells in columns as Go's tabwriter does for docker: a column is as wide as its widest cell and three
 * spaces, ten at least; the last cell of a row is not padded. Wide characters are counted as one.
 */
export function tabulate(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [column, cell] of row.slice(0, -1).entries()) {
      widths[column] = Math.max(widths[column] ?? 10, Array.from(cell).length + 3)
    }
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, column) => {
        return column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 10) - Array.from(cell).length)
      })
      return `${cells.join('')}\n`
    })
    .join('')
}
