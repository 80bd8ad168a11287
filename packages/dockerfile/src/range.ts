/** A place in a Dockerfile. */
export interface Position {
  /** Line, from 1. */
  readonly line: number
  /** Column in UTF-16 code units, from 1. */
  readonly column: number
  /** Index into the source text in UTF-16 code units, from 0. */
  readonly offset: number
}

/** A stretch of a Dockerfile; `end` is exclusive. It may span lines when the text was continued. */
export interface Range {
  readonly start: Position
  readonly end: Position
}

/** A piece of a Dockerfile as it was written (continuations joined, variables not expanded), with its place. */
export interface Text {
  readonly text: string
  readonly range: Range
}
