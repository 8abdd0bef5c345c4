import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { formatBytes } from '../../plan/units.ts'
import { startServer } from '../../postgres/launch.ts'
import { reachable } from '../../postgres/place.ts'
import { openEngine } from '../../recovery/open-engine.ts'
import { openRepository } from '../../recovery/repository/repository.ts'
import type { TimedRestore } from '../../recovery/restore/rto-curve.ts'
import { directoryStore } from '../../recovery/stores/directory-store.ts'
import { scratchBinaries } from '../../run/environment.ts'
import { newRing } from '../../secrets/key-ring.ts'
import type { ProofSession } from '../prover.ts'
import { databaseBytes, growDatabase } from '../recovery/size.ts'

/** A fault that makes a restore take this much longer for every byte. */
export const crawlMsPerByte = 5e-4

/**
 * Restores one database at growing sizes, each into a server that takes writes, on a server and a store of its own.
 * @param sizes bytes, growing.
 */
export async function timeRestores(session: ProofSession, sizes: readonly number[]): Promise<TimedRestore[]> {
  const { clock, scratch, signal, system } = session
  const steps = session.steps('recovery/projection')
  // Below the scratch directory, where the next run finds and clears what a killed one left.
  const folder = join(scratch.directory, 'projection')
  const to = await reachable(join(scratch.directory, 'projection-restored'))
  const binaries = await scratchBinaries(system)
  const repository = await openRepository({
    store: directoryStore(join(folder, 'repository')),
    key: newRing(),
    system: system.name,
  })
  const engine = await openEngine({ name: system.plan.recovery.engine, repository, folder, clock })
  const live = await steps.do('server of its own started', async () =>
    startServer({
      dataDirectory: await reachable(join(scratch.directory, 'projection-data')),
      binaries,
      clock,
      settings: engine.serverSettings,
    }),
  )
  const restores: TimedRestore[] = []
  try {
    for (const size of sizes) {
      await steps.do(`grown to ${formatBytes(size)} and backed up`, async () => {
        await growDatabase(live.url(), size)
        await engine.backup({ server: live, signal })
      })
      const bytes = await databaseBytes(live.url())
      const began = clock.now()
      const server = await steps.do(
        `${formatBytes(bytes)} restored and recovered`,
        async () => {
          await engine.restore({ to, at: 'latest', signal })
          if (session.faults.has('restore-crawls')) await clock.sleep(bytes * crawlMsPerByte, signal)
          return engine.recover({
            dataDirectory: to,
            binaries,
            clock,
            afterRestore: [],
            database: 'postgres',
            owner: '',
          })
        },
        () => `${formatBytes(bytes)}`,
      )
      restores.push({ bytes, ms: clock.now() - began })
      await server.stop('immediate')
      await rm(to, { recursive: true, force: true })
    }
    return restores
  } finally {
    await live.stop('immediate')
  }
}
