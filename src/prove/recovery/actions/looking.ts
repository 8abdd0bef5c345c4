import { timestamp } from '../../../clock.ts'
import { readableMs } from '../../../plan/readable-duration.ts'
import { withClient } from '../../../postgres/connection.ts'
import { restoreWindow } from '../../../recovery/restore/restore-point.ts'
import { breachesOf } from '../../integrity/invariant.ts'
import { inspectPages } from '../../integrity/pages.ts'
import { measureLoss } from '../../read-back.ts'
import { recordSteps } from '../../steps.ts'
import { type CarryOut, describeReadBack, measureRestored, settleClients as settle } from '../run.ts'

/** Looking at what came back: the data, the losses, and what clients make of it. */

export const verifyData: CarryOut = async ({ session }) => {
  const { clock, scratch, system } = session
  const { server, database } = await scratch.environment()
  const url = server.url({ database: database.name })
  const pages = await inspectPages(
    url,
    recordSteps(clock, () => undefined),
  )
  if (pages.violations > 0) throw new Error(pages.reason)
  const invariants = Object.entries(system.plan.database?.invariants ?? {})
  for (const [name, { sql }] of invariants) {
    const broken = await breachesOf(url, sql)
    if (broken > 0) throw new Error(`${broken} rows break the invariant ${name}`)
  }
  return {
    by: 'checksums and amcheck over every page, and every invariant of the plan',
    saw: `${pages.sample.size} tables and indexes sound, ${invariants.length} invariants hold`,
  }
}

export const settleClients: CarryOut = async (run) => {
  const settled = await settle(run)
  if (run.measured.unsettled !== undefined) throw new Error(run.measured.unsettled)
  if (settled === undefined)
    return { by: 'nobody', saw: 'clients of this system hold nothing that they could bring back' }
  return { by: 'every client synchronised until nothing moved', saw: describeReadBack(settled) }
}

export const reportLoss: CarryOut = async (run) => {
  const found = await measureRestored(run)
  const { ms } = measureLoss(found, run.blow.at)
  return {
    by: 'every acknowledged write asked for',
    saw: ms === 0 ? describeReadBack(found) : `${describeReadBack(found)}, ${readableMs(ms)} before the fault`,
  }
}

/** A primary that still answers must not be replaced. */
export const confirmDown: CarryOut = async ({ session, site }) => {
  const { url } = site.environment.server
  const answered = await withClient(url(), (client) => client.query('SELECT 1')).then(
    () => true,
    () => false,
  )
  if (answered) throw new Error('the server still answers')
  return { by: `a connection to ${new URL(url()).host}`, saw: `refused at ${timestamp(session.clock.now())}` }
}

/** The copy is worth recovering from when it opens and its newest moment is recent. */
export const confirmCopy: CarryOut = async ({ blow, site }) => {
  const window = await restoreWindow(site.repository)
  if (window === undefined) throw new Error('the second store can restore nothing')
  const behindMs = Math.max(0, blow.at - window.to)
  return {
    by: `the window of ${site.repository.store.place}`,
    saw: `restorable up to ${timestamp(window.to)}, ${readableMs(behindMs)} before the fault`,
  }
}
