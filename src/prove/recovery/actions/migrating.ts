import { withClient } from '../../../postgres/connection.ts'
import { shortened } from '../../report/shortened.ts'
import { mendStatement } from '../faults/broken-migration.ts'
import { isAval } from '../operator.ts'
import type { CarryOut } from '../run.ts'

/** Taking up a migration that stopped, by the commands that the plan names. */

const summary = /: (.*\d+ \w[\w-]*.*)\.$/m

export const migrateStatus: CarryOut = async (run, { command }) => {
  const { system } = run.session
  const { typed, output } = await run.site.operator.aval(
    isAval(command) ? command : `aval migrate status ${system.name}`,
  )
  const states = summary.exec(output)?.[1] ?? ''
  const done = run.made.migrated === true
  if (done !== !/interrupted|pending/.test(states))
    throw new Error(done ? `after the migration there is still ${states}` : `nothing is interrupted: ${states}`)
  return { by: typed, saw: states }
}

/** The one step of the way that no command does: a person corrects what stood in the way. */
export const mendCause: CarryOut = async (run) => {
  const { ownerUrl } = run.site.environment.database
  await withClient(ownerUrl, (client) => client.query(mendStatement))
  return { by: 'SQL as the owner of the schema', saw: 'the row that stood in the way is gone' }
}

export const migrateUp: CarryOut = async (run, { command }) => {
  const { faults, system } = run.session
  run.made.migrated = true
  if (faults.has('migration-marked-applied')) {
    const { ownerUrl } = run.site.environment.database
    await withClient(ownerUrl, (client) =>
      client.query(
        "UPDATE aval.migrations SET state = 'applied', applied_at = now(), underway = NULL WHERE state = 'started'",
      ),
    )
    return { by: 'the record set to applied', saw: 'nothing was run' }
  }
  const { typed, output } = await run.site.operator.aval(isAval(command) ? command : `aval migrate up ${system.name}`)
  return { by: typed, saw: shortened(output.trim().replace(/\s+/g, ' '), 400) }
}
