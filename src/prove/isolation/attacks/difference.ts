import { attempt, type Outcome, replica } from '../attempt.ts'
import { removal, trace, type World } from '../world.ts'
import { callsOf } from './calls.ts'
import { ownWrites } from './own-writes.ts'
import type { Question } from './question.ts'
import { questionsOf } from './relations.ts'

/**
 * Asks everything twice: with the other tenant's rows there and without them. Whatever answers differently tells something of them, be it a
 * row, a number or the words of an error. What answers differently by itself is asked once more and left out.
 */
export async function attackReads(world: World): Promise<void> {
  const { client } = world
  const questions = world.actors.flatMap((actor) => [
    ...questionsOf(world, actor),
    ...callsOf(world, actor),
    ...ownWrites(world, actor),
  ])
  const traced = trace(world, world.tables)
  const ask = async ({ actor, sql, before, cursor, touches }: Question, looking = false): Promise<Outcome> => {
    world.tried()
    return attempt(client, actor, {
      sql,
      ...(before === undefined ? {} : { before }),
      ...(cursor === undefined ? {} : { cursor }),
      ...(touches && looking ? { after: traced } : {}),
    })
  }
  await refresh(world)
  const untouched = await client.query<{ seen: string }>(traced)
  const before: Outcome[] = []
  for (const question of questions) {
    const outcome = await ask(question, true)
    before.push(outcome)
    if (outcome.refused || outcome.after === undefined || outcome.after === untouched.rows[0]?.seen) continue
    const { way } = question
    world.found({ ...holeOf(question), way: way === 'read' ? 'change' : way, what: 'changes rows of another by' })
  }
  await client.query(`SAVEPOINT without; ${replica(removal(world.catalog, world.other.rows))}`)
  await refresh(world)
  const differing: number[] = []
  for (const [place, question] of questions.entries()) {
    const outcome = await ask(question)
    if (outcome.answer !== before[place]?.answer) differing.push(place)
  }
  await client.query('ROLLBACK TO without; RELEASE without')
  for (const place of differing) {
    const question = questions[place]
    if (question === undefined) continue
    if ((await ask(question)).answer === before[place]?.answer) world.found(holeOf(question))
  }
}

function holeOf({ actor, on, way, statement, what, remedy }: Question) {
  return { role: actor.as, on, way, statement, what, remedy }
}

/** Brings kept views to what their tables hold now; one whose query fails keeps what it has. */
async function refresh({ client, catalog }: World): Promise<void> {
  for (const { sql, materialized } of catalog.views) {
    if (!materialized) continue
    await client.query('SAVEPOINT refreshed')
    await client.query(`REFRESH MATERIALIZED VIEW ${sql}`).catch(() => client.query('ROLLBACK TO refreshed'))
    await client.query('RELEASE refreshed')
  }
}
