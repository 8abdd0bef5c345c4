import { attempt } from './attempt.ts'
import type { Remark } from './remarks.ts'
import type { World } from './world.ts'

/** What refusals are worth: whether anybody could see rows of their own, and which tables refuse whatever is asked of them. */
export interface Control {
  controlled: boolean
  failing: Remark[]
}

/** Asks every table for what is one's own. */
export async function controlOf({ client, actors, tables, rights, own }: World): Promise<Control> {
  const failing = new Map<string, Remark>()
  let controlled = false
  for (const actor of actors)
    for (const { oid, name, sql, rowSecurity } of tables) {
      if (rights.get(actor.as)?.read.has(oid) !== true || (controlled && actor.speaks !== 'own')) continue
      const outcome = await attempt(client, actor, { sql: `SELECT 1 FROM ${sql}` })
      if (!outcome.refused && outcome.count > 0 && own.rows.has(oid)) controlled = true
      if (!outcome.refused || !rowSecurity || outcome.code === '42501' || actor.speaks !== 'own') continue
      failing.set(name, {
        on: name,
        what: `refuses whatever is asked of it: a policy fails with SQLSTATE ${outcome.code}`,
      })
    }
  return { controlled, failing: [...failing.values()] }
}
