import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { withClient } from '../../postgres/connection.ts'
import { reachable } from '../../postgres/place.ts'
import { createBackup } from '../../recovery/backup/base-backup.ts'
import { finishRestore } from '../../recovery/restore/finish-restore.ts'
import { restore } from '../../recovery/restore/restore.ts'
import { findRestorePoint, restoreWindow } from '../../recovery/restore/restore-point.ts'
import { parseLsn } from '../../recovery/wal/lsn.ts'
import type { Environment } from '../../run/environment.ts'
import type { ProofSession } from '../prover.ts'
import { spoolOf } from '../recovery/machine.ts'
import { ScenarioUnready } from '../recovery/scenario-error.ts'
import { siteOf } from '../recovery/site.ts'

/** How long WAL may take to be stored, milliseconds. */
const storedWithinMs = 60_000

/** A system whose server will be lost, and brought back as it was at an earlier moment. */
export interface Protected {
  environment: Environment
  /** Takes a base backup while the system serves. */
  backup(): Promise<void>
  /** The present moment: what commits from now on will be lost. Resolves once nothing more can be committed in the same millisecond. */
  moment(): Promise<number>
  /** Kills the server and removes its data, once what was committed is stored and the moment can be restored. */
  lose(moment: number): Promise<void>
  /** Restores to the moment, and serves again; as the plan says, unless the fault of a self-test leaves that out. */
  bringBack(moment: number): Promise<void>
}

/**
 * The site of a session, by the recovery that `aval up` and `aval restore` are made of. Its WAL is kept once for all proofs: of two
 * receivers on one server the slot serves the first, and the other would wait for it as long as the session lasts.
 * @throws ScenarioUnready, errors of the site.
 */
export async function protectedSystem(session: ProofSession): Promise<Protected> {
  const { clock, scratch, system } = session
  const site = await siteOf(session)
  if (site.ruin !== undefined) throw new ScenarioUnready(`The site was not brought back by ${site.ruin}`)
  const { environment, repository } = site
  await site.archive()

  return {
    environment,
    backup: async () => {
      await createBackup({ url: environment.server.url(), repository, clock, receiver: await site.archive() })
    },
    moment: async () => {
      const moment = clock.now() + 1
      // A commit at the very moment of a restore may fall on either side of it.
      while (clock.now() <= moment + 1) await clock.sleep(1)
      return moment
    },
    lose: async (moment) => {
      const written = await withClient(environment.server.url(), async (client) => {
        const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn')
        return parseLsn(rows[0]?.lsn ?? '')
      })
      for (const deadline = clock.now() + storedWithinMs; ; ) {
        const { end } = await findRestorePoint(repository, 'latest')
        // The heartbeat of the receiver commits when nobody else does.
        if (end >= written && ((await restoreWindow(repository))?.to ?? 0) > moment) break
        if (clock.now() > deadline) throw new Error(`WAL was not stored within ${storedWithinMs} ms`)
        await clock.sleep(50)
      }
      site.ruin = 'the day of the devices'
      await environment.server.kill()
      await site.stopArchive()
      const lost = [environment.server.dataDirectory, spoolOf(site)]
      for (const each of lost) await rm(each, { recursive: true, force: true })
    },
    bringBack: async (moment) => {
      const { binaries, database } = environment
      const to = await reachable(join(scratch.directory, 'devices-restored'))
      await restore({ repository, to, at: moment, clock, signal: session.signal })
      const server = await finishRestore({
        dataDirectory: to,
        binaries,
        clock,
        afterRestore: session.faults.has('restore-left-unfinished') ? [] : system.plan.recovery.afterRestore,
        database: database.name,
        owner: database.owner,
        erasures: system.plan.recovery.erasures,
        repository,
      })
      await environment.replaceServer(server)
      site.announce()
      await site.archive()
      site.ruin = undefined
    },
  }
}
