import type { Database } from '../../plan/database.ts'
import type { Way } from '../../plan/row-security.ts'

/** A way by which somebody gets at rows of another. */
export interface Hole {
  role: string
  way: Way
  /** Name of the table, view, function, sequence; of the role itself where it passes row security. */
  on: string
  /** The constraint that tells it, where one does. */
  through?: string
  /** The statement that shows it; values of rows are never in it. */
  statement: string
  /** What it tells or does. */
  what: string
  /** The policy or grant that would close it. */
  remedy: string
}

export interface Judged {
  open: Hole[]
  accepted: { hole: Hole; by: string; reason: string }[]
  /** Names of what the plan accepts and nothing showed. */
  idle: string[]
}

type Accepted = NonNullable<Database['rowSecurity']>['accepted']

/** Parts the holes into those that the plan accepts with a reason, and those that are open. */
export function judge(holes: readonly Hole[], accepted: Accepted): Judged {
  const entries = Object.entries(accepted)
  const judged: Judged = { open: [], accepted: [], idle: [] }
  const used = new Set<string>()
  for (const hole of holes) {
    const found = entries.find(
      ([, { roles, on, by }]) =>
        roles.includes(hole.role) &&
        by.includes(hole.way) &&
        (on.includes(hole.on) || (hole.through !== undefined && on.includes(hole.through))),
    )
    if (found === undefined) judged.open.push(hole)
    else {
      used.add(found[0])
      judged.accepted.push({ hole, by: found[0], reason: found[1].reason })
    }
  }
  judged.idle = entries.map(([name]) => name).filter((name) => !used.has(name))
  return judged
}

/** One sentence a hole: who, what, by which statement. */
export function describeHole({ role, on, what, statement }: Hole): string {
  return `${role} ${what} ${on}: ${statement}`
}
