import { join } from 'node:path'
import { messageOf } from '../../errors.ts'
import { withClient } from '../../postgres/connection.ts'
import { reachable } from '../../postgres/place.ts'
import type { System } from '../../project/project.ts'
import { findRestorePoint } from '../../recovery/restore/restore-point.ts'
import { type Lsn, parseLsn } from '../../recovery/wal/lsn.ts'
import { openDevelopmentRepository } from '../../run/archive.ts'
import { startEnvironment } from '../../run/environment.ts'
import type { Ack } from '../exercise.ts'
import { startLoad, untilWrites } from '../load.ts'
import type { Finding } from '../prover.ts'
import { type ReadBack, readBackAll } from '../read-back.ts'
import { type Scene, type SoakOptions, soak } from './crash.ts'
import { expectSuccess, patiently, type Round, servesWithinMs } from './round.ts'

/** The guarantee that restores after kills are evidence of. */
export const restoresGuarantee = 'recovery/kill/restored-writes'

/** Rounds between two base backups, so that no restore has to replay the log of the whole soak. */
const roundsPerBackup = 10
const victims = ['up', 'postgres', 'service'] as const

/** Kills at random under load, restores to the latest point by the real command, and asks the restored system, again and again. */
export function restoreRepeatedly(options: SoakOptions): Promise<Finding> {
  const acks: Ack[] = []
  return soak(options, {
    name: (index) => `kill and restore ${index + 1}`,
    play: (scene, index) => restoreRound(scene, options.system, acks, index % roundsPerBackup === 0),
    well: (rounds, writes) =>
      `Each of ${rounds} restores after a kill held every write acknowledged until then, asked for ${writes} times`,
  })
}

/**
 * One kill -9 at a random moment while clients push. Once the next start has recovered and everything committed is stored, the store is
 * restored into a new directory, a system is started on it, and every write that was ever acknowledged is asked for there.
 * @param acks of the rounds before; this round's are added.
 */
async function restoreRound(scene: Scene, system: System, acks: Ack[], backup: boolean): Promise<Round> {
  const { rig, exercise, actors, random, clock } = scene
  const victim = random.pick(victims)
  const afterMs = random.int(600)
  const troubles: string[] = []
  await rig.up()
  if (backup) await expectSuccess(rig, troubles, 'backup', 'create', system.name)
  const load = startLoad({ exercise, actors, random, clock })
  try {
    await untilWrites(load, actors.length, clock, servesWithinMs)
    await clock.sleep(afterMs)
    const killingAt = clock.now()
    const killed = await rig.kill(victim)
    const killedAt = clock.now()
    await rig.up()
    if (victim === 'postgres' && killed) await rig.serverBackAfter(killingAt)
    await untilWrites(load, 1, clock, servesWithinMs, killedAt)
  } catch (error) {
    troubles.push(messageOf(error))
  } finally {
    await load.stop()
    acks.push(...load.acks)
  }
  const result = await restoreAndAsk(scene, system, acks, troubles).catch((error: unknown): ReadBack => {
    troubles.push(messageOf(error))
    return { kept: [], lost: [], altered: [] }
  })
  const missing = result.lost.length + result.altered.length
  return { phase: 'restore', victim, afterMs, writes: result.kept.length + missing, missing, troubles }
}

async function restoreAndAsk(
  { rig, exerciseAt, clock }: Scene,
  system: System,
  acks: readonly Ack[],
  troubles: string[],
): Promise<ReadBack> {
  const { adminUrl } = await rig.up()
  const written = await withClient(adminUrl, async (client) => {
    const { rows } = await client.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn')
    return parseLsn(rows[0]?.lsn ?? '')
  })
  await untilStored(rig, system, written, clock)
  const directory = join(rig.project.root, 'restored')
  const to = await reachable(join(directory, 'database'))
  await expectSuccess(rig, troubles, 'restore', system.name, '--at', 'latest', '--to', to)
  const environment = await startEnvironment({ system, directory, environment: 'scratch', clock, log: () => undefined })
  try {
    // With clients that know nothing, so that nobody brings back what the restore has lost.
    return await readBackAll(patiently(exerciseAt(environment.address), clock), acks)
  } finally {
    await environment.destroy()
  }
}

/** Waits until the repository can be restored to a position. */
async function untilStored(rig: Scene['rig'], system: System, lsn: Lsn, clock: Scene['clock']): Promise<void> {
  const repository = await openDevelopmentRepository(rig.project, system.name)
  const deadline = clock.now() + servesWithinMs
  for (;;) {
    const { end } = await findRestorePoint(repository, 'latest')
    if (end >= lsn) return
    if (clock.now() > deadline) throw new Error(`what was committed was not stored within ${servesWithinMs} ms`)
    await clock.sleep(50)
  }
}
