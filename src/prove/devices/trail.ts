/** What happened to one household, in the order it happened, for whoever has to find out why. */
export interface Trail {
  note(who: string, what: string, entry?: string): void
  /** Everything, or what concerns one entry together with what concerns all. */
  lines(entry?: string): string[]
}

export function createTrail(now: () => number): Trail {
  const notes: { at: number; who: string; what: string; entry: string | undefined }[] = []
  return {
    note: (who, what, entry) => void notes.push({ at: now(), who, what, entry }),
    lines: (entry) =>
      notes
        .filter((note) => entry === undefined || note.entry === undefined || note.entry === entry)
        .map(({ at, who, what, entry: of }) => {
          const time = new Date(at).toISOString().slice(11, 19)
          return `${time} ${who} ${what}${of === undefined ? '' : ` [${of.slice(0, 8)}]`}`
        }),
  }
}
