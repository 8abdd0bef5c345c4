import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AvalError } from '../../../errors.ts'
import { liftFence } from '../../../postgres/fence.ts'
import { erasuresToRepeat } from '../../../recovery/erasures/journal.ts'
import { readPair } from '../../../recovery/standby/pair.ts'
import { promoteStandby } from '../../../recovery/standby/promote-standby.ts'
import { rejoinStandby } from '../../../recovery/standby/rejoin-standby.ts'
import { standbySide, standbyStatus } from '../../../recovery/standby/standby-status.ts'
import { describeLoss } from '../../../recovery/standby/unreceived.ts'
import { formatLsn } from '../../../recovery/wal/lsn.ts'
import { settleLoss } from '../../../run/standby.ts'
import { type CarryOut, need, type Run } from '../run.ts'

/** Putting a standby in the place of a primary that is gone, and bringing that one back behind it. */

export const confirmStandby: CarryOut = async (run) => {
  const { pairFile, standby } = pairingOf(run)
  const pair = await readPair(pairFile)
  if (pair?.state !== 'following') throw new Error(`the standby is not following: ${pair?.state ?? 'there is none'}`)
  const { received, replayed } = await standbySide(standby)
  return {
    by: 'the state of the pair and the standby itself',
    saw: `${pair.synchronous ? 'synchronous' : 'asynchronous'}, received up to ${formatLsn(received)}, replayed up to ${formatLsn(replayed)}`,
  }
}

export const promote: CarryOut = async (run) => {
  const { pairFile, standby, primary } = pairingOf(run)
  const { clock, faults } = run.session
  const force = faults.has('standby-lagging')
  const { generation, timeline, loss, steps } = await promoteStandby({
    pairFile,
    clock,
    standby,
    primary,
    force,
    maximumLagMs: run.procedure.loss ?? 0,
    afterLoss: settleLoss({
      system: run.session.system,
      erasures: () => erasuresToRepeat(run.site.repository),
      log: () => undefined,
    }),
  })
  if (faults.has('fence-missing')) {
    await liftFence(primary.dataDirectory)
    await rm(join(primary.dataDirectory, 'standby.signal'), { force: true })
  }
  return {
    by: 'the promotion of `aval standby promote`',
    saw: `generation ${generation}, timeline ${timeline}, ${describeLoss(loss)}; ${steps.map(({ step }) => step).join(', ')}`,
  }
}

/** The fence was put up by the promotion: whether it holds is found out by trying to pass it. */
export const fence: CarryOut = async (run) => {
  const { primary, start } = pairingOf(run)
  const started = await start(primary.dataDirectory).then(
    async (server) => {
      await server.stop('immediate')
      return true
    },
    (error: unknown) => {
      if (error instanceof AvalError && error.code === 'POSTGRES_FENCED') return false
      throw error
    },
  )
  if (started) throw new Error('the old primary starts again: two servers would take writes')
  return { by: 'an attempt to start the old primary', saw: 'refused' }
}

export const repoint: CarryOut = async (run) => {
  const { standby } = pairingOf(run)
  await run.site.environment.replaceServer(standby)
  run.site.announce()
  await run.site.archive()
  return { by: 'the services turned to the new primary, its WAL received', saw: 'every service ready' }
}

export const rejoin: CarryOut = async (run) => {
  const { pairFile, standby, start } = pairingOf(run)
  const { clock } = run.session
  const { binaries } = run.site.environment
  const { server, method, aside } = await rejoinStandby({
    primary: standby,
    pairFile,
    clock,
    start,
    binaries,
    log: () => undefined,
  })
  run.made.rejoined = server
  run.session.defer(() => server.stop('immediate'))
  const { streaming, lagBytes } = await standbyStatus(standby, server)
  if (!streaming) throw new Error('the old primary does not follow the new one')
  const kept = aside === undefined ? '' : `; ${aside.commits} transactions it had committed alone are kept beside`
  return { by: `rejoin by ${method}`, saw: `follows, ${lagBytes ?? 'an unknown number of'} bytes behind${kept}` }
}

function pairingOf(run: Run) {
  return need(run.blow.pairing, 'left a standby')
}
