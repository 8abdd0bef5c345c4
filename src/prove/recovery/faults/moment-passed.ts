import type { Strike } from '../run.ts'

/** Clients go on past the moment: what they write then is what a restore to it must not hold. */
export const passMoment: Strike = async ({ session, site, load }) => {
  const { clock, effort, signal } = session
  const moment = clock.now()
  await clock.sleep(effort.loadMs / 2, signal)
  await load.stop()
  // Only once a heartbeat lies behind the moment can it be restored to.
  const archive = await site.archive()
  const mark = await archive.heartbeat()
  await archive.waitUntilStored(mark.lsn, 60_000)
  return { at: clock.now(), what: 'everything after a moment is to be undone', moment, until: moment }
}
