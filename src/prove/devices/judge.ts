import type { Edit, History } from './history.ts'

/** What is held against a household in the end, and about which entry. */
export interface Charge {
  what: string
  entry: string
}

interface Final {
  history: History
  gadgets: readonly { name: string; seen: ReadonlyMap<string, string> }[]
  /** What a device shows that knows nothing but the keys. */
  fresh: ReadonlyMap<string, string>
}

/**
 * What must be so in the end: all devices of a person show the same, a new one as well; and of each entry that to which everything
 * people did has given way. An edit may be gone only when nobody was left who held it.
 */
export function judgeHousehold({ history, gadgets, fresh }: Final): Charge[] {
  const charges: Charge[] = []
  const ids = new Set([...history.entries(), ...fresh.keys(), ...gadgets.flatMap(({ seen }) => [...seen.keys()])])
  for (const entry of ids) {
    const text = fresh.get(entry)
    for (const { name, seen } of gadgets) {
      if (seen.get(entry) === text) continue
      const what = `${name} shows ${seen.get(entry) ?? 'nothing'} where a new device shows ${text ?? 'nothing'}`
      charges.push({ what, entry })
    }
    charges.push(...missing(history, entry, text).map((what) => ({ what, entry })))
  }
  return charges
}

function missing(history: History, entry: string, text: string | undefined): string[] {
  const shown = history.shown(entry, text)
  if (text !== undefined && shown.length === 0) return [`${text} was never written`]
  return history
    .of(entry)
    .filter((edit) => !edit.excused && !history.reaches(edit, shown))
    .map((edit) => `${describe(edit)} is missing; what is there, ${text ?? 'nothing'}, never knew of it`)
}

function describe({ text, device, madeAt, acknowledgedAt }: Edit): string {
  const time = (at: number) => new Date(at).toISOString().slice(11, 19)
  const heard = acknowledgedAt === undefined ? 'never acknowledged' : `acknowledged ${time(acknowledgedAt)}`
  return `${text ?? 'the deletion'} of ${device}, made ${time(madeAt)}, ${heard},`
}
