/** A piece of a text: `text.slice(start, end)`. */
export interface Span {
  start: number
  end: number
}

export function overlap(left: Span, right: Span): boolean {
  return left.start < right.end && right.start < left.end
}
