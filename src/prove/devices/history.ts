/**
 * What people did, as a graph: each edit knows which edits its person had seen and meant to replace. It knows nothing of versions, epochs
 * or cursors, and so tells independently what must be there in the end: an edit may only give way to one that knew of it, or to a decision
 * of a person.
 */
export interface Edit {
  /** The text that was written, unlike any other; undefined for a deletion. */
  text: string | undefined
  entry: string
  device: string
  /** Simulated time at which it was made, and at which its device heard that it is kept. */
  madeAt: number
  acknowledgedAt: number | undefined
  /** Why it may be gone in the end: every device that held it was lost before it could bring it (back). */
  excused: boolean
  /** Edits that took its place. */
  replacedBy: Set<Edit>
}

/** A side of a conflict, or what a device shows: the edits that this may be. Nobody can tell two deletions of an entry apart. */
export type Shown = readonly Edit[]

export interface History {
  edits(): readonly Edit[]
  /** An edit whose person saw `seen`. */
  add(edit: Pick<Edit, 'text' | 'entry' | 'device' | 'madeAt'>, seen: Shown): Edit
  /** A person decided: `loser` gives way to `winner`. */
  decide(winner: Shown, loser: Shown): void
  /** What a device shows of an entry: the edit with this text, or all its deletions; empty when it shows none that was ever made. */
  shown(entry: string, text: string | undefined): Shown
  /** Whether an edit is one of those shown, or gave way to one. */
  reaches(edit: Edit, shown: Shown): boolean
  entries(): string[]
  of(entry: string): readonly Edit[]
}

export function createHistory(): History {
  const byEntry = new Map<string, Edit[]>()
  const of = (entry: string): Edit[] => byEntry.get(entry) ?? []
  const reaches = (edit: Edit, shown: Shown): boolean => {
    const met = new Set<Edit>()
    const open = [edit]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if (shown.includes(next)) return true
      if (met.has(next)) continue
      met.add(next)
      open.push(...next.replacedBy)
    }
    return false
  }
  return {
    edits: () => [...byEntry.values()].flat(),
    add: (made, seen) => {
      const edit: Edit = { ...made, acknowledgedAt: undefined, excused: false, replacedBy: new Set() }
      for (const each of seen) each.replacedBy.add(edit)
      byEntry.set(made.entry, [...of(made.entry), edit])
      return edit
    },
    decide: (winner, loser) => {
      for (const lost of loser) for (const won of winner) if (lost !== won) lost.replacedBy.add(won)
    },
    shown: (entry, text) => of(entry).filter((edit) => edit.text === text),
    reaches,
    entries: () => [...byEntry.keys()],
    of,
  }
}
