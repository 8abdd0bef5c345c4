import type { AlertRule } from '../../watch/alerts/rule.ts'
import type { Fault, FaultMutant } from '../prover.ts'

/** Ways in which a probe fails to watch, each made beside the plan. */
export const probeMutants: readonly FaultMutant[] = [
  mutant(
    'probe-always-well',
    'probe-always-well',
    'Whatever the target does, the probe says that it is well',
    /well although/,
  ),
  mutant('probe-counts-early', 'probe-counts-early', 'One failure fewer counts', /told although it failed only/),
  mutant('probe-counts-late', 'probe-counts-late', 'One failure more is waited for', /late/),
  mutant('probe-unplugged', 'channel-unplugged', 'Nothing is set for the channel of the probe', /was told nothing/),
  ofHeartbeat('heartbeat-of-another', 'A sign of life of one job counts for all', /although another job/),
  ofHeartbeat('heartbeat-forgotten', 'A restart forgets for how long nothing was heard', /After a restart/),
]

function ofHeartbeat(fault: Fault, description: string, says: RegExp): FaultMutant {
  const breaks: FaultMutant['breaks'] = (guarantees) =>
    guarantees.find(({ path, claim }) => path[0] === 'probes' && claim.startsWith('A sign of life'))
  return { id: fault, fault, description, breaks, says }
}

/** The probe that notifies by itself after several failures shows each; where there is none such, the first shows what it can. */
function mutant(id: string, fault: Fault, description: string, says: RegExp): FaultMutant {
  const breaks: FaultMutant['breaks'] = (guarantees) => {
    const probes = guarantees.filter(({ kind }) => kind === 'probes')
    return probes.find(({ path }) => path[1] === 'api') ?? probes[0]
  }
  return { id, fault, description, breaks, says }
}

/** The rule that runs in place of the one in the plan. */
export function runningInstead(rule: AlertRule, faults: ReadonlySet<Fault>): AlertRule {
  const more = faults.has('probe-counts-early') ? -1 : faults.has('probe-counts-late') ? 1 : 0
  return rule.source.kind === 'probe'
    ? { ...rule, source: { ...rule.source, failures: rule.source.failures + more } }
    : rule
}
