import { type Guarantee, idBegins } from '../plan/guarantee.ts'
import type { System } from '../project/project.ts'
import { alertsProver } from './alerts/prover.ts'
import { behaviourProver } from './behaviour/prover.ts'
import { blindnessProver } from './blindness/prover.ts'
import { devicesProver } from './devices/prover.ts'
import { escrowProver } from './escrow/prover.ts'
import { integrityProver } from './integrity/prover.ts'
import { isolationProver } from './isolation/prover.ts'
import { limitsProver } from './limits/prover.ts'
import { migrationProver } from './migration/prover.ts'
import { performanceProver } from './performance/prover.ts'
import { probesProver } from './probes/prover.ts'
import { projectionProver } from './projection/prover.ts'
import type { Prover } from './prover.ts'
import { recoveryProver } from './recovery/prover.ts'
import { requestsProver } from './requests/prover.ts'
import { erasureProver } from './retention/erasure-prover.ts'
import { retentionProver } from './retention/prover.ts'
import { runbooksProver } from './runbooks/prover.ts'
import { spendProver } from './spend/prover.ts'
import { telemetryProver } from './telemetry/prover.ts'

/**
 * Every prover, in the order they run: recovery destroys what the ones before it need, integrity judges what it restored. Requests start the services anew,
 * which then count from nothing what they do once a day: telemetry asks them before.
 */
export const provers: readonly Prover[] = [
  behaviourProver,
  limitsProver,
  telemetryProver,
  requestsProver,
  blindnessProver,
  isolationProver,
  migrationProver,
  alertsProver,
  probesProver,
  spendProver,
  performanceProver,
  retentionProver,
  erasureProver,
  escrowProver,
  projectionProver,
  devicesProver,
  runbooksProver,
  recoveryProver,
  integrityProver,
]

/** The prover that carries a guarantee out; undefined when there is none yet and it stays unproven. */
export function proverOf(guarantee: Guarantee, system: System): Prover | undefined {
  return provers.find((prover) => prover.kind === guarantee.kind && prover.accepts(guarantee, system))
}

/** What a run is about: the guarantees whose ids begin so; where none is named, those that are quick enough for every day, or all. */
export interface Selection {
  only: readonly string[]
  thorough: boolean
  /** Ids, where a run is about those alone. */
  changed?: ReadonlySet<string>
}

/** Whether a run asks about a guarantee, be there a prover for it or not. */
export function isMeant({ id }: Guarantee, { only, changed }: Selection): boolean {
  return idBegins(id, only) && (changed === undefined || changed.has(id))
}

export function isSelected(guarantee: Guarantee, system: System, selection: Selection): boolean {
  const prover = proverOf(guarantee, system)
  if (prover === undefined || !isMeant(guarantee, selection)) return false
  return selection.thorough || selection.only.length > 0 || prover.isLong?.(guarantee, system) !== true
}
