import type { Clock } from '../clock.ts'
import { describeError } from '../errors.ts'
import { readableMs } from '../plan/readable-duration.ts'
import { outageOf } from '../postgres/connection.ts'
import { plainStatus } from '../recovery/standby/standby-status.ts'
import { describeLoss } from '../recovery/standby/unreceived.ts'
import type { Environment } from './environment.ts'
import { failOver } from './fail-over.ts'
import type { Standby } from './standby.ts'
import { type StandbyOrder, type StandbyResult, serveOrders } from './standby-orders.ts'

export interface KeepStandbyOptions {
  environment: Environment
  standby: Standby
  clock: Clock
  log(line: string): void
  /** As the plan has it; a standby made without a word on it. */
  synchronous: boolean
  maximumLagMs: number
  /** Called when another server has become the primary: an archive must follow it. */
  onPromoted(): Promise<void>
  signal: AbortSignal
}

/** How long a standby that died is left alone before it is started again. */
const restartAfterMs = 5_000

/** Starts the standby again when it dies, and does what commands ask for, until the signal. */
export async function keepStandby(options: KeepStandbyOptions): Promise<void> {
  const { environment, clock, signal } = options
  await Promise.all([
    superviseStandby(options),
    serveOrders(environment.directory, (order) => carryOut(order, options), { clock, signal }),
  ])
}

/** Changes roles because the primary is dead and cannot be started; never forced. */
export async function promoteAlone(options: KeepStandbyOptions): Promise<void> {
  const { log } = options
  const { loss, tookMs } = await failOver(options)
  log(`standby | promoted after the primary could not be started, in ${readableMs(tookMs)}: ${describeLoss(loss)}`)
  await options.onPromoted()
}

async function superviseStandby({ environment, standby, clock, log, signal }: KeepStandbyOptions): Promise<void> {
  while (!signal.aborted) {
    await clock.sleep(restartAfterMs, signal).catch(() => undefined)
    if (signal.aborted || standby.server === undefined) continue
    if (standby.server.running()) {
      // Either server may be going away just now; then the next look tells.
      const resumed = await standby.resumeWaiting(environment.server).catch(() => false)
      if (resumed) log('standby | it follows: commits wait for it again')
      continue
    }
    log('standby | it ended; starting it again')
    await standby.restart(environment).catch((error: unknown) => {
      log(`standby | ${describeError(outageOf(error, environment.server.url()))}`)
    })
  }
}

async function carryOut(order: StandbyOrder, options: KeepStandbyOptions): Promise<StandbyResult> {
  const { environment, standby, log } = options
  switch (order.action) {
    case 'status':
      return plainStatus(await standby.status(environment.server))
    case 'create': {
      const synchronous = order.synchronous ?? options.synchronous
      const { copy } = await standby.create(environment, { synchronous, signal: options.signal })
      log(`standby | made, ${copy.files} files, ${copy.bytes} bytes; it follows`)
      return { files: copy.files, bytes: copy.bytes, synchronous }
    }
    case 'promote': {
      const done = await failOver({
        ...options,
        ...(order.force === undefined ? {} : { force: order.force }),
        ...(order.planned === undefined ? {} : { planned: order.planned }),
      })
      log(`standby | promoted: ${describeLoss(done.loss)}`)
      await options.onPromoted()
      const { generation, timeline, tookMs } = done
      const steps = done.steps.map(({ step, seen, tookMs: took }) => ({ step, seen, tookMs: took }))
      return { generation, timeline, tookMs, loss: describeLoss(done.loss), steps }
    }
    case 'rejoin': {
      const { method, copy, aside } = await standby.rejoin(environment, order.delta ? { method: 'delta' } : {})
      return {
        method,
        writtenBytes: copy?.writtenBytes ?? null,
        bytes: copy?.bytes ?? null,
        aside: aside ? { ...aside } : null,
      }
    }
  }
}
