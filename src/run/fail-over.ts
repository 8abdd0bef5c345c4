import type { Clock } from '../clock.ts'
import { failure } from '../errors.ts'
import { withClient } from '../postgres/connection.ts'
import type { Loss } from '../recovery/standby/pair.ts'
import { type PromotionStep, promoteStandby, type StepTaken } from '../recovery/standby/promote-standby.ts'
import type { Environment } from './environment.ts'
import { pairFile } from './pair-file.ts'
import type { Standby } from './standby.ts'

export type FailOverStep = PromotionStep | 'address' | 'verify'

export interface FailOverOptions {
  environment: Environment
  standby: Standby
  clock: Clock
  /** Promotes whatever is lost by it. */
  force?: boolean
  /** Changes roles with a primary that answers; nothing is lost. */
  planned?: boolean
  /** Longest stretch of commits, in milliseconds, given up without force; none unless told. */
  maximumLagMs?: number
  onStep?(step: FailOverStep): void | Promise<void>
}

export interface FailOver {
  generation: number
  loss: Loss
  timeline: number
  /** From the first step to the last. */
  tookMs: number
  steps: StepTaken<FailOverStep>[]
}

/**
 * TECH-INF-001 §6.3: confirms how far behind the standby is and that the primary is down, fences the old primary, promotes
 * the standby, points the address of the database at it, and verifies that it takes writes there. Services stay as they are
 * where the environment has a database address.
 * @throws STANDBY_ABSENT when none runs, and as `promoteStandby`; refused, nothing has changed.
 */
export async function failOver(options: FailOverOptions): Promise<FailOver> {
  const { environment, standby, clock, onStep } = options
  const { server } = standby
  const file = pairFile(environment.directory)
  if (server === undefined) throw failure('STANDBY_ABSENT', { file })
  const began = clock.now()
  const steps: StepTaken<FailOverStep>[] = []
  let done: Awaited<ReturnType<typeof promoteStandby>> | undefined
  let since = began
  const mark = (step: FailOverStep, seen: string) => {
    const now = clock.now()
    steps.push({ step, tookMs: now - since, seen })
    since = now
  }
  await environment.switchServer(async () => {
    done = await promoteStandby({
      pairFile: file,
      clock,
      standby: server,
      primary: environment.server,
      afterLoss: standby.settleLoss,
      ...(options.force === undefined ? {} : { force: options.force }),
      ...(options.planned === undefined ? {} : { planned: options.planned }),
      ...(options.maximumLagMs === undefined ? {} : { maximumLagMs: options.maximumLagMs }),
      ...(onStep ? { onStep } : {}),
    })
    standby.release()
    steps.push(...done.steps)
    await onStep?.('address')
    since = clock.now()
    return server
  })
  mark('address', 'the address of the database leads to the new primary')
  await onStep?.('verify')
  await withClient(environment.databaseUrl('owner'), async (client) => {
    // A commit that is seen by nobody.
    await client.query("SELECT pg_logical_emit_message(true, 'aval', 'verify')")
  })
  mark('verify', 'the owner commits by way of the address')
  if (done === undefined) throw failure('UNEXPECTED', { problem: 'a promotion came back without its result' })
  const { generation, loss, timeline } = done
  return { generation, loss, timeline, tookMs: clock.now() - began, steps }
}
