import type { Source } from './source.ts'

/** Why lines were left out: how many, and the first of them. What the lines hold is not repeated. */
export interface Rejection {
  reason: string
  count: number
  lines: number[]
}

/** What an import did. Added, changed and removed are medicines as this source tells of them, or entries of its lists. */
export interface Summary {
  source: Source
  /** `unchanged` when the file is the one read before. */
  outcome: 'imported' | 'unchanged'
  lines: number
  added: number
  changed: number
  removed: number
  rejected: Rejection[]
  /** The version of the catalog after it, and whether this import made it. */
  version: number
  published: boolean
}

/** Lines named for each reason. */
const linesTold = 10

export class RejectionCounter {
  readonly #byReason = new Map<string, Rejection>()
  lines = 0
  rejected = 0

  add(line: number, reason: string): void {
    this.rejected++
    const known = this.#byReason.get(reason) ?? { reason, count: 0, lines: [] }
    this.#byReason.set(reason, known)
    known.count++
    if (known.lines.length < linesTold) known.lines.push(line)
  }

  /** The most frequent reason first. */
  all(): Rejection[] {
    return [...this.#byReason.values()].sort((one, other) => other.count - one.count)
  }
}

/** The summary in words, for whoever runs the import. */
export function tellSummary(summary: Summary): string {
  const { source, outcome, lines, added, changed, removed, rejected, version, published } = summary
  const catalog = `the catalog is at version ${version}${published ? ', new' : ', as before'}`
  if (outcome === 'unchanged') return `${source}: the same file as before; ${catalog}`
  const reasons = rejected.map(
    ({ reason, count, lines: first }) =>
      `  left out ${count}: ${reason} (line${first.length > 1 ? 's' : ''} ${first.join(', ')}${count > first.length ? ', ...' : ''})`,
  )
  return [
    `${source}: ${lines} lines; ${added} added, ${changed} changed, ${removed} removed; ${catalog}`,
    ...reasons,
  ].join('\n')
}
