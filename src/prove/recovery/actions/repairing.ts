import { join } from 'node:path'
import { withClient } from '../../../postgres/connection.ts'
import { findPageDamage } from '../../../recovery/repair/find-page-damage.ts'
import { nameDamage } from '../../../recovery/repair/name-damage.ts'
import { repairTableFromBackup } from '../../../recovery/repair/repair-table.ts'
import { withRestoredBeside } from '../../../recovery/restore/restored-beside.ts'
import { isAval } from '../operator.ts'
import { type CarryOut, need, type Run } from '../run.ts'
import { firstLines } from './restoring.ts'

/** Finding pages that are not what was written, and filling their table again from the backup. */

export const findDamage: CarryOut = async (run, { command }) => {
  const { server } = run.site.environment
  // It ends with 1 where it finds damage, and then says which backup is sound.
  const told = isAval(command) ? await run.site.operator.aval(command, {}, [1]) : undefined
  const { pages, blocks } = await findPageDamage({ dataDirectory: server.dataDirectory, clock: run.session.clock })
  const relations = await nameDamage(server, pages)
  const worst = relations.find(({ remedy }) => remedy === 'reload')
  if (worst?.table == null) throw new Error(`of ${blocks} pages none of a table is damaged`)
  run.made.damaged = worst.table
  if (told) return { by: told.typed, saw: firstLines(told.output) }
  return {
    by: 'the checksum of every page on disk',
    saw: `${blocks} pages read; ${relations.map(({ relation, blocks: found }) => `${relation} block ${found.join(', ')}`).join('; ')}`,
  }
}

/** Nobody reads or writes what is damaged until it is whole again. */
export const isolate: CarryOut = async (run) => {
  await run.site.environment.stopServices()
  return { by: 'the services stopped', saw: 'nobody reads or writes the damaged table' }
}

export const repair: CarryOut = async (run, { command }) => {
  const table = need(run.made.damaged, 'found a damaged table')
  const { clock, faults, scratch, signal, system } = run.session
  if (faults.has('damage-not-repaired')) return { by: 'nothing', saw: 'said to be repaired' }
  if (isAval(command)) {
    const { typed, output } = await run.site.operator.aval(command)
    return { by: typed, saw: firstLines(output) }
  }
  const { environment, repository } = run.site
  const { database, binaries, server } = environment
  const ended = Promise.withResolvers<void>()
  let beside: Promise<unknown> | undefined
  try {
    const { rows, checksum } = await repairTableFromBackup({
      url: server.url({ database: database.name }),
      table,
      signal,
      copyAt: (upTo) => {
        const ready = Promise.withResolvers<string>()
        beside = withRestoredBeside(
          {
            repository,
            directory: join(scratch.directory, 'beside'),
            at: 'latest',
            upTo,
            binaries,
            clock,
            database: database.name,
            owner: database.owner,
            erasures: system.plan.recovery.erasures,
            signal,
          },
          async ({ url }) => {
            ready.resolve(url)
            await ended.promise
          },
        ).catch(ready.reject)
        return ready.promise
      },
    })
    return {
      by: `the table filled again from a copy restored beside, in one transaction`,
      saw: `${rows} rows, equal by checksum ${checksum.slice(0, 12)}`,
    }
  } finally {
    ended.resolve()
    await beside
  }
}

/** Pages that are still damaged, on disk as it is now. */
export async function damageLeft(run: Pick<Run, 'session' | 'site'>): Promise<string[]> {
  const { server } = run.site.environment
  await withClient(server.url(), (client) => client.query('CHECKPOINT'))
  const { pages } = await findPageDamage({ dataDirectory: server.dataDirectory, clock: run.session.clock })
  const relations = await nameDamage(server, pages)
  return relations
    .filter(({ remedy }) => remedy !== 'nothing')
    .map(({ relation, blocks }) => `Block ${blocks.join(', ')} of ${relation} is still damaged`)
}
